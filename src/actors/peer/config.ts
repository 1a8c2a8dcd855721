/**
 * Settings of the PeerActor and the constants of connecting, each with its reason. The composition root fills the
 * settings from the file; scores and penalties have theirs in score.ts and reputation.ts.
 */

export interface PeerActorConfig {
  /** Ordinary peers at a time; members have slots of their own. */
  readonly peersMax: number;
  /** Slots that only members and their sentries can take. */
  readonly federationPeersMax: number;
  /** Below this many connections known peers are dialled. */
  readonly peersTarget: number;
  /** Of a dial, milliseconds. */
  readonly connectionTimeoutMs: number;
  readonly statusIntervalMs: number;
  readonly healthCheckIntervalMs: number;
  readonly discoveryIntervalMs: number;
  readonly banDurationMs: number;
  readonly knownPeersMax: number;
  readonly bootstrap: readonly BootstrapPeer[];
  /** Peer ids of members known beforehand: reserved slots. */
  readonly memberPeerIds: readonly string[];
  /** Peers that we dial by our own choice in one /16 (IPv6: /32) at a time; default OUTBOUND_PER_SUBNET_MAX. */
  readonly outboundPerSubnetMax?: number;
  /** Means of discovery that the host was opened with; default both. */
  readonly discovery?: { readonly kademlia: boolean; readonly mdns: boolean };
}

/** Of 25 peers no provider's network then has a tenth. Members, bootstrap peers and an operator's dials are exempt. */
export const OUTBOUND_PER_SUBNET_MAX = 2;

/** Versions of the peer protocols that this node speaks. */
export const PROTOCOL_VERSIONS: readonly number[] = [1];

/** Addresses kept of a peer; identify may claim thousands. Which are kept is said in known/address-list.ts. */
export const ADDRESSES_MAX = 16;

/** A status answer is a header, an approval and a delegation: well below a kilobyte. */
export const STATUS_BYTES_MAX = 8 * 1024;
export const STATUS_DEADLINE_MS = 5_000;

/** How long a connection may go without a proven status; then it is closed. */
export const HANDSHAKE_GRACE_MS = 5_000;

/** Dials under way at a time: enough to fill 25 slots in two rounds, few enough for a small machine. */
export const DIALS_MAX = 16;

/** How often is looked whether somebody may be dialled: so that a back-off of a second is a second. */
export const DIAL_INTERVAL_MS = 1_000;

/** Wait before the n-th dial of a peer after failures: 1 s · 2^n, at most 30 s, half of it random. */
export const DIAL_DELAY_MS_MIN = 1_000;
export const DIAL_DELAY_MS_MAX = 30_000;

/** After we hung up, or were told why not: 60 s before either of us is asked again. */
export const COOL_DOWN_MS = 60_000;

/** A peer that serves nothing towards a head that nobody can judge: ten minutes, after which its claim may be another. */
export const UNSERVING_COOL_DOWN_MS = 600_000;

/** Peers of another chain are not asked again for an hour. */
export const OTHER_CHAIN_COOL_DOWN_MS = 3_600_000;

/**
 * A peer without the status protocol may be of another chain, or one that has not announced its protocols yet, as a node
 * that is starting: it is asked again sooner.
 */
export const NO_HANDSHAKE_COOL_DOWN_MS = 300_000;

/** A ban longer than ten years is a mistake in its unit, and would not fit a timestamp before long. */
export const BAN_DURATION_MS_MAX = 10 * 365 * 86_400_000;

/** Peers that ReservePeers names at a time; more are refused. */
export const RESERVED_PEERS_MAX = 64;
/** Peer ids that GetBestPeers leaves out; more are refused. */
export const EXCLUDED_PEERS_MAX = 1_000;

export interface BootstrapPeer {
  readonly peerId: string;
  readonly address: string;
}
