/** `alysctl init --network`: the folder of a node of a network that there is. */

import { join as joinPath } from "node:path";
import { toHex } from "../../chain/hex.ts";
import { generateSecretKey } from "../../chain/keys.ts";
import { encodePossessionFile } from "../../chain/possession.ts";
import { failure } from "../../kernel/errors.ts";
import { realRandom } from "../../kernel/ports/random.ts";
import { publicAddressOf } from "../../p2p/address.ts";
import { emptyFolder } from "../empty-folder.ts";
import type { Session } from "../session.ts";
import { renderFields } from "../table.ts";
import { readNetwork, write } from "./network-folder.ts";
import { beginNode, finishNode, isPrivate, listenOn } from "./node-folder.ts";
import type { InitOptions } from "./options.ts";

const PEER = /\/p2p\/[1-9A-HJ-NP-Za-km-z]+$/;

/** Rejects with Failure: the folder, or the file of the network that is at fault. */
export async function join(session: Session, options: InitOptions): Promise<void> {
  const { chain, specification, proofs, peers } = readNetwork(options.network ?? "");
  const bootstrapPeers = [...new Set([...peers, ...(options.bootstrap ?? [])])];
  const wrong = bootstrapPeers.find((address) => !PEER.test(address));
  if (wrong !== undefined) {
    const text = `"${wrong}" does not end in /p2p/ID`;
    throw failure("INVALID_ARGUMENT", "BAD_FIELD", text, { field: "bootstrap" });
  }
  const folder = emptyFolder(options.dir, "--dir");
  const key = options.authority === true ? generateSecretKey(realRandom) : undefined;
  const node = await beginNode(folder, key);
  const isLocal =
    bootstrapPeers.length > 0 && bootstrapPeers.every((address) => /^\/ip[46]\/(127\.|::1\/)/.test(address));
  finishNode(node, {
    specification,
    proofs,
    listenAddresses: listenOn(isLocal ? "127.0.0.1" : "0.0.0.0", options.port),
    announceAddresses: [],
    bootstrapPeers,
    memberPeerIds: [],
    isPrivate: isPrivate(bootstrapPeers),
    controlPort: options.controlPort,
    isMember: key !== undefined,
  });
  const proofFile = joinPath(folder, "authority.proof.json");
  const { hash } = chain.genesis;
  if (key !== undefined) write(proofFile, encodePossessionFile([key], hash));
  const facts = {
    ...node,
    genesisHash: `0x${toHex(hash)}`,
    ...(key === undefined ? {} : { authorityKey: `0x${toHex(key.publicKey)}`, proofFile }),
  };
  if (session.isJson) return session.terminal.out(JSON.stringify(facts, undefined, 2));
  const isReachable = bootstrapPeers.some((address) => publicAddressOf(address) !== undefined);
  session.terminal.out(
    renderFields([
      ["folder", folder],
      ["peer id", node.peerId],
      ["chain", facts.genesisHash],
      [
        "bootstrap",
        bootstrapPeers.length === 0 ? "nobody: name a peer in network.bootstrap_peers" : bootstrapPeers,
      ],
      ...(key === undefined
        ? []
        : ([
            ["authority key", `0x${toHex(key.publicKey)}`],
            [
              "its proof",
              `${proofFile}, for the members who make it an authority: alysctl producer schedule`,
            ],
          ] satisfies [string, string][])),
      ...(isReachable
        ? ([["be reached", `open port ${options.port}, TCP and UDP`]] satisfies [string, string][])
        : []),
      ["next", `alysd --config ${node.configFile}`],
      ["", `alysctl --node ${node.dataDirectory} status`],
    ]),
  );
}
