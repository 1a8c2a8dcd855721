/**
 * What the pool and its workers say to each other, and what a worker does with it. Blocks travel packed into
 * one slab, a buffer that is transferred there and back and used again; verdicts come back in few transferred
 * buffers. Sets of keys travel packed, because cloning a small view would clone the whole buffer behind it.
 */
import type { Transferable } from "node:worker_threads";
import { assert, assertNever } from "../../kernel/errors.ts";
import { verifyApprovals } from "../approval-check.ts";
import { verifyEach } from "../bls.ts";
import { PUBLIC_KEY_LENGTH } from "../body-layout.ts";
import { concatBytes, equalBytes } from "../bytes.ts";
import { checkSegments } from "../check-segment.ts";
import type { AuthoritySetFacts, ChainFacts } from "../facts.ts";
import { decodeHeader, HASH_LENGTH, HEADER_LENGTH, type ReadHeader } from "../header.ts";
import { isSmallSegment } from "../segment.ts";
import type {
  ApprovalCheck,
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
  /** Not in a group: a worker was lost that had it. */
  readonly isAlone: boolean;
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

/** What a worker did with a task, and the buffers that go with the reply. */
export interface Done {
  readonly reply: Reply;
  readonly transfer: Transferable[];
}

/** Segments that a worker checks together. More would save little, and each would wait for all. */
export const GROUP_MAX = 3;

/** Copies the segment's blocks into `slab`, which is large enough, and describes it. */
export function packSegment(input: SegmentInput, slab: ArrayBuffer, isAlone: boolean): SegmentTask {
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
    isAlone,
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

/**
 * `first` with what waits behind it, as far as it is checked together: small segments. `take` answers the next task that
 * waits; one that was taken and does not belong to the group is `next`.
 */
export function takeGroup(
  first: Task,
  take: () => Task | undefined,
): { group: Task[]; next: Task | undefined } {
  const group = [first];
  if (!isGroupable(first)) return { group, next: undefined };
  while (group.length < GROUP_MAX) {
    const next = take();
    if (next === undefined || !isGroupable(next)) return { group, next };
    group.push(next);
  }
  return { group, next: undefined };
}

function isGroupable(task: Task): boolean {
  return task.kind === "segment" && !task.isAlone && isSmallSegment(task.policy, task.ends.at(-1) ?? 0);
}

/** What a worker does with a group: a reply to each task, in their order. Never throws. */
export function runGroup(facts: ChainFacts, group: readonly Task[]): Done[] {
  const segments = group.filter((task) => task.kind === "segment");
  if (segments.length === group.length && group.length > 1) {
    try {
      return runSegments(facts, segments);
    } catch {
      // A programmer's error: it shall fail the task that brings it about, and no other.
    }
  }
  return group.map((task) => runTask(facts, task));
}

function runTask(facts: ChainFacts, task: Task): Done {
  try {
    switch (task.kind) {
      case "segment":
        return runSegments(facts, [task])[0] as Done;
      case "approvals":
        return verdictsReply(verifyApprovals(task.checks, facts.genesisHash));
      case "signatures":
        return verdictsReply(verifyEach(task.checks));
      default:
        return assertNever(task);
    }
  } catch (error) {
    return failed(task, error);
  }
}

function failed(task: Task, error: unknown): Done {
  const slab = task.kind === "segment" ? task.slab : undefined;
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { reply: { kind: "failed", message, slab }, transfer: slab === undefined ? [] : [slab] };
}

/** The verdict as the port states it; `giveBack` takes the segment's memory when it is no longer needed. */
export function unpackVerdict(
  verdict: PackedVerdict,
  giveBack: (memory: ArrayBuffer) => void,
  known?: ReadHeader,
): SegmentVerdict {
  if (!verdict.ok) return verdict;
  const { segment } = verdict;
  const { headers, count } = segment;
  return {
    ok: true,
    segment: {
      ...segment,
      firstParentHash: headers.subarray(0, HASH_LENGTH),
      ...(known === undefined
        ? {
            first: decodeHeader(headers.subarray(0, HEADER_LENGTH)),
            last: decodeHeader(headers.subarray((count - 1) * HEADER_LENGTH)),
          }
        : ends(known, segment)),
      giveBack,
    },
  };
}

/** The ends of a block alone, whose header was read before: the hash tells that it is this one. */
export function ends(
  { header, hash }: ReadHeader,
  { hashes }: Pick<ValidatedSegment, "hashes">,
): Pick<ValidatedSegment, "first" | "last"> {
  assert(equalBytes(hash, hashes), "the header that was read is the block's");
  return { first: header, last: header };
}

function runSegments(facts: ChainFacts, tasks: readonly SegmentTask[]): Done[] {
  const offers = tasks.map((task) => ({ input: inputOf(task), memory: new Uint8Array(task.slab) }));
  return checkSegments(facts, offers).map((verdict, at) => replyTo(tasks[at] as SegmentTask, verdict));
}

function inputOf(task: SegmentTask): SegmentInput {
  const { slab, policy, nowMs, parentAuthorities, verifiedParentApproval } = task;
  const blocks: Uint8Array[] = [];
  let start = 0;
  for (const end of task.ends) {
    blocks.push(new Uint8Array(slab, start, end - start));
    start = end;
  }
  return {
    blocks,
    policy,
    nowMs,
    authorities: unpackAuthorities(task.authorities),
    ...(parentAuthorities && { parentAuthorities: unpackAuthorities(parentAuthorities) }),
    ...(verifiedParentApproval && { verifiedParentApproval }),
  };
}

function replyTo({ slab, policy }: SegmentTask, verdict: SegmentVerdict): Done {
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

function verdictsReply(verdicts: boolean[]): Done {
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
