/**
 * Settings of the PeerActor and the constants of scoring and penalties, each with its reason. The composition root
 * fills the settings from the file.
 */

import type { BootstrapPeer } from "./dialling.ts";

export interface PeerActorConfig {
  readonly peersMax: number;
  readonly federationPeersMax: number;
  readonly peersTarget: number;
  readonly connectionTimeoutMs: number;
  readonly statusIntervalMs: number;
  readonly healthCheckIntervalMs: number;
  readonly discoveryIntervalMs: number;
  readonly banDurationMs: number;
  readonly knownPeersMax: number;
  readonly bootstrap: readonly BootstrapPeer[];
  /** Peer ids of members known beforehand: reserved slots. */
  readonly memberPeerIds: readonly string[];
}

/** Versions of the peer protocols that this node speaks. */
export const PROTOCOL_VERSIONS: readonly number[] = [1];

/** Addresses kept of a peer; identify may claim thousands, the newest are kept. */
export const ADDRESSES_MAX = 16;

/** A status answer is a header, an approval and a delegation: well below a kilobyte. */
export const STATUS_BYTES_MAX = 8 * 1024;
export const STATUS_DEADLINE_MS = 5_000;

/** How long an inbound peer may stay silent before its first status. */
export const HANDSHAKE_GRACE_MS = 10_000;

/** Dials under way at a time: enough to fill 25 slots in two rounds, few enough for a small machine. */
export const DIALS_MAX = 16;

/** Wait before the n-th dial of a peer after failures: 1 s · 2^n, at most 30 s, half of it random. */
export const DIAL_DELAY_MS_MIN = 1_000;
export const DIAL_DELAY_MS_MAX = 30_000;

/** After we hung up, or were told why not: 60 s before either of us is asked again. */
export const COOL_DOWN_MS = 60_000;

/** Peers of another chain are not asked again for an hour. */
export const OTHER_CHAIN_COOL_DOWN_MS = 3_600_000;
