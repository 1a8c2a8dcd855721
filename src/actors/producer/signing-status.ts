/** The guard's state as callers and the SyncActor are told of it. Pure. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type KeySightingSchema,
  SigningRefusal as Refusal,
  SightingKind,
  type SigningStatusSchema,
} from "../../../gen/alys/producer/v1/producer_pb.ts";
import { ProductionCondition } from "../../../gen/alys/sync/v1/sync_pb.ts";
import {
  describeRefusal,
  type GuardState,
  refusalOf,
  type Sighting,
  type SigningRefusal,
} from "./signing-guard.ts";

/** Under which condition of producing a refusal is named. */
export const CONDITION_OF: Readonly<Record<SigningRefusal, ProductionCondition>> = {
  LISTENING: ProductionCondition.LISTENING,
  OWN_KEY_ELSEWHERE: ProductionCondition.OWN_KEY_ELSEWHERE,
  VOTE_RECORD_MISSING: ProductionCondition.VOTE_RECORD_UNTRUSTED,
  VOTE_RECORD_OUTDATED: ProductionCondition.VOTE_RECORD_UNTRUSTED,
  VOTE_RECORD_FOREIGN: ProductionCondition.VOTE_RECORD_UNTRUSTED,
};

const KINDS: Readonly<Record<Sighting["kind"], SightingKind>> = {
  delegation: SightingKind.DELEGATION,
  proposal: SightingKind.PROPOSAL,
  approval: SightingKind.APPROVAL,
  block: SightingKind.BLOCK,
  unreadable: SightingKind.UNREADABLE,
};

export function signingStatus(
  state: GuardState,
  slotNow: number,
): MessageInitShape<typeof SigningStatusSchema> {
  const refusal = refusalOf(state, slotNow);
  const { sighting, slotsListened, slotsWanted, unrecordedSlot } = state;
  return {
    refusal: refusal === undefined ? Refusal.UNSPECIFIED : Refusal[refusal],
    detail: refusal === undefined ? "" : describeRefusal(state, refusal),
    slotsListened,
    slotsWanted,
    unrecordedSlot: BigInt(unrecordedSlot),
    ...(sighting === undefined ? {} : { sighting: keySighting(sighting) }),
  };
}

function keySighting({
  kind,
  slot,
  hash,
  peerId,
  seenMs,
}: Sighting): MessageInitShape<typeof KeySightingSchema> {
  return { kind: KINDS[kind], slot: BigInt(slot), hash, peerId, seen: timestampFromMs(seenMs) };
}
