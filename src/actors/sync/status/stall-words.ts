/** The words of every StallReason, for people: the only place that makes them. Pure. */

import { describeFault } from "../../../chain/block-fault.ts";
import { toHex } from "../../../chain/hex.ts";
import { assertNever } from "../../../kernel/errors.ts";
import type { ProvenHead } from "../head.ts";
import type { BatchState } from "../range/batch.ts";
import type { StoreDamage } from "../store-check/tail-check.ts";
import type { CheckpointsConflict, OwnFailure, RecoveryContradicted, StallReason } from "./stall-reason.ts";

const NEXT_WORDS: Readonly<Record<BatchState, string>> = {
  awaiting: "waiting for a peer that has them",
  downloading: "being downloaded",
  awaitingValidation: "waiting for validation",
  validating: "being validated",
  importing: "being imported",
  final: "imported",
};

type Words = { readonly [R in StallReason as R["type"]]: (reason: R) => string };

const WORDS: Words = {
  notStarted: () => "not started",
  stopped: ({ note }) => withNote("stopped", note),
  heightReached: ({ height }) => `stopped: height ${height} is reached`,
  recovering: ({ checkpointId }) => `stopped: recovering from checkpoint ${checkpointId}`,
  recoveryContradicted: (reason) => withNote("stopped", contradictionWords(reason)),
  searchingCheckpoint: () => "asking peers for a checkpoint",
  checkpointUnconfirmed: ({ height, peerId }) =>
    `stalled: only ${peerId} has checkpoint ${height}, a second party has to confirm it`,
  adoptingCheckpoint: ({ checkpointId }) => `adopting checkpoint ${checkpointId}`,
  checkpointsConflict: (reason) => withNote("stopped", conflictWords(reason)),
  checkpointFailed: ({ failure }) => withNote("stopped", failure.message),
  paused: ({ note }) => withNote("paused", note),
  chainAway: ({ failure }) => failure?.message ?? "the ChainActor is away",
  checkingStore: ({ height }) => `checking the store: at height ${height}`,
  storeDamaged: ({ height, damage }) => `the store is damaged at height ${height}: ${damageWords(damage)}`,
  reorganizationUnconfirmed: ({ height, connectedPeers }) => {
    const alone = connectedPeers === 1 ? ": only one is connected" : "";
    return `waiting for a second peer to confirm the reorganization to ${height}${alone}`;
  },
  validationFailed: ownFailureWords,
  importRefused: ownFailureWords,
  blockNotYetValid: ownFailureWords,
  targetBelowFinal: ({ height }) =>
    height === undefined
      ? "the target's chain parts from ours below the final block"
      : `the target's chain parts from ours below final, at ${height}`,
  targetNotBetter: () => "the target's chain was not better than ours after all",
  targetForeignAuthorities: () => "the target's chain is under authorities that do not follow from ours",
  headUnserved: ({ head, retryMs }) => {
    const next = retryMs > 0 ? `tried again in ${Math.ceil(retryMs / 1000)} s` : "being tried again";
    return `nobody delivers what leads to the certified head ${blockWords(head)}: it is no target, ${next}`;
  },
  noValidBlocks: ({ height, attempts }) =>
    `no peer delivers valid blocks from height ${height} on, after ${attempts} attempts`,
  headStandsStill: ({ forMs, next }) => {
    const doing = next === undefined ? "nothing is asked for" : `the next blocks are ${NEXT_WORDS[next]}`;
    return `stalled: the head stands still for ${Math.floor(forMs / 1000)} s, ${doing}`;
  },
  followingUnprovenHead: ({ head }) =>
    `following the chain towards height ${blockWords(head)}, which is claimed under authorities that are not known yet`,
  noProvenHead: () => "no peer has proven a head yet",
  headOld: ({ ageMs }) => `nobody has a better head, and ours is ${ageMs} ms old`,
};

/** One sentence without a full stop. */
export function stallWords<R extends StallReason>(reason: R): string {
  // The compiler does not see that an entry of the table takes the reason of its own key.
  const words = WORDS[reason.type] as (reason: R) => string;
  return words(reason);
}

/** As the operation that it ends says it. */
export function contradictionWords({ height, checkpointId }: RecoveryContradicted): string {
  return `the chain synchronised again has another block ${height} than checkpoint ${checkpointId}`;
}

/** As the operation that it ends says it. */
export function conflictWords({ height, peerId, others }: CheckpointsConflict): string {
  return `quorums signed two blocks ${height}: ${peerId} has another checkpoint than ${others.join()}`;
}

function damageWords(damage: StoreDamage): string {
  switch (damage.type) {
    case "missing":
      return "the block is missing";
    case "tooShort":
      return `the block has ${damage.bytes} bytes`;
    case "notIndexed":
      return "its hash is not the one in the index";
    case "notFoundByHash":
      return "the index does not find it by its hash";
    case "unlinked":
      return "it does not link to its parent";
    case "unchecked":
      return damage.failure.message;
    case "invalid":
      return describeFault(damage.fault);
    default:
      return assertNever(damage);
  }
}

function ownFailureWords(reason: OwnFailure): string {
  switch (reason.type) {
    case "validationFailed":
      return `validation failed: ${reason.failure.message}`;
    case "importRefused":
      return reason.failure.message;
    case "blockNotYetValid":
      return describeFault(reason.fault);
    default:
      return assertNever(reason);
  }
}

function withNote(state: string, note: string): string {
  return note === "" ? state : `${state}: ${note}`;
}

function blockWords({ height, hash }: ProvenHead): string {
  return `${height} (block ${toHex(hash.subarray(0, 4))})`;
}
