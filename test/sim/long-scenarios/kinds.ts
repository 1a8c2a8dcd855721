/** The long scenarios: long or rare troubles that a federation goes through one at a time, by name. */

export type LongScenarioKind =
  /** Every peer is empty for a range that exists: a stall, told as one. */
  | "empty-range"
  /** Peers claim heads that nobody signed, while a node synchronises. */
  | "lying-heads"
  /** A certified block is kept back until another one of its height is out. */
  | "competing-blocks"
  /** A longer chain parts from ours below the final block. */
  | "fork-below-final"
  /** The network falls apart for a minute. */
  | "long-partition"
  /** A node's ChainActor is away for ten minutes. */
  | "chain-away"
  /** A peer has ten thousand certified blocks whose ancestors nobody has. */
  | "deep-ancestry"
  /** A peer serves good headers with bad bodies. */
  | "bad-bodies"
  /** Everybody stops, and starts again when the head is old. */
  | "halt"
  /** The set of authorities changes, in the history and now. */
  | "authority-changes"
  /** Delegations live for less than the run. */
  | "short-delegations"
  /** Clocks are set far ahead and behind and right again: of one member, and of most. */
  | "clock-leaps"
  /** A member has signed slots far ahead, and its record bars it. */
  | "barred-member";

export const ORDEAL_KINDS: readonly LongScenarioKind[] = [
  "empty-range",
  "lying-heads",
  "competing-blocks",
  "fork-below-final",
  "long-partition",
  "chain-away",
  "deep-ancestry",
  "bad-bodies",
  "halt",
  "authority-changes",
  "short-delegations",
  "clock-leaps",
  "barred-member",
];
