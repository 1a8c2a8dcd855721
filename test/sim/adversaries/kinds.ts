/** The ways in which a stranger can misbehave, by name. */

export type AdversaryKind =
  /** Claims a head that no quorum signed. */
  | "lyingHead"
  /** Gossips blocks that break a rule. */
  | "invalidBlock"
  /** Answers ranges with other blocks than were asked for, or with broken ones. */
  | "wrongRange"
  /** Connects and says nothing, or greets and never answers. */
  | "silence"
  /** Asks and gossips as fast as it can. */
  | "flood"
  /** Offers a longer chain that leaves ours below the final block, as only stolen keys could make it. */
  | "deepFork"
  /** Serves good headers with other bodies. */
  | "badBody";

export const ROGUE_KINDS: readonly AdversaryKind[] = [
  "lyingHead",
  "invalidBlock",
  "wrongRange",
  "silence",
  "flood",
  "deepFork",
  "badBody",
];

/** What the counts of a run of seeds must show besides the faults. */
export const BYZANTINE_COUNTS: readonly string[] = [...ROGUE_KINDS, "equivocation", "sybil"];
