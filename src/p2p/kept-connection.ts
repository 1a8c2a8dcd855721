/**
 * Which of several connections to one peer is kept, pure. Both sides judge by facts that both know: who dialled it, and, among
 * those of one side, which one that side opened last. Only the dialler of a surplus connection closes it at once; so the
 * two sides never close each other's choice.
 */

export interface Candidate {
  /** Counts the connections of this host in the order in which they opened. */
  readonly ordinal: number;
  readonly isDialledByUs: boolean;
}

/**
 * The connections dialled by the peer with the smaller id come before the other's. Of one side's own the newest is kept: it
 * dialled again because the older one did not serve it any more.
 */
export function keptOf<C extends Candidate>(
  ownId: string,
  peerId: string,
  candidates: Iterable<C>,
): C | undefined {
  const areOursFirst = ownId < peerId;
  let kept: C | undefined;
  for (const candidate of candidates) {
    if (kept === undefined || isBefore(candidate, kept, areOursFirst)) kept = candidate;
  }
  return kept;
}

function isBefore(one: Candidate, other: Candidate, areOursFirst: boolean): boolean {
  if (one.isDialledByUs !== other.isDialledByUs) return one.isDialledByUs === areOursFirst;
  return one.ordinal > other.ordinal;
}
