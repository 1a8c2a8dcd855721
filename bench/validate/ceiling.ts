/**
 * What EVERY_BLOCK cannot be faster than: bare batch calls of the BLS library, from signatures as bytes, group check
 * included, in as many threads as the pool has workers. Nothing else is done: keys are decoded and summed beforehand.
 * Runs as a process of its own; takes a CeilingTask as JSON, answers a CeilingAnswer on standard output.
 */

import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import {
  aggregatePublicKeys,
  PublicKey,
  Signature,
  verifyMultipleAggregateSignatures,
} from "@chainsafe/blst";
import { decodeApproval, indexesOf } from "../../src/chain/approval.ts";
import { approvalDomain } from "../../src/chain/approval-check.ts";
import { splitBlock } from "../../src/chain/block.ts";
import { ChainForge } from "../../src/chain/forge.ts";
import { headerHash } from "../../src/chain/header.ts";
import { signingRoot } from "../../src/chain/signing.ts";
import { BlockFile, type ChainOptions } from "./block-file.ts";

export interface CeilingTask {
  readonly file: string;
  readonly chain: ChainOptions;
  /** Signatures that are verified, again and again. */
  readonly blocks: number;
  readonly durationMs: number;
}

export interface CeilingAnswer {
  readonly blocks_per_second: number;
  /** Processor time of all threads, a signature. */
  readonly cpu_us_per_block: number;
}

interface Verified {
  readonly signatures: number;
  readonly elapsedMs: number;
}

/** As many signatures a call as a segment has. */
const BATCH = 64;

interface Signed {
  readonly root: Uint8Array;
  readonly signature: Uint8Array;
  /** 48 bytes each. */
  readonly keys: readonly Uint8Array[];
}

if (isMainThread) await main(JSON.parse(process.argv[2] ?? "") as CeilingTask);
else verifyUntil(workerData as { signed: Signed[]; durationMs: number });

async function main({ file, chain, blocks, durationMs }: CeilingTask): Promise<void> {
  const forge = new ChainForge(chain);
  const domain = approvalDomain(forge.genesis.hash);
  const source = await BlockFile.open(file, true);
  const signed = (await source.take(blocks)).map((bytes): Signed => {
    const { header, approval } = splitBlock(bytes);
    const { bits, signature } = decodeApproval(approval);
    return {
      root: signingRoot(headerHash(header), domain),
      signature: signature.slice(),
      keys: indexesOf(bits).map((index) => forge.authorities.keys[index] as Uint8Array),
    };
  });
  await source.close();
  const threads = availableParallelism();
  const share = Math.ceil(signed.length / threads);
  const before = process.cpuUsage();
  const parts = await Promise.all(
    Array.from({ length: threads }, (_, index) => {
      const own = signed.slice(index * share, (index + 1) * share);
      const worker = new Worker(new URL(import.meta.url), { workerData: { signed: own, durationMs } });
      return new Promise<Verified>((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
      });
    }),
  );
  const { user, system } = process.cpuUsage(before);
  const total = parts.reduce((sum, { signatures }) => sum + signatures, 0);
  const answer: CeilingAnswer = {
    blocks_per_second: parts.reduce(
      (sum, { signatures, elapsedMs }) => sum + (1000 * signatures) / elapsedMs,
      0,
    ),
    cpu_us_per_block: (user + system) / total,
  };
  process.stdout.write(JSON.stringify(answer));
}

function verifyUntil({ signed, durationMs }: { signed: Signed[]; durationMs: number }): void {
  const decoded = new Map<string, PublicKey>();
  const keyOf = (bytes: Uint8Array): PublicKey => {
    const name = Buffer.from(bytes).toString("hex");
    const key = decoded.get(name) ?? PublicKey.fromBytes(bytes, true);
    decoded.set(name, key);
    return key;
  };
  const ready = signed.map(({ root, signature, keys }) => ({
    msg: root,
    signature,
    pk: aggregatePublicKeys(keys.map(keyOf), false),
  }));
  let verified = 0;
  const startMs = performance.now();
  for (let at = 0; performance.now() - startMs < durationMs; at = (at + BATCH) % ready.length) {
    const batch = ready.slice(at, at + BATCH);
    const sets = batch.map(({ msg, pk, signature }) => ({
      msg,
      pk,
      sig: Signature.fromBytes(signature, true, true),
    }));
    if (!verifyMultipleAggregateSignatures(sets, false, false)) throw new Error("a signature does not hold");
    verified += sets.length;
  }
  const answer: Verified = { signatures: verified, elapsedMs: performance.now() - startMs };
  parentPort?.postMessage(answer);
}
