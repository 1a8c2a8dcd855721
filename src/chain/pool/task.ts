/**
 * What the pool and its workers say to each other, and what a worker does with it. Blocks travel packed into
 * one slab, a buffer that is transferred there and back and used again; verdicts come back in few transferred
 * buffers. Sets of keys travel packed, because cloning a small view would clone the whole buffer behind it.
 */
import type { Transferable } from "node:worker_threads";
import { assertNever } from "../../kernel/errors.ts";
import { verifyApprovals } from "../approval-check.ts";
import { verifyEach } from "../bls.ts";
import { PUBLIC_KEY_LENGTH } from "../body-layout.ts";
import { concatBytes } from "../bytes.ts";
import { checkSegment } from "../check-segment.ts";
import { decodeHeader, HASH_LENGTH, HEADER_LENGTH } from "../header.ts";
import type {
  ApprovalCheck,
  AuthoritySetFacts,
  ChainFacts,
  Policy,
  SegmentInput,
  SegmentVerdict,
  SignatureCheck,
  ValidatedSegment,
} from "../validator.ts";

/** Given to a worker when it starts. */
export interface WorkerData {
  readonly facts: ChainFacts;
}

/** A segment without its blocks, which are in the slab. */
interface SegmentTask {
  readonly kind: "segment";
  readonly slab: ArrayBuffer;
  /** Where each block ends in the slab; the first begins at 0. */
  readonly ends: Uint32Array;
  readonly policy: Policy;
  readonly authorities: Uint8Array;
  readonly parentAuthorities: Uint8Array | undefined;
  readonly nowMs: number;
  readonly verifiedParentApproval: Uint8Array | undefined;
}

export type Task =
  | SegmentTask
  | { readonly kind: "approvals"; readonly checks: readonly ApprovalCheck[] }
  | { readonly kind: "signatures"; readonly checks: readonly SignatureCheck[] };

/** What cannot be computed from the rest of the segment. */
type PackedSegment = Omit<ValidatedSegment, "first" | "last" | "firstParentHash" | "giveBack">;
type PackedVerdict =
  | { readonly ok: true; readonly segment: PackedSegment }
  | Extract<SegmentVerdict, { ok: false }>;

/** Sent by a worker: once `ready`, then one reply a task, in the order of the tasks. */
export type Reply =
  | { readonly kind: "ready" }
  /** Without the slab when the segment itself lies in it. */
  | { readonly kind: "segment"; readonly verdict: PackedVerdict; readonly slab: ArrayBuffer | undefined }
  | { readonly kind: "verdicts"; readonly verdicts: boolean[] }
  /** The check itself failed: a programmer's error. The slab comes back all the same. */
  | { readonly kind: "failed"; readonly message: string; readonly slab: ArrayBuffer | undefined };

/** Copies the segment's blocks into `slab`, which is large enough, and describes it. */
export function packSegment(input: SegmentInput, slab: ArrayBuffer): SegmentTask {
  const target = new Uint8Array(slab);
  const ends = new Uint32Array(input.blocks.length);
  let end = 0;
  for (const [index, block] of input.blocks.entries()) {
    target.set(block, end);
    end += block.length;
    ends[index] = end;
  }
  const { policy, nowMs, parentAuthorities } = input;
  return {
    kind: "segment",
    slab,
    ends,
    policy,
    authorities: packAuthorities(input.authorities),
    parentAuthorities: parentAuthorities && packAuthorities(parentAuthorities),
    nowMs,
    verifiedParentApproval: input.verifiedParentApproval?.slice(),
  };
}

/** Copies of the checks' arrays, each with no more memory behind it than it shows. */
export function packApprovals(checks: readonly ApprovalCheck[]): Task {
  const copies = checks.map(({ header, approval, authorities: { keys, root } }) => ({
    header: header.slice(),
    approval: approval.slice(),
    authorities: { keys: keys.map((key) => key.slice()), root: root.slice() },
  }));
  return { kind: "approvals", checks: copies };
}

export function packSignatures(checks: readonly SignatureCheck[]): Task {
  const copies = checks.map(({ publicKeys, signingRoot, signature }) => ({
    publicKeys: publicKeys.map((key) => key.slice()),
    signingRoot: signingRoot.slice(),
    signature: signature.slice(),
  }));
  return { kind: "signatures", checks: copies };
}

/** What a worker does with one task: the reply, and the buffers that go with it. Never throws. */
export function runTask(facts: ChainFacts, task: Task): { reply: Reply; transfer: Transferable[] } {
  try {
    switch (task.kind) {
      case "segment":
        return runSegment(facts, task);
      case "approvals":
        return verdictsReply(verifyApprovals(task.checks, facts.genesisHash));
      case "signatures":
        return verdictsReply(verifyEach(task.checks));
      default:
        return assertNever(task);
    }
  } catch (error) {
    const slab = task.kind === "segment" ? task.slab : undefined;
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { reply: { kind: "failed", message, slab }, transfer: slab === undefined ? [] : [slab] };
  }
}

/** The verdict as the port states it; `giveBack` takes the segment's memory when it is no longer needed. */
export function unpackVerdict(
  verdict: PackedVerdict,
  giveBack: (memory: ArrayBuffer) => void,
): SegmentVerdict {
  if (!verdict.ok) return verdict;
  const { segment } = verdict;
  const { headers, count } = segment;
  return {
    ok: true,
    segment: {
      ...segment,
      firstParentHash: headers.subarray(0, HASH_LENGTH),
      first: decodeHeader(headers.subarray(0, HEADER_LENGTH)),
      last: decodeHeader(headers.subarray((count - 1) * HEADER_LENGTH)),
      giveBack,
    },
  };
}

function runSegment(facts: ChainFacts, task: SegmentTask): { reply: Reply; transfer: Transferable[] } {
  const { slab, policy, nowMs, parentAuthorities, verifiedParentApproval } = task;
  const blocks: Uint8Array[] = [];
  let start = 0;
  for (const end of task.ends) {
    blocks.push(new Uint8Array(slab, start, end - start));
    start = end;
  }
  const input: SegmentInput = {
    blocks,
    policy,
    nowMs,
    authorities: unpackAuthorities(task.authorities),
    ...(parentAuthorities && { parentAuthorities: unpackAuthorities(parentAuthorities) }),
    ...(verifiedParentApproval && { verifiedParentApproval }),
  };
  const verdict = checkSegment(facts, input, new Uint8Array(slab));
  // Hashes inside a fault may be views on the slab; cloning them would clone the slab.
  if (!verdict.ok) {
    return { reply: { kind: "segment", verdict: structuredCopy(verdict), slab }, transfer: [slab] };
  }
  const { count, bytes, offsets, hashes, headers, firstParentApproval } = verdict.segment;
  const segment = { policy, count, bytes, offsets, hashes, headers, firstParentApproval };
  const transfer = [bytes.buffer, offsets.buffer, hashes.buffer, headers.buffer] as ArrayBuffer[];
  if (bytes.buffer === slab) {
    return { reply: { kind: "segment", verdict: { ok: true, segment }, slab: undefined }, transfer };
  }
  return { reply: { kind: "segment", verdict: { ok: true, segment }, slab }, transfer: [slab, ...transfer] };
}

function structuredCopy(verdict: Extract<SegmentVerdict, { ok: false }>): typeof verdict {
  const entries = Object.entries(verdict.fault).map(([name, value]: [string, unknown]) => [
    name,
    value instanceof Uint8Array ? value.slice() : value,
  ]);
  return { ...verdict, fault: Object.fromEntries(entries) as typeof verdict.fault };
}

function verdictsReply(verdicts: boolean[]): { reply: Reply; transfer: Transferable[] } {
  return { reply: { kind: "verdicts", verdicts }, transfer: [] };
}

/** root ‖ keys. */
function packAuthorities({ keys, root }: AuthoritySetFacts): Uint8Array {
  return concatBytes([root, ...keys]);
}

function unpackAuthorities(packed: Uint8Array): AuthoritySetFacts {
  const keys: Uint8Array[] = [];
  for (let at = HASH_LENGTH; at < packed.length; at += PUBLIC_KEY_LENGTH) {
    keys.push(packed.subarray(at, at + PUBLIC_KEY_LENGTH));
  }
  return { keys, root: packed.subarray(0, HASH_LENGTH) };
}
