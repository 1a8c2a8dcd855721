/**
 * A sequence of writes in which each follows from its number: append or replace, its batch, and its own number in `meta`. So
 * whoever opens the store afterwards can tell what must be in it to the bit, wherever the writer was killed.
 */
import type { AppendBatch, BlockStore } from "../../src/storage/port.ts";
import { blockBatch } from "../contract/block-batches.ts";

export interface Write {
  /** Height above which canonical blocks are replaced; the head for a plain append. */
  readonly above: number;
  readonly count: number;
}

/** The write of this number on a chain of this height. */
export function writeAt(number: number, head: number): Write {
  const depth = number % 7 === 0 ? Math.min(number % 5, head) : 0;
  return { above: head - depth, count: depth + 1 + ((number * 37) % 64) };
}

function branchOf(number: number): string {
  return `write-${number}`;
}

function batchOf(number: number, { above, count }: Write): AppendBatch {
  const meta = new Map([["write", Uint8Array.from(Buffer.from(String(number)))]]);
  return blockBatch(above + 1, count, { branch: branchOf(number), meta });
}

/** Number of the last write that is in the store. */
export function lastWrite(store: BlockStore): number {
  return Number(Buffer.from(store.readMeta("write") ?? Buffer.from("0")).toString());
}

/** Carries out the write; resolves with the new head when it is durable. */
export async function carryOut(store: BlockStore, number: number, head: number): Promise<void> {
  const write = writeAt(number, head);
  if (write.above === head) await store.append(batchOf(number, write));
  else await store.replaceAbove(write.above, batchOf(number, write));
}

/** Branch of each height after this many writes. */
export function expectedBranches(writes: number): string[] {
  const branches: string[] = [""];
  for (let number = 1; number <= writes; number++) {
    const { above, count } = writeAt(number, branches.length - 1);
    branches.length = above + 1;
    for (let i = 0; i < count; i++) branches.push(branchOf(number));
  }
  return branches;
}
