/**
 * What a network gives to whoever joins it, as files of one folder: the chain specification, the proofs of possession of its
 * authorities, and addresses of peers, one a line.
 */

import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ChainFile, loadChain } from "../../chain/chain-file.ts";
import { asError, Failure, failure } from "../../kernel/errors.ts";
import { writeFileAtomicSync } from "../../storage/files.ts";

export const SPECIFICATION = "chain.json";
export const PROOFS = "proofs.json";
const PEERS = "peers.txt";

export interface NetworkFiles {
  /** Text of the chain specification. */
  readonly specification: string;
  /** Text of the proofs. */
  readonly proofs: string;
  /** Multiaddrs that end in /p2p/ID. */
  readonly peers: readonly string[];
}

export interface Network extends NetworkFiles {
  readonly chain: ChainFile;
}

/** Reads and checks a network's folder. Throws the Failure of the file at fault. */
export function readNetwork(folder: string): Network {
  const chain = loadChain(join(folder, SPECIFICATION), { proofs: join(folder, PROOFS) });
  if (chain instanceof Failure) throw chain;
  return {
    chain,
    specification: read(join(folder, SPECIFICATION)),
    proofs: read(join(folder, PROOFS)),
    peers: read(join(folder, PEERS))
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#")),
  };
}

/** Nothing in it is secret. */
export function writeNetwork(folder: string, { specification, proofs, peers }: NetworkFiles): void {
  for (const [name, text] of [
    [SPECIFICATION, specification],
    [PROOFS, proofs],
    [PEERS, `${peers.join("\n")}\n`],
  ] as const) {
    write(join(folder, name), text);
    chmodSync(join(folder, name), 0o644);
  }
}

export function write(path: string, text: string): void {
  writeFileAtomicSync(path, new TextEncoder().encode(text));
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    throw failure("NOT_FOUND", "FILE_UNREADABLE", asError(thrown).message);
  }
}
