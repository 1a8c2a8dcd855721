/**
 * Whom to ask for a range: the weighted score of the PeerActor as the baseline, divided among requests in
 * flight, with whoever failed at this very range last. Pure.
 */

import { REQUESTS_PER_PEER_MAX } from "../config.ts";
import type { BlockRange } from "./batch.ts";

/** What the choice looks at. */
export interface Candidate {
  readonly peerId: string;
  /** 0 to 100. */
  readonly score: number;
  /** Height of its best proven head. */
  readonly headHeight: number;
  /** Lowest height that it serves. */
  readonly earliestHeight: number;
  readonly requestsInFlight: number;
  /** Left alone until then, monotonic milliseconds. */
  readonly coolUntilMs: number;
}

/**
 * The best candidate that has the range's first block and room for a request; undefined when there is none.
 */
export function choosePeer<C extends Candidate>(
  candidates: Iterable<C>,
  range: BlockRange,
  failedPeers: readonly string[],
  nowMs: number,
): C | undefined {
  let best: C | undefined;
  for (const candidate of candidates) {
    if (!mayServe(candidate, range, nowMs)) continue;
    if (best === undefined || compareCandidates(candidate, best, range, failedPeers) < 0) best = candidate;
  }
  return best;
}

function mayServe(candidate: Candidate, range: BlockRange, nowMs: number): boolean {
  return (
    candidate.requestsInFlight < REQUESTS_PER_PEER_MAX &&
    candidate.coolUntilMs <= nowMs &&
    candidate.headHeight >= range.first &&
    candidate.earliestHeight <= range.first
  );
}

/**
 * Negative when `left` is the better choice. Ends in the peer id, so that the same facts lead to the same
 * choice.
 */
function compareCandidates(
  left: Candidate,
  right: Candidate,
  range: BlockRange,
  failedPeers: readonly string[],
): number {
  return (
    failedPeers.indexOf(left.peerId) - failedPeers.indexOf(right.peerId) ||
    Number(coversAll(right, range)) - Number(coversAll(left, range)) ||
    worth(right) - worth(left) ||
    (left.peerId < right.peerId ? -1 : 1)
  );
}

function coversAll(candidate: Candidate, range: BlockRange): boolean {
  return candidate.headHeight >= range.first + range.count - 1;
}

/**
 * A peer's score is shared by its requests; one more than the score keeps a peer without a score in the
 * order.
 */
function worth(candidate: Candidate): number {
  return (candidate.score + 1) / (candidate.requestsInFlight + 1);
}
