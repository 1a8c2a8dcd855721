/** StallReason as the protocol has it, and what of it is worth a message of its own. Pure. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { NextBlocks, StallKind, type StallReasonSchema } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { toHex } from "../../../chain/hex.ts";
import type { ProvenHead } from "../head.ts";
import type { BatchState } from "../range/batch.ts";
import type { StoreDamage } from "../store-check/tail-check.ts";
import type { StallReason } from "./stall-reason.ts";

type StallInit = MessageInitShape<typeof StallReasonSchema>;

const NEXT_BLOCKS: Readonly<Record<BatchState, NextBlocks>> = {
  awaiting: NextBlocks.AWAITING_PEER,
  downloading: NextBlocks.DOWNLOADING,
  awaitingValidation: NextBlocks.AWAITING_VALIDATION,
  validating: NextBlocks.VALIDATING,
  importing: NextBlocks.IMPORTING,
  // A batch leaves the queue in the turn that ends it.
  final: NextBlocks.IMPORTING,
};

type Messages = {
  readonly [R in StallReason as R["type"]]: (reason: R) => StallInit & { readonly kind: StallKind };
};

const MESSAGES: Messages = {
  notStarted: () => ({ kind: StallKind.NOT_STARTED }),
  stopped: ({ note }) => ({ kind: StallKind.STOPPED, note }),
  heightReached: ({ height }) => ({ kind: StallKind.HEIGHT_REACHED, height: BigInt(height) }),
  recovering: ({ checkpointId }) => ({ kind: StallKind.RECOVERING, checkpointId }),
  recoveryContradicted: ({ height, checkpointId }) => ({
    kind: StallKind.RECOVERY_CONTRADICTED,
    height: BigInt(height),
    checkpointId,
  }),
  searchingCheckpoint: () => ({ kind: StallKind.SEARCHING_CHECKPOINT }),
  checkpointUnconfirmed: ({ height, peerId }) => ({
    kind: StallKind.CHECKPOINT_UNCONFIRMED,
    height: BigInt(height),
    peerId,
  }),
  adoptingCheckpoint: ({ checkpointId }) => ({ kind: StallKind.ADOPTING_CHECKPOINT, checkpointId }),
  checkpointsConflict: ({ height, peerId }) => ({
    kind: StallKind.CHECKPOINTS_CONFLICT,
    height: BigInt(height),
    peerId,
  }),
  checkpointFailed: ({ failure }) => ({ kind: StallKind.CHECKPOINT_FAILED, code: failure.reason }),
  paused: ({ note }) => ({ kind: StallKind.PAUSED, note }),
  chainAway: ({ failure }) => ({ kind: StallKind.CHAIN_AWAY, code: failure?.reason ?? "" }),
  checkingStore: ({ height }) => ({ kind: StallKind.CHECKING_STORE, height: BigInt(height) }),
  storeDamaged: ({ height, damage }) => ({
    kind: StallKind.STORE_DAMAGED,
    height: BigInt(height),
    code: damageCode(damage),
  }),
  reorganizationUnconfirmed: ({ height }) => ({
    kind: StallKind.REORGANIZATION_UNCONFIRMED,
    height: BigInt(height),
  }),
  validationFailed: ({ failure, attempts }) => ({
    kind: StallKind.VALIDATION_FAILED,
    code: failure.reason,
    attempts,
  }),
  importRefused: ({ failure, attempts }) => ({
    kind: StallKind.IMPORT_REFUSED,
    code: failure.reason,
    attempts,
  }),
  blockNotYetValid: ({ fault, attempts }) => ({
    kind: StallKind.BLOCK_NOT_YET_VALID,
    code: fault.code,
    attempts,
  }),
  targetBelowFinal: ({ height }) => ({
    kind: StallKind.TARGET_BELOW_FINAL,
    ...(height === undefined ? {} : { height: BigInt(height) }),
  }),
  targetNotBetter: () => ({ kind: StallKind.TARGET_NOT_BETTER }),
  targetForeignAuthorities: () => ({ kind: StallKind.TARGET_FOREIGN_AUTHORITIES }),
  headUnserved: ({ head, retryMs }) => ({
    kind: StallKind.HEAD_UNSERVED,
    ...about(head),
    retryMs: milliseconds(retryMs),
  }),
  noValidBlocks: ({ height, attempts }) => ({
    kind: StallKind.NO_VALID_BLOCKS,
    height: BigInt(height),
    attempts,
  }),
  headStandsStill: ({ forMs, next }) => ({
    kind: StallKind.HEAD_STANDS_STILL,
    nextBlocks: next === undefined ? NextBlocks.NOT_ASKED_FOR : NEXT_BLOCKS[next],
    lastingMs: milliseconds(forMs),
  }),
  followingUnprovenHead: ({ head }) => ({ kind: StallKind.FOLLOWING_UNPROVEN_HEAD, ...about(head) }),
  noProvenHead: () => ({ kind: StallKind.NO_PROVEN_HEAD }),
  headOld: ({ ageMs }) => ({ kind: StallKind.HEAD_OLD, lastingMs: milliseconds(ageMs) }),
};

export function stallMessage<R extends StallReason>(reason: R): StallInit {
  // The compiler does not see that an entry of the table takes the reason of its own key.
  const message = MESSAGES[reason.type] as (reason: R) => StallInit;
  return message(reason);
}

/** What is told of when it changes: another cause or another thing that it is about. Attempts and times only go on. */
export function stallNews(stall: StallInit | undefined): string {
  if (stall === undefined) return "";
  const { kind, height, blockHash, checkpointId, peerId, code, note, nextBlocks } = stall;
  const hash = blockHash === undefined ? undefined : toHex(blockHash);
  return JSON.stringify([kind, height?.toString(), hash, checkpointId, peerId, code, note, nextBlocks]);
}

function damageCode(damage: StoreDamage): string {
  switch (damage.type) {
    case "unchecked":
      return damage.failure.reason;
    case "invalid":
      return damage.fault.code;
    default:
      return DAMAGE_CODES[damage.type];
  }
}

const DAMAGE_CODES: Readonly<Record<Exclude<StoreDamage["type"], "unchecked" | "invalid">, string>> = {
  missing: "BLOCK_MISSING",
  tooShort: "BLOCK_TOO_SHORT",
  notIndexed: "HASH_NOT_INDEXED",
  notFoundByHash: "NOT_FOUND_BY_HASH",
  unlinked: "BROKEN_LINK",
};

function about({ height, hash }: ProvenHead) {
  return { height: BigInt(height), blockHash: hash };
}

function milliseconds(ms: number): bigint {
  return BigInt(Math.max(0, Math.floor(ms)));
}
