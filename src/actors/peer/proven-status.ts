/** ProvenStatus: what a Status said that was believed. handshake.ts makes it; whoever chooses peers reads it. */

/** What a peer showed of its head: a header (184 bytes) with the approval that claims to certify it. */
export interface ClaimedHead {
  readonly header: Uint8Array;
  readonly approval: Uint8Array;
}

/** A delegation (SSZ) as it was shown, with its signature; both empty without one. */
export interface ClaimedRole {
  readonly delegation: Uint8Array;
  readonly delegationSignature: Uint8Array;
}

/** A Status that was believed. */
export interface ProvenStatus {
  /** The head that it proved: genesis, whom everybody believes, while `unproven` is set. */
  readonly headHash: Uint8Array;
  readonly headHeight: number;
  readonly headSlot: number;
  readonly finalHeight: number;
  readonly earliestHeight: number;
  /** Unix milliseconds, for people; what waits goes by `receivedAtMs`. */
  readonly receivedMs: number;
  /** Monotonic milliseconds. */
  readonly receivedAtMs: number;
  /** What the peer's clock showed when it sent this, Unix milliseconds; 0: it did not say. */
  readonly sentMs: number;
  /** Set when a delegation proved it. */
  readonly memberKey: Uint8Array | undefined;
  readonly memberRole: number;
  /** When the delegation ends, Unix milliseconds; 0 without one. */
  readonly memberUntilMs: number;
  /** The head that it claims, under a set that we do not know: neither believed nor blamed. */
  readonly unproven: ClaimedHead | undefined;
  /** What it showed for its role, whether or not that counts at present. */
  readonly claimedRole: ClaimedRole;
}
