/**
 * The plan of a local network: its nodes with folders, ports, addresses and configuration files. Pure; folders.ts
 * writes it down and processes.ts runs it.
 */

import { join } from "node:path";
import { parse, stringify, type TomlTable } from "smol-toml";
import { LOCAL_TOKEN_FILE, TOKENS_FOLDER } from "../../control/auth/token-files.ts";

/** Ports that an alysd takes when nothing else is said: the observer gets these, member n the n-th after them. */
const CONTROL_PORT = 50_051;
const P2P_PORT = 55_444;

/** Length of the transaction in the blocks that members make: with it a block has 435 bytes, as its history. */
const FILLER_BYTES = 5;

/** Who a node is, before it has ports. */
export interface NodeIdentity {
  /** "observer", "member-1", … Also its folder's name. */
  readonly name: string;
  readonly isMember: boolean;
  readonly peerId: string;
}

export interface NodePorts {
  readonly control: number;
  /** The same number for TCP and for QUIC. */
  readonly p2p: number;
}

/** One node of the network, ready to be written down. Paths are absolute. */
export interface NodePlan extends NodeIdentity {
  readonly folder: string;
  readonly configFile: string;
  readonly logFile: string;
  readonly ports: NodePorts;
  /** 127.0.0.1:PORT: reads without a token. */
  readonly controlAddress: string;
  /** unix:PATH: the owner's, for everything. */
  readonly socketAddress: string;
  /** File with the owner's token for `controlAddress`; the node makes it at its first start. */
  readonly tokenFile: string;
  /** Multiaddr over TCP with its peer id. */
  readonly address: string;
}

/** Files that all nodes of a network share, and the nodes; the observer comes first. */
export interface NetworkPlan {
  readonly folder: string;
  readonly specificationFile: string;
  readonly proofsFile: string;
  readonly nodes: readonly NodePlan[];
}

/** Names of the nodes, the observer first. */
export function nodeNames(members: number): string[] {
  return ["observer", ...Array.from({ length: members }, (_, index) => `member-${index + 1}`)];
}

/** Ports that the node at `index` (0 is the observer) has unless somebody else took them. */
export function usualPorts(index: number): NodePorts {
  return { control: CONTROL_PORT + index, p2p: P2P_PORT + index };
}

export function nodeFolder(folder: string, name: string): string {
  return join(folder, name);
}

/** Where the authority key of a member lies. */
export function authorityKeyFile(folder: string, name: string): string {
  return join(nodeFolder(folder, name), "authority.key");
}

/** Where a node keeps its identity key; alysd makes one there when it finds none. */
export function identityKeyFile(folder: string, name: string): string {
  return join(nodeFolder(folder, name), "identity.key");
}

/** Where a node keeps its blocks. */
export function chainFolder(folder: string, name: string): string {
  return join(nodeFolder(folder, name), "chain");
}

/** The network in `folder` (absolute); `ports[i]` are those of `nodes[i]`. */
export function planNetwork(
  folder: string,
  nodes: readonly NodeIdentity[],
  ports: readonly NodePorts[],
): NetworkPlan {
  return {
    folder,
    specificationFile: join(folder, "chain.json"),
    proofsFile: join(folder, "proofs.json"),
    nodes: nodes.map((node, index) => planNode(folder, node, ports[index] ?? usualPorts(index))),
  };
}

function planNode(folder: string, node: NodeIdentity, ports: NodePorts): NodePlan {
  const own = nodeFolder(folder, node.name);
  return {
    ...node,
    folder: own,
    configFile: join(own, "alysd.toml"),
    logFile: join(own, "alysd.log"),
    ports,
    controlAddress: `127.0.0.1:${ports.control}`,
    socketAddress: `unix:${join(own, "control.sock")}`,
    tokenFile: join(own, TOKENS_FOLDER, LOCAL_TOKEN_FILE),
    address: `/ip4/127.0.0.1/tcp/${ports.p2p}/p2p/${node.peerId}`,
  };
}

/**
 * The node's configuration file: the template of a local network with what is this node's own. Members know each
 * other from the start, the observer knows the members, and nobody knows the observer.
 */
export function nodeConfiguration(
  template: string,
  network: NetworkPlan,
  node: NodePlan,
  auxpowEvery = 0,
): string {
  const settings: TomlTable = parse(template);
  const others = network.nodes.filter((other) => other.isMember && other !== node);
  const { p2p, control } = node.ports;
  settings["storage"] = { data_directory: node.folder };
  settings["chain"] = {
    ...section(settings, "chain"),
    specification_file: network.specificationFile,
    proofs_file: network.proofsFile,
  };
  settings["network"] = {
    ...section(settings, "network"),
    listen_addresses: [`/ip4/127.0.0.1/tcp/${p2p}`, `/ip4/127.0.0.1/udp/${p2p}/quic-v1`],
    bootstrap_peers: others.map(({ address }) => address),
    federation: {
      member_peer_ids: network.nodes.filter(({ isMember }) => isMember).map(({ peerId }) => peerId),
    },
  };
  settings["control"] = { ...section(settings, "control"), listen_address: `127.0.0.1:${control}` };
  settings["telemetry"] = { ...section(settings, "telemetry"), log_file: node.logFile };
  if (node.isMember) {
    const key = authorityKeyFile(network.folder, node.name);
    settings["producer"] = {
      authority_key_file: key,
      filler_transaction_bytes: FILLER_BYTES,
      ...(auxpowEvery > 0 ? { mine_auxpow_every: auxpowEvery } : {}),
    };
  }
  return `# ${node.name} of a local network; written by alysd localnet.\n${stringify(settings)}`;
}

function section(settings: TomlTable, name: string): TomlTable {
  const value = settings[name];
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Date) ? value : {};
}
