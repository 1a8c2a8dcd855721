/** The folder of one node: configuration, chain, identity, and a member's authority key. All paths in it are relative, so it can be moved. */

import { isIP } from "node:net";
import { join } from "node:path";
import { stringify, type TomlTable } from "smol-toml";
import type { SecretKey } from "../../chain/bls.ts";
import { writeAuthorityKey } from "../../chain/keys.ts";
import { makeFolder } from "../../kernel/ports/folder.ts";
import { realRandom } from "../../kernel/ports/random.ts";
import { ipOf, publicAddressOf } from "../../p2p/address.ts";
import { loadOrCreateIdentity } from "../../p2p/identity.ts";
import { PROOFS, SPECIFICATION, write } from "./network-folder.ts";

const CONFIGURATION = "alysd.toml";
const AUTHORITY_KEY = "authority.key";
const DATA = "data";

export interface NodeWish {
  readonly specification: string;
  readonly proofs: string;
  readonly listenAddresses: readonly string[];
  /** Where others reach it; none lets it find that out. */
  readonly announceAddresses: readonly string[];
  readonly bootstrapPeers: readonly string[];
  readonly memberPeerIds: readonly string[];
  readonly isPrivate: boolean;
  readonly controlPort: number;
  readonly isMember: boolean;
}

export interface NodeFolder {
  readonly folder: string;
  readonly configFile: string;
  readonly dataDirectory: string;
  readonly peerId: string;
}

/** Its identity, and with a key its authority key; the configuration follows when the others' identities are known. */
export async function beginNode(folder: string, key: SecretKey | undefined): Promise<NodeFolder> {
  const dataDirectory = join(folder, DATA);
  makeFolder(folder, 0o700);
  const { peerId } = await loadOrCreateIdentity(join(dataDirectory, "identity.key"), realRandom);
  const problem = key && writeAuthorityKey(join(folder, AUTHORITY_KEY), key, realRandom);
  if (problem !== undefined) throw problem;
  return { folder, dataDirectory, configFile: join(folder, CONFIGURATION), peerId };
}

export function finishNode({ folder, configFile }: NodeFolder, wish: NodeWish): void {
  write(join(folder, SPECIFICATION), wish.specification);
  write(join(folder, PROOFS), wish.proofs);
  const settings: TomlTable = {
    storage: { data_directory: DATA },
    chain: { specification_file: SPECIFICATION, proofs_file: PROOFS },
    network: {
      listen_addresses: [...wish.listenAddresses],
      ...(wish.announceAddresses.length === 0 ? {} : { announce_addresses: [...wish.announceAddresses] }),
      bootstrap_peers: [...wish.bootstrapPeers],
      ...(wish.isPrivate ? { private_network: true } : {}),
      ...(wish.memberPeerIds.length === 0
        ? {}
        : { federation: { member_peer_ids: [...wish.memberPeerIds] } }),
    },
    ...(wish.isMember ? { producer: { authority_key_file: AUTHORITY_KEY } } : {}),
    control: { listen_address: `127.0.0.1:${wish.controlPort}`, loopback_reads: "token" },
  };
  write(configFile, `${HEADER}\n${stringify(settings)}\n`);
}

const HEADER = `# Written by alysctl init. Every other setting has its default; proto/alys/config/v1/config.proto is the manual of all.
# Paths are relative to this file.`;

/** TCP and QUIC on every address of a family, or on loopback alone. */
export function listenOn(host: string, port: number): string[] {
  const family = isIP(host) === 6 ? "ip6" : "ip4";
  return [`/${family}/${host}/tcp/${port}`, `/${family}/${host}/udp/${port}/quic-v1`];
}

/** How others dial a host, an IP address or a name. */
export function addressesOf(host: string, port: number): string[] {
  const family = { 0: "dns4", 4: "ip4", 6: "ip6" }[isIP(host)] ?? "dns4";
  return [`/${family}/${host}/tcp/${port}`, `/${family}/${host}/udp/${port}/quic-v1`];
}

/** Whether one of the addresses is of no public network. Names are taken for public ones. */
export function isPrivate(addresses: readonly string[]): boolean {
  return addresses.some((address) => ipOf(address) !== undefined && publicAddressOf(address) === undefined);
}
