/**
 * `alysctl init --new`: a chain of its own with as many members as are wanted, each with its keys in a folder that can be copied to
 * its machine, and the folder that others join it by.
 */

import { join } from "node:path";
import { forgeParameters } from "../../chain/forge.ts";
import { toHex } from "../../chain/hex.ts";
import { generateSecretKey } from "../../chain/keys.ts";
import { encodePossessionFile } from "../../chain/possession.ts";
import { encodeChainSpecification, genesisOf } from "../../chain/spec.ts";
import { failure } from "../../kernel/errors.ts";
import { makeFolder } from "../../kernel/ports/folder.ts";
import { realRandom } from "../../kernel/ports/random.ts";
import { emptyFolder } from "../empty-folder.ts";
import type { Session } from "../session.ts";
import { renderFields } from "../table.ts";
import { writeNetwork } from "./network-folder.ts";
import { addressesOf, beginNode, finishNode, isPrivate, listenOn, type NodeFolder } from "./node-folder.ts";
import type { InitOptions } from "./options.ts";

/** Chain ids of Alys's own networks are below. */
const CHAIN_ID_MIN = 1_000_000;
const CHAIN_ID_SPAN = 0x7fff_ffff - CHAIN_ID_MIN;

interface Place {
  readonly host: string;
  readonly port: number;
  readonly controlPort: number;
}

/** Rejects with Failure: the folder, or as many hosts as there are not members. */
export async function found(session: Session, options: InitOptions): Promise<void> {
  const places = placesOf(options);
  const folder = emptyFolder(options.dir, "--dir");
  const keys = places.map(() => generateSecretKey(realRandom));
  const parameters = { ...forgeParameters(keys), chainId: CHAIN_ID_MIN + realRandom.integer(CHAIN_ID_SPAN) };
  const genesis = genesisOf(parameters);
  const files = {
    specification: encodeChainSpecification(parameters),
    proofs: encodePossessionFile(keys, genesis.hash),
  };
  const members: NodeFolder[] = [];
  for (const [index, key] of keys.entries())
    members.push(await beginNode(join(folder, `member-${index + 1}`), key));
  const addresses = places.map(({ host, port }, index) => {
    const [address] = addressesOf(host, port);
    return `${address}/p2p/${members[index]?.peerId}`;
  });
  const isLocal = options.host === undefined;
  for (const [index, member] of members.entries()) {
    const { host, port, controlPort } = places[index] as Place;
    finishNode(member, {
      ...files,
      listenAddresses: listenOn(isLocal ? host : host.includes(":") ? "::" : "0.0.0.0", port),
      announceAddresses: isLocal ? [] : addressesOf(host, port),
      bootstrapPeers: addresses.filter((_, other) => other !== index),
      memberPeerIds: members.map(({ peerId }) => peerId),
      isPrivate: isPrivate(addresses),
      controlPort,
      isMember: true,
    });
  }
  const network = join(folder, "network");
  makeFolder(network, 0o755);
  writeNetwork(network, { ...files, peers: addresses });
  tell(session, { folder, network, members, addresses, genesisHash: toHex(genesis.hash) });
}

/** Where each member runs. On one machine, and where a host is named twice, ports follow one another. */
function placesOf({ members, host, port, controlPort }: InitOptions): Place[] {
  if (host !== undefined && host.length !== members) {
    const text = `--host names ${host.length} members, --members ${members}`;
    throw failure("INVALID_ARGUMENT", "BAD_FIELD", text, { field: "host" });
  }
  const hosts = host ?? Array.from({ length: members }, () => "127.0.0.1");
  return hosts.map((name, index) => {
    const before = hosts.slice(0, index).filter((other) => other === name).length;
    return { host: name, port: port + before, controlPort: controlPort + before };
  });
}

interface Founded {
  readonly folder: string;
  readonly network: string;
  readonly members: readonly NodeFolder[];
  readonly addresses: readonly string[];
  readonly genesisHash: string;
}

function tell(session: Session, { folder, network, members, addresses, genesisHash }: Founded): void {
  if (session.isJson) {
    const nodes = members.map((member, index) => ({ ...member, address: addresses[index] }));
    session.terminal.out(
      JSON.stringify({ folder, network, genesisHash: `0x${genesisHash}`, members: nodes }, undefined, 2),
    );
    return;
  }
  const [first] = members;
  session.terminal.out(
    renderFields([
      ["chain", `0x${genesisHash}`],
      ...members.map(({ folder: own }, index): [string, string] => [
        `member ${index + 1}`,
        `${own}  ${addresses[index]}`,
      ]),
      ["to join it", `${network}, for alysctl init --network`],
      ["next", `copy each member's folder to its machine, then there: alysd --config ${first?.configFile}`],
      ["", `alysctl --node ${first?.dataDirectory} status`],
    ]),
  );
}
