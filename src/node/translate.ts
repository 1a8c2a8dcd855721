/**
 * Settings of the configuration file as each part wants them. Pure.
 */

import type { NetworkActorConfig } from "../actors/network/config.ts";
import type { BootstrapPeer, PeerActorConfig } from "../actors/peer/config.ts";
import { isRange } from "../actors/peer/ip-bans.ts";
import type { ProducerConfig } from "../actors/producer/config.ts";
import type { Settings } from "../config/load.ts";
import { failure } from "../kernel/errors.ts";
import { FAULT_TEXTS, judgeAddress, type Reach } from "../p2p/dial-address.ts";
import { peerIdBytes } from "../p2p/peer-id.ts";
import { GOSSIP_DEFAULTS, type HostOptions } from "../p2p/port.ts";

/** What identify tells others of us. */
const AGENT = "alysd";

/** What the node can reach, by the addresses that it listens on; without any it has every transport. */
export function reachOf({ network }: Pick<Settings, "network">): Reach {
  const { listenAddresses: listened, privateNetwork } = network;
  const isUsed = (transport: string): boolean =>
    listened.length === 0 || listened.some((address) => address.includes(transport));
  return { privateNetwork, tcp: isUsed("/tcp/"), quic: isUsed("/quic-v1"), memory: false };
}

/** `/…/p2p/ID` of each bootstrap address. Throws a Failure naming the key. */
function bootstrapPeers(addresses: readonly string[], reach: Reach): readonly BootstrapPeer[] {
  return addresses.map((address) => {
    const peerId = /\/p2p\/([1-9A-HJ-NP-Za-km-z]+)$/.exec(address)?.[1];
    const field = "network.bootstrap_peers";
    if (peerId === undefined) {
      const message = `${field}: ${address} does not end in /p2p/ID`;
      throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", message, { field });
    }
    const judged = judgeAddress(address, peerId, true, reach);
    if (!judged.ok) {
      const message = `${field}: "${address}" is not dialled: ${FAULT_TEXTS[judged.fault]}`;
      throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", message, { field });
    }
    return { peerId, address };
  });
}

/** TCP or QUIC on an address or a name. */
const LISTEN_ADDRESS = /^\/(?:ip[46]|dns[46]?)\/[^/]+\/(?:tcp\/\d{1,5}|udp\/\d{1,5}\/quic-v1)$/;

/** The addresses as they are. Throws a Failure naming the key. */
export function listenAddresses(addresses: readonly string[]): readonly string[] {
  for (const address of addresses) {
    if (LISTEN_ADDRESS.test(address)) {
      if (portOf(address) <= PORT_MAX) continue;
      const message = `network.listen_addresses: "${address}" has no port of 0 to ${PORT_MAX}`;
      throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", message, { field: "network.listen_addresses" });
    }
    const wanted = "/ip4/ADDRESS/tcp/PORT or /ip4/ADDRESS/udp/PORT/quic-v1";
    const message = `network.listen_addresses: "${address}" is not of the form ${wanted}`;
    throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", message, { field: "network.listen_addresses" });
  }
  const twice = addresses.find((address, at) => addresses.indexOf(address) !== at);
  if (twice !== undefined) {
    const message = `network.listen_addresses: "${twice}" is given twice`;
    throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", message, { field: "network.listen_addresses" });
  }
  return addresses;
}

/** The largest port; an address to listen on with a larger one is refused. */
const PORT_MAX = 65_535;

export const portOf = (address: string): number => Number(/\/(?:tcp|udp)\/(\d+)/.exec(address)?.[1]);

/** As listenAddresses, but others must be able to dial them. */
export function announceAddresses(addresses: readonly string[]): readonly string[] {
  for (const address of addresses) {
    const isSomewhere = !/^\/ip[46]\/(?:0\.0\.0\.0|::)\/|\/0(?:\/quic-v1)?$/.test(address);
    if (LISTEN_ADDRESS.test(address) && isSomewhere) continue;
    const wanted = "/ip4/ADDRESS/tcp/PORT or /dns4/NAME/udp/PORT/quic-v1";
    const message = `network.announce_addresses: "${address}" is not an address to dial of the form ${wanted}`;
    throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", message, { field: "network.announce_addresses" });
  }
  return addresses;
}

export function hostOptions(
  { network }: Settings,
  genesisHash: Uint8Array,
  slotDurationMs: number,
  version: string,
): HostOptions {
  const degree = network.gossip.meshPeers;
  const { tcp, quic } = reachOf({ network });
  return {
    genesisHash,
    listenAddresses: listenAddresses(network.listenAddresses),
    ...(network.announceAddresses.length === 0
      ? {}
      : { announceAddresses: announceAddresses(network.announceAddresses) }),
    // The PeerActor dials; the host only has to know nothing.
    bootstrapAddresses: [],
    transports: { tcp, quic },
    encryption: network.security.allowNoise ? ["tls", "noise"] : ["tls"],
    mdns: network.discovery.mdns,
    kadDht: network.discovery.kademlia,
    privateNetwork: network.privateNetwork,
    connectionsMax: network.maxConnections,
    topics: ["blocks", "transactions"],
    protocols: ["status", "blocks-by-range", "blocks-by-hash", "checkpoint", "goodbye", "federation"],
    gossip: {
      ...GOSSIP_DEFAULTS,
      degree,
      degreeLow: Math.max(1, Math.floor(degree * 0.75)),
      degreeHigh: Math.max(degree + 1, Math.floor(degree * 1.5)),
      heartbeatMs: network.gossip.heartbeatIntervalMs,
      slotDurationMs,
    },
    agentVersion: `${AGENT}/${version}`,
  };
}

export function networkConfig(settings: Settings, host: HostOptions): NetworkActorConfig {
  return {
    host,
    isAutoStart: settings.network.autoStart,
    requestDeadlineMs: settings.sync.requestDeadlineMs,
  };
}

/** Throws a Failure naming the key, unless all are IP addresses or ranges of them. */
function checkRanges(key: string, ranges: readonly string[]): void {
  const wrong = ranges.find((range) => !isRange(range));
  if (wrong === undefined) return;
  const message = `${key}: ${wrong} is no IP address or range`;
  throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", message, { field: key });
}

/** The ids as they are. Throws a Failure naming the key: a member that is misspelt has no reserved slot. */
function memberPeerIds(peerIds: readonly string[]): readonly string[] {
  const wrong = peerIds.find((peerId) => peerIdBytes(peerId) === undefined);
  if (wrong === undefined) return peerIds;
  const key = "network.federation.member_peer_ids";
  throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", `${key}: "${wrong}" is no peer id`, { field: key });
}

export function peerConfig(settings: Settings, reach = reachOf(settings)): PeerActorConfig {
  const { network, peer } = settings;
  checkRanges("peer.allowed_ips", peer.allowedIps);
  return {
    peersMax: peer.maxPeers,
    federationPeersMax: peer.federationPeerLimit,
    peersTarget: peer.targetPeers,
    connectionTimeoutMs: peer.connectionTimeoutMs,
    statusIntervalMs: peer.statusIntervalMs,
    healthCheckIntervalMs: peer.healthCheckIntervalMs,
    discoveryIntervalMs: network.discovery.intervalMs,
    banDurationMs: Number(peer.banDurationMs),
    knownPeersMax: peer.knownPeersMax,
    bootstrap: bootstrapPeers(network.bootstrapPeers, reach),
    memberPeerIds: memberPeerIds(network.federation.memberPeerIds),
    outboundPerSubnetMax: peer.outboundPerSubnetMax,
    discovery: { kademlia: network.discovery.kademlia, mdns: network.discovery.mdns },
  };
}

export function producerConfig({ sync, producer }: Settings): ProducerConfig {
  return {
    consensusTimeoutMs: sync.federationConstraints.consensusTimeoutMs,
    graceMs: sync.federationConstraints.graceMs,
    fillerBytes: producer.fillerTransactionBytes,
    mineAuxPowEvery: producer.mineAuxpowEvery,
    listeningSlots: producer.listeningSlots,
  };
}
