/**
 * Gossip scores, derived from the one rate we know: a block each slot. Nothing here lets an honest peer fall below zero.
 *
 * - P1 (time in the mesh) and P2 (first deliveries) are small and positive: they tell mesh peers that deliver from those that
 *   do not, so that opportunistic grafting replaces the silent.
 * - P3 (too few deliveries in the mesh) is off. It punishes silence, and an honest peer is silent whenever we told it
 *   IDONTWANT, and all are when the chain halts. Withholding is judged above, where heads are known.
 * - P4 (invalid messages) is off. What is rejected is judged by the PeerActor like every other offence, and comes back as P5:
 *   so one place decides, a penalty that is taken back is taken back here too, and nobody pays twice.
 * - P5 is the application's, from PeerActor: its reputation. P6 (many peers on one address) is off on private networks. P7 begins beyond 6
 *   broken promises, since our own lag breaks some.
 */

import type { TopicName } from "../protocols.ts";

/** Counters below this are taken for zero. */
const DECAY_TO_ZERO = 0.01;

/** P2 looks back over this many slots; P7 forgives over this many: ten minutes of 2 s slots. */
const FIRST_DELIVERY_SLOTS = 100;
const BEHAVIOUR_SLOTS = 300;

/** Most that P1 counts, time in the mesh. */
const TIME_IN_MESH_MAX = 8;
/** Most that P2 counts, first deliveries. */
const FIRST_DELIVERIES_MAX = 25;

/** The application's share, −100…100, counts as it is. */
export const PROTECTED_SCORE = 100;

/**
 * The application's share is the reputation, from 0 to −100: it sends a peer away at −20 and bans it at −50, so these are for
 * the moments between, and for a peer that P7 takes further down.
 */
export const SCORE_THRESHOLDS = {
  gossipThreshold: -40,
  publishThreshold: -80,
  graylistThreshold: -160,
  acceptPXThreshold: 1000,
  opportunisticGraftThreshold: 5,
} as const;

export interface ScoreOptions {
  readonly slotDurationMs: number;
  readonly privateNetwork: boolean;
  readonly applicationScore: (peerId: string) => number;
  readonly topicIds: Readonly<Record<TopicName, string>>;
}

/** The factor that takes a counter to 1 % in so many intervals. */
export function decayOver(intervals: number): number {
  return DECAY_TO_ZERO ** (1 / intervals);
}

/** Parameters for gossipsub; counters decay once a slot. */
export function scoreParams(options: ScoreOptions) {
  return {
    topics: {
      [options.topicIds.blocks]: blockTopic(options.slotDurationMs),
      [options.topicIds.transactions]: transactionTopic(options.slotDurationMs),
    },
    topicScoreCap: TIME_IN_MESH_MAX + FIRST_DELIVERIES_MAX,
    appSpecificScore: options.applicationScore,
    appSpecificWeight: 1,
    IPColocationFactorWeight: options.privateNetwork ? 0 : -5,
    IPColocationFactorThreshold: 8,
    IPColocationFactorWhitelist: new Set(["127.0.0.1", "::1"]),
    behaviourPenaltyWeight: -10,
    behaviourPenaltyThreshold: 6,
    behaviourPenaltyDecay: decayOver(BEHAVIOUR_SLOTS),
    decayInterval: options.slotDurationMs,
    decayToZero: DECAY_TO_ZERO,
    // A peer cannot shed a bad score by coming back within the time that would have decayed it.
    retainScore: BEHAVIOUR_SLOTS * options.slotDurationMs,
  };
}

/** P3, P3b and P4: off. */
const NO_MESSAGE_PENALTIES = {
  invalidMessageDeliveriesWeight: 0,
  invalidMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesCap: 1,
  meshMessageDeliveriesThreshold: 1,
  meshMessageDeliveriesWindow: 5000,
  meshMessageDeliveriesActivation: 60_000,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0.5,
} as const;

function blockTopic(slotDurationMs: number) {
  const decay = decayOver(FIRST_DELIVERY_SLOTS);
  // One block a slot, all first from one peer: the counter converges here.
  const cap = 1 / (1 - decay);
  const timeInMeshCap = 3_600_000 / slotDurationMs;
  return {
    topicWeight: 1,
    timeInMeshWeight: TIME_IN_MESH_MAX / timeInMeshCap,
    timeInMeshQuantum: slotDurationMs,
    timeInMeshCap,
    firstMessageDeliveriesWeight: FIRST_DELIVERIES_MAX / cap,
    firstMessageDeliveriesDecay: decay,
    firstMessageDeliveriesCap: cap,
    ...NO_MESSAGE_PENALTIES,
  };
}

/** The rate of transactions is unknown, so nothing is earned here. */
function transactionTopic(slotDurationMs: number) {
  return {
    topicWeight: 1,
    timeInMeshWeight: 0,
    timeInMeshQuantum: slotDurationMs,
    timeInMeshCap: 1,
    firstMessageDeliveriesWeight: 0,
    firstMessageDeliveriesDecay: 0.5,
    firstMessageDeliveriesCap: 1,
    ...NO_MESSAGE_PENALTIES,
  };
}
