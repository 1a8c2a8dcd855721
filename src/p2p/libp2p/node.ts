/**
 * How a libp2p node is put together for given options. libp2p is kept passive: it listens and answers; whom to dial is
 * PeerActor's decision. Its own limits are raised out of the way of ours.
 */

import type { GossipSub, GossipSubComponents } from "@chainsafe/libp2p-gossipsub";
import { quic } from "@chainsafe/libp2p-quic";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { identify, identifyPush } from "@libp2p/identify";
import type { Connection, ConnectionGater, PeerId, PeerInfo, Transport } from "@libp2p/interface";
import { type KadDHT, kadDHT, passthroughMapper, removePrivateAddressesMapper } from "@libp2p/kad-dht";
import { mdns } from "@libp2p/mdns";
import { noise } from "@libp2p/noise";
import { type Ping, type PingComponents, ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { tls } from "@libp2p/tls";
import { yamux } from "@libp2p/yamux";
import type { Multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p, type Libp2pOptions } from "libp2p";
import { judgeAddress, type Reach } from "../dial-address.ts";
import type { Identity } from "../identity.ts";
import type { HostOptions } from "../port.ts";
import { chainTag } from "../protocols.ts";
import { RESERVED_CONNECTIONS } from "./gater.ts";
import { gossipService } from "./gossip.ts";
import type { GossipLinks } from "./gossip-links.ts";
import type { Guard, HandlerRegistry } from "./guard.ts";
import { answerWhole } from "./mdns-answers.ts";
import type { Meters } from "./meters.ts";
import { rememberingResets } from "./quic-resets.ts";

/**
 * Inbound connections whose peer is not proven yet. A TLS handshake takes 5 ms of a core: so many are done within half of
 * INBOUND_UPGRADE_MS. At the bound one of the place that has most of them gives way.
 */
export const INBOUND_PENDING_MAX = 512;

/** What libp2p itself lets pend: ours, and those whose slots are gone and whose end it has not noticed. */
const LIBRARY_PENDING_MAX = 8 * INBOUND_PENDING_MAX;

/** New inbound connections a second from one address; on a private network many nodes share one. */
const INBOUND_PER_SECOND_PUBLIC = 5;
const INBOUND_PER_SECOND_PRIVATE = 2000;

/** From an inbound connection's first byte until its peer is proven and its streams can open. A round trip takes part four times. */
const INBOUND_UPGRADE_MS = 5_000;

/** Until an inbound stream has named its protocol: one round trip. Each keeps a timer for so long, also when it is gone. */
const NEGOTIATION_MS = 3_000;

/** Peers asked at once in a DHT look-up; the library's 10 was seen to cause bursts of hundreds of megabytes. */
const DHT_PARALLELISM = 3;

/**
 * What the kernel keeps of a QUIC socket's datagrams while all cores are busy: two answers. With the library's 500,000 bytes
 * one datagram in sixty was lost at 25 MB/s, and each loss slows the sender down. Past it, or past the system's
 * net.core.rmem_max, datagrams are lost and sent again.
 */
const QUIC_RECEIVE_BUFFER_BYTES = 4_000_000;

/** Of a connection that says nothing; our own keep-alive is every 10 s. */
const KEEP_ALIVE_MS = 10_000;

/**
 * What a remote may have on the way on one stream before we have read it; past it the remote waits. As much as libp2p buffers
 * of a stream that is paused: with a larger window an honest remote's stream would be reset there. 40 MB/s at a round trip of 100 ms.
 */
const STREAM_WINDOW_BYTES_MAX = 4 * 1024 * 1024;

/** Our own event loop may stand still for a moment: only a silence longer than this ends a connection. */
const PING_TIMEOUT_MS_MIN = 10_000;

/**
 * Ping streams on one connection: the connection monitor's, the PeerActor's and the question whether a doubled connection lives
 * may meet. With the library's one, the monitor cut a connection because of the other.
 */
const PING_STREAMS_MAX = 4;

/** Addresses that nobody has named for so long are told to nobody; peers without any are forgotten. The library has one and six hours. */
const ADDRESS_AGE_MS_MAX = 900_000;
/** A peer of which nothing was heard for so long is forgotten by the library. */
const PEER_AGE_MS_MAX = 3_600_000;

/** Changes of our addresses are gathered this long; the library's second would also delay the end of the process. */
const IDENTIFY_DEBOUNCE_MS = 100;

export interface NodeParts {
  readonly identity: Identity;
  readonly gater: ConnectionGater;
  readonly meters: Meters;
  readonly applicationScore: (peerId: string) => number;
  readonly gossipLinks: GossipLinks;
  readonly guard: Guard;
  readonly onMulticastPeer: (peer: PeerInfo) => void;
  /** Whether multicast queries are heard; the problem when they are not. */
  readonly onMulticast: (problem: string | undefined) => void;
}

/** One address at a time, past the queue of libp2p. */
export interface Transports {
  dial(address: Multiaddr, options: { readonly signal: AbortSignal }): Promise<Connection>;
}

export type NodeServices = {
  identify: unknown;
  identifyPush: unknown;
  ping: Ping;
  gossip: GossipSub;
  transports: Transports;
  dht?: KadDHT;
};

export type Node = Libp2p<NodeServices>;

function transportsOf(options: HostOptions) {
  const transports: NonNullable<Libp2pOptions["transports"]> = [];
  if (options.transports.tcp) {
    transports.push(tcp({ dialOpts: { noDelay: true }, listenOpts: { noDelay: true } }));
  }
  if (options.transports.quic) {
    const connect = quic({ receiveBufferSize: QUIC_RECEIVE_BUFFER_BYTES });
    // The package is built against another copy of the same interfaces.
    transports.push((components) => {
      const { privateKey, metrics } = components;
      const logger = rememberingResets(components.logger);
      const own = { privateKey, logger, ...(metrics === undefined ? {} : { metrics }) };
      return connect(own) as unknown as Transport;
    });
  }
  return transports;
}

function connectionLimits(options: HostOptions): NonNullable<Libp2pOptions["connectionManager"]> {
  return {
    // Ours bind first (inbound-slots.ts): the library would refuse members, too, and prune by rules of its own.
    maxConnections: options.connectionsMax + RESERVED_CONNECTIONS + LIBRARY_PENDING_MAX,
    maxIncomingPendingConnections: LIBRARY_PENDING_MAX,
    inboundConnectionThreshold: options.privateNetwork
      ? INBOUND_PER_SECOND_PRIVATE
      : INBOUND_PER_SECOND_PUBLIC,
    reconnectRetries: 0,
    inboundUpgradeTimeout: INBOUND_UPGRADE_MS,
    inboundStreamProtocolNegotiationTimeout: NEGOTIATION_MS,
  };
}

export const reachOf = ({ transports, privateNetwork }: HostOptions): Reach => ({
  ...transports,
  ...{ privateNetwork, memory: false },
});

/**
 * What the library itself keeps of addresses: those that others may be told. It dials none of them; what is dialled stands in
 * the PeerActor's book.
 */
function addressFilterOf(options: HostOptions, ownId: string) {
  const reach = reachOf(options);
  return (peer: PeerId, address: Multiaddr): boolean => {
    const peerId = peer.toString();
    return peerId === ownId || judgeAddress(address.toString(), peerId, false, reach).ok;
  };
}

function discoveryOf(options: HostOptions, { onMulticastPeer, onMulticast }: NodeParts) {
  if (!options.mdns) return [];
  const factory: NonNullable<Libp2pOptions["peerDiscovery"]>[number] = (components) => {
    // Nodes of other chains on the same network do not even hear of each other.
    const service = mdns({ serviceTag: `_alys-${chainTag(options.genesisHash)}._udp.local` })(components);
    service.addEventListener("peer", (event) => onMulticastPeer(event.detail));
    answerWhole(service as unknown as Parameters<typeof answerWhole>[0], onMulticast);
    return service;
  };
  return [factory];
}

/** Name of the DHT's protocol: of one chain alone. */
export function kadProtocol(genesisHash: Uint8Array): string {
  return `/alys/${chainTag(genesisHash)}/kad/1`;
}

/** The service, made so that its handlers run for peers that have greeted. */
function admitted<C extends { readonly registrar: HandlerRegistry }, S>(
  make: (components: C) => S,
  guard: Guard,
): (components: C) => S {
  return (components) => {
    const registrar = guard.admitting(components.registrar);
    const get = (target: C, name: string | symbol): unknown =>
      name === "registrar" ? registrar : Reflect.get(target, name);
    return make(new Proxy(components, { get }));
  };
}

function servicesOf(options: HostOptions, parts: NodeParts) {
  const dht = kadDHT({
    protocol: kadProtocol(options.genesisHash),
    logPrefix: "libp2p:dht",
    datastorePrefix: "/dht",
    metricsPrefix: "libp2p_dht",
    // What others ask is answered by kad-server.ts.
    clientMode: true,
    alpha: DHT_PARALLELISM,
    peerInfoMapper: options.privateNetwork ? passthroughMapper : removePrivateAddressesMapper,
  });
  const pings = admitted<PingComponents, Ping>(
    ping({ maxInboundStreams: PING_STREAMS_MAX, maxOutboundStreams: PING_STREAMS_MAX }),
    parts.guard,
  );
  const gossip = admitted<GossipSubComponents, GossipSub>(
    gossipService(options, parts.applicationScore, parts.gossipLinks),
    parts.guard,
  );
  return {
    identify: identify(),
    identifyPush: admitted(identifyPush({ debounce: IDENTIFY_DEBOUNCE_MS }), parts.guard),
    ping: pings,
    gossip,
    transports: ({ transportManager }: { transportManager: Transports }): Transports => ({
      dial: (address, dialOptions) => transportManager.dial(address, dialOptions),
    }),
    ...(options.kadDht ? { dht } : {}),
  };
}

/** A node that is not started yet. */
export async function createNode(options: HostOptions, parts: NodeParts): Promise<Node> {
  const node = await createLibp2p({
    start: false,
    privateKey: await generateKeyPairFromSeed("Ed25519", parts.identity.seed),
    nodeInfo: { name: "alysd", userAgent: options.agentVersion ?? "alysd" },
    addresses: {
      listen: [...options.listenAddresses],
      ...(options.announceAddresses === undefined ? {} : { announce: [...options.announceAddresses] }),
    },
    transports: transportsOf(options),
    connectionEncrypters: options.encryption.map((name) => (name === "tls" ? tls() : noise())),
    streamMuxers: [
      yamux({
        enableKeepAlive: true,
        keepAliveInterval: KEEP_ALIVE_MS,
        streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES_MAX },
      }),
    ],
    connectionGater: parts.gater,
    peerStore: {
      addressFilter: addressFilterOf(options, parts.identity.peerId),
      maxAddressAge: ADDRESS_AGE_MS_MAX,
      maxPeerAge: PEER_AGE_MS_MAX,
    },
    connectionManager: connectionLimits(options),
    connectionMonitor: {
      pingInterval: KEEP_ALIVE_MS,
      pingTimeout: { minTimeout: PING_TIMEOUT_MS_MIN, maxTimeout: 3 * PING_TIMEOUT_MS_MIN },
    },
    peerDiscovery: discoveryOf(options, parts),
    metrics: () => parts.meters.asMetrics(),
    services: servicesOf(options, parts),
  });
  return node as unknown as Node;
}
