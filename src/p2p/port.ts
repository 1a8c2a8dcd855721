/**
 * The host: the one wall between the node and other peers. It keeps connections, carries requests and gossip, and
 * decides nothing: whom to dial, whom to ban, what is valid and what to answer is said by PeerActor and NetworkActor.
 * `libp2p/` is the real one, `memory/` its twin for simulation; both pass `test/contract/host.ts`.
 * Peer ids and addresses are strings here (base58 peer id, multiaddr), payloads are opaque bytes.
 */

import type { ReadHeader } from "../chain/header.ts";
import type { Failure } from "../kernel/errors.ts";
import type { Protocol, TopicName } from "./protocols.ts";
import type { ReachabilityReport } from "./reachability.ts";

export type { Protocol, TopicName } from "./protocols.ts";

/** `inbound`: they dialled us. */
export type Direction = "inbound" | "outbound";

export type Transport = "tcp" | "quic" | "memory";

/**
 * The ban table, read synchronously before a dial, when a connection arrives (address only) and when its peer is known.
 * Written by PeerActor only. It outlives the host, so it is handed to the constructor.
 */
export interface ConnectionGate {
  allows(peerId: string | undefined, remoteAddress: string | undefined, direction: Direction): boolean;
  /** The share of the gossip score that PeerActor decides: 0 is neutral, negative is bad, range −100…100. */
  applicationScore?(peerId: string): number;
}

/** Parameters of gossip; defaults stand in `libp2p/score.ts` and `GOSSIP_DEFAULTS`. */
export interface GossipOptions {
  /** Wanted mesh peers per topic, its low and its high water. */
  readonly degree: number;
  readonly degreeLow: number;
  readonly degreeHigh: number;
  readonly heartbeatMs: number;
  /** Expected blocks: one each this many milliseconds. Scores derive from it. */
  readonly slotDurationMs: number;
  /** An event that got no verdict by then is ignored (neither forwarded nor punished). */
  readonly verdictDeadlineMs: number;
}

export const GOSSIP_DEFAULTS: GossipOptions = {
  degree: 8,
  degreeLow: 6,
  degreeHigh: 12,
  heartbeatMs: 700,
  slotDurationMs: 2000,
  verdictDeadlineMs: 5000,
};

/**
 * What a precheck tells of a block, without a signature being looked at: that it is none, that it is known already, that it looks
 * like a new block of the present, or that it does not. `block` is the same for all blocks of one header.
 */
export type Precheck =
  | { readonly kind: "malformed" }
  | { readonly kind: "known" }
  | {
      readonly kind: "fresh" | "stale";
      readonly block: string | undefined;
      /** The block's header, which comes with the message. */
      readonly header?: ReadHeader;
    };

/** Looks at an SSZ block; cheap, and never throws. */
export type BlockPrecheck = (block: Uint8Array) => Precheck;

/** How the host is opened. Everything here may differ from one opening to the next; the identity may not. */
export interface HostOptions {
  /** 32 bytes; names of protocols and topics carry its beginning. */
  readonly genesisHash: Uint8Array;
  /** Multiaddrs, e.g. `/ip4/0.0.0.0/tcp/55444`, `/ip4/0.0.0.0/udp/55444/quic-v1`. Empty: dial only. */
  readonly listenAddresses: readonly string[];
  /** Addresses told to others instead of those listened on and those that peers confirm (behind NAT). */
  readonly announceAddresses?: readonly string[];
  /** Multiaddrs with `/p2p/<id>`. Reported as `peerDiscovered`, never dialled by the host itself. */
  readonly bootstrapAddresses: readonly string[];
  readonly transports: { readonly tcp: boolean; readonly quic: boolean };
  /** Accepted on TCP, in order of preference. QUIC has TLS of its own. */
  readonly encryption: readonly ("tls" | "noise")[];
  readonly mdns: boolean;
  readonly kadDht: boolean;
  /** Loopback and private addresses are fit to be told to others, and cost no IP colocation penalty. */
  readonly privateNetwork: boolean;
  /**
   * All connections together. At the bound a dial fails with HOST_BUSY; an inbound one finds a slot only instead of another
   * (`inbound-slots.ts`). Protected peers go past it. Finer limits are PeerActor's.
   */
  readonly connectionsMax: number;
  /** Topics subscribed at opening. */
  readonly topics: readonly TopicName[];
  /** Protocols answered by this node; others are not announced. */
  readonly protocols: readonly Protocol[];
  readonly gossip?: Partial<GossipOptions>;
  /** Asked about each new block of gossip before it gets a place; without it each is taken for a new one. */
  readonly precheck?: BlockPrecheck;
  /** Told to others by identify, e.g. `alysd/0.1.0`. */
  readonly agentVersion?: string;
}

export interface Traffic {
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Bytes by short protocol name: ours, and `gossip`, `identify`, `ping`, `dht`, `other`. */
export type TrafficByProtocol = Readonly<Record<string, Traffic>>;

/** One connection to one peer; a peer can have several. */
export interface ConnectionInfo {
  /** Unique within the epoch. */
  readonly id: string;
  readonly peerId: string;
  readonly direction: Direction;
  readonly transport: Transport;
  readonly encryption: string;
  readonly remoteAddress: string;
  /** Unix milliseconds. */
  readonly openedMs: number;
  /** Whole bytes of the transport, handshakes and framing included. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Payload streams of this connection. */
  readonly traffic: TrafficByProtocol;
}

/** What identify told about a peer. */
export interface PeerIdentity {
  readonly peerId: string;
  readonly agentVersion: string | undefined;
  /** Full names, at most 64. */
  readonly protocols: readonly string[];
  /** Addresses it says it listens on, at most 16. Claimed, not proven. */
  readonly listenAddresses: readonly string[];
  /** How it sees us. */
  readonly observedAddress: string | undefined;
}

/** Names a request that waits for `respond`. Unique for the life of the host object; a stale one is ignored. */
export type RequestHandle = string & { readonly handle: "request" };

/** Names a gossip message that waits for `verdict`. Unique for the life of the host object; a stale one is ignored. */
export type MessageHandle = string & { readonly handle: "message" };

/**
 * Accept: forward. Ignore: do not. Reject: do not, and it is counted as invalid. Neither costs the forwarder anything here:
 * whoever rejects reports the offence, and its penalty comes back by `applicationScore`.
 */
export type Verdict = "accept" | "ignore" | "reject";

/** An answer that is an error; the words are what the status byte says. */
export type ResponseError = "invalid-request" | "server-error" | "resource-unavailable" | "rate-limited";

export type PeerSource = "bootstrap" | "mdns" | "dht" | "peer";

/** What happens below. `epoch` counts openings: an event of an older epoch than the last snapshot is stale. */
export type HostEvent = { readonly epoch: number } & (
  | { readonly type: "connectionOpened"; readonly connection: ConnectionInfo }
  | { readonly type: "connectionClosed"; readonly connection: ConnectionInfo; readonly isLastOfPeer: boolean }
  | { readonly type: "peerIdentified"; readonly identity: PeerIdentity }
  | {
      readonly type: "peerDiscovered";
      readonly peerId: string;
      readonly addresses: readonly string[];
      readonly source: PeerSource;
    }
  | {
      /** A peer asks. Answer with `respond` before `deadlineMs` (monotonic); after it the stream is reset. */
      readonly type: "request";
      readonly handle: RequestHandle;
      readonly peerId: string;
      readonly protocol: Protocol;
      readonly payload: Uint8Array;
      readonly deadlineMs: number;
    }
  | {
      /** The exchange of `handle` is over: answered, or its peer gone, or its time up. Nothing more can be sent. */
      readonly type: "requestEnded";
      readonly handle: RequestHandle;
      readonly outcome: "answered" | "expired" | "closed";
      readonly bytesOut: number;
    }
  | {
      /** A message to be judged by `verdict` before `deadlineMs` (monotonic); after it it is ignored. */
      readonly type: "gossip";
      readonly handle: MessageHandle;
      /** The neighbour that sent it to us, not its author. */
      readonly peerId: string;
      readonly topic: TopicName;
      readonly data: Uint8Array;
      /** Of a block, as the precheck read it; undefined where nobody looked. */
      readonly header: ReadHeader | undefined;
      readonly deadlineMs: number;
    }
  | {
      readonly type: "subscriptionChanged";
      readonly peerId: string;
      readonly topic: TopicName;
      readonly isSubscribed: boolean;
    }
  /**
   * A remote broke the rules of a stream that it opened and was cut off. `evidence`: the bytes that were received and break
   * them whatever would have followed (evidence.ts); empty for `request-timeout`, which proves nothing against anybody, and
   * for `rate-limited`. A stream that is reset, closed or cancelled before it is whole is no violation.
   */
  | {
      readonly type: "violation";
      readonly peerId: string;
      readonly protocol: Protocol | "gossip" | "dht";
      readonly kind:
        | "request-too-large"
        | "request-malformed"
        | "request-timeout"
        | "rate-limited"
        | "message-too-large"
        | "message-malformed";
      readonly evidence: Uint8Array;
    }
  /** A peer did more below our own protocols than it may; it is cut in a moment. */
  | { readonly type: "overrun"; readonly peerId: string; readonly measure: string }
  | { readonly type: "addressesChanged"; readonly addresses: readonly string[] }
  | { readonly type: "opened" }
  | { readonly type: "closed" }
  /** The host died without being asked to; it is closed. Its supervisor restarts it. */
  | { readonly type: "failed"; readonly message: string }
);

/** The present, as of the moment `subscribe` returned; every later event goes on from here. */
export interface HostSnapshot {
  readonly epoch: number;
  readonly isOpen: boolean;
  readonly connections: readonly ConnectionInfo[];
  readonly identities: readonly PeerIdentity[];
  /** Subscribed peers by topic. */
  readonly subscriptions: Readonly<Record<TopicName, readonly string[]>>;
}

export interface HostSubscription {
  readonly snapshot: HostSnapshot;
  close(): void;
}

/** What became of one address of a dial. Of an address that another one was faster than nothing is told. */
export interface DialAttempt {
  /** As it was given. */
  readonly address: string;
  /** Why nobody was reached there; undefined: the peer was. */
  readonly cause: Failure | undefined;
}

export interface DialOptions {
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
  /** Told of each address that was tried or refused, before the dial ends. */
  readonly onAttempt?: (attempt: DialAttempt) => void;
}

/** Bounds of one request; all are checked before anything is allocated. */
export interface RequestOptions {
  /** From the call to the first byte of the answer, milliseconds. Opening the stream counts. */
  readonly firstByteDeadlineMs: number;
  /** From the call to the end of the answer, milliseconds. */
  readonly deadlineMs: number;
  /** All chunks together, without framing; at most `RESPONSE_BYTES_MAX`. */
  readonly responseBytesMax: number;
  /** One chunk; at most `CHUNK_BYTES_MAX`. */
  readonly chunkBytesMax: number;
  /** Number of chunks; at most `RESPONSE_CHUNKS_MAX`. */
  readonly chunksMax: number;
  readonly signal?: AbortSignal;
  /** Each whole chunk as it arrives; what it throws fails the request. */
  readonly onChunk?: (chunk: Uint8Array) => void;
}

export interface GossipStats {
  readonly topic: TopicName;
  readonly subscribers: number;
  readonly meshPeers: readonly string[];
  readonly messagesIn: number;
  readonly accepted: number;
  readonly ignored: number;
  readonly rejected: number;
  /** Ignored because no verdict came in time. */
  readonly expired: number;
  readonly published: number;
}

export interface HostStats {
  readonly epoch: number;
  readonly connectionsIn: number;
  readonly connectionsOut: number;
  readonly dialsPending: number;
  readonly requestsServing: number;
  readonly requestsWaiting: number;
  readonly messagesWaiting: number;
  readonly rateLimited: number;
  readonly gateRefused: number;
  /** Since the host object was made, all openings together. */
  readonly trafficByProtocol: TrafficByProtocol;
  readonly trafficByTransport: Readonly<Record<string, Traffic>>;
  readonly gossip: readonly GossipStats[];
  /** Means of discovery that are on and do not work, with the reason. */
  readonly discoveryFailures: readonly string[];
  /**
   * Connected peers to which or from which no gossip flows, as of the last heartbeat. Their streams are renewed; one that stays
   * here speaks no gossip.
   */
  readonly deafPeers: readonly string[];
  /** Gossip streams that were renewed or moved to another connection since the opening. */
  readonly gossipRenewals: number;
  /** Whether others can dial us, and how that is known. */
  readonly reachability: ReachabilityReport;
  /** Gossip score by connected peer. */
  readonly gossipScores: Readonly<Record<string, number>>;
}

/** A peer that was found, with where it may be reached. */
export interface FoundPeer {
  readonly peerId: string;
  readonly addresses: readonly string[];
}

/**
 * The host. Promises reject with `Failure` only (`failures.ts`); calls that answer nothing never throw on a stale
 * handle. Everything but `sign`, `verifyPeerSignature`, `subscribe`, `stats` and `close` needs an open host.
 */
export interface Host {
  /** Stable for the life of the key file; an ed25519 key's id, base58. */
  readonly peerId: string;
  readonly isOpen: boolean;

  open(options: HostOptions, signal?: AbortSignal): Promise<void>;
  /** Ends every stream and connection and frees every handle. Closing a closed host does nothing. */
  close(): Promise<void>;
  /** Events are delivered synchronously, one after the other; a listener must not throw and must not block. */
  subscribe(listener: (event: HostEvent) => void): HostSubscription;

  /**
   * Dials a peer at these addresses (or, `peerId` undefined, whoever answers), the first ones first, the next while they keep us
   * waiting; the first that succeeds wins. One that is of no use costs itself alone. An existing connection is answered.
   */
  dial(
    peerId: string | undefined,
    addresses: readonly string[],
    options: DialOptions,
  ): Promise<ConnectionInfo>;
  /** Closes all connections to a peer; done when they are gone. Not connected: does nothing. */
  hangUp(peerId: string): Promise<void>;
  /** Round trip, milliseconds. */
  ping(peerId: string, options: DialOptions): Promise<number>;

  /** Asks one connected peer; the answer's chunks in order (also through `onChunk`). An empty answer is `[]`. */
  request(
    peerId: string,
    protocol: Protocol,
    payload: Uint8Array,
    options: RequestOptions,
  ): Promise<readonly Uint8Array[]>;
  /** Answers a request, pulling chunks no faster than the peer takes them. A generator is closed if the peer goes. */
  respond(
    handle: RequestHandle,
    answer: Iterable<Uint8Array> | AsyncIterable<Uint8Array> | ResponseError,
  ): void;

  /** Sends to the topic's peers; how many it went to. */
  publish(topic: TopicName, data: Uint8Array): Promise<{ readonly recipients: number }>;
  verdict(handle: MessageHandle, verdict: Verdict): void;

  /** ed25519 by the node's key. Never sign bytes that a peer chose. */
  sign(bytes: Uint8Array): Uint8Array;
  /** False for a bad signature, a malformed id, or an id that carries no ed25519 key. */
  verifyPeerSignature(peerId: string, bytes: Uint8Array, signature: Uint8Array): boolean;

  /** Where others can reach this node, with `/p2p/<id>`. */
  addresses(): readonly string[];
  connections(): readonly ConnectionInfo[];
  stats(): HostStats;
  /** Peers with reserved slots: admitted past `connectionsMax`, never pruned, gossip always reaches them. */
  protectPeers(peerIds: ReadonlySet<string>): void;

  /**
   * The peer has greeted: until its last connection closes it is served on every protocol, gossip and the DHT included, and on
   * the members' own if it is one. Called again when that changes.
   */
  admitPeer(peerId: string, isMember: boolean): void;

  /** Looks around in the DHT (a random walk); at most `limit` peers, also reported as `peerDiscovered`. */
  findPeers(limit: number, options: DialOptions): Promise<readonly FoundPeer[]>;
  /** Looks one peer up in the DHT. */
  findPeer(peerId: string, options: DialOptions): Promise<FoundPeer | undefined>;
}
