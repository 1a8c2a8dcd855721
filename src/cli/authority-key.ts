/**
 * `alysctl keys authority`: makes and shows an authority key. A file of its own, loaded when it is asked for:
 * it brings BLS, which no other command needs.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { readChain } from "../chain/chain-file.ts";
import { toHex } from "../chain/hex.ts";
import { generateSecretKey, loadAuthorityKey, writeAuthorityKey } from "../chain/keys.ts";
import { encodePossessionFile, provePossession } from "../chain/possession.ts";
import { asError, Failure, failure } from "../kernel/errors.ts";
import { realRandom } from "../kernel/ports/random.ts";
import type { Session } from "./session.ts";
import { renderFields } from "./table.ts";

export interface AuthorityOptions {
  readonly file: string;
  readonly make?: boolean;
  readonly chain?: string;
  readonly proofFile?: string;
}

/** Rejects with Failure: what the key file and the chain's file say. */
export async function showAuthority(
  session: Session,
  { file, make, chain, proofFile }: AuthorityOptions,
): Promise<void> {
  if (proofFile !== undefined && chain === undefined) {
    throw failure("INVALID_ARGUMENT", "BAD_FIELD", "--proof-file needs --chain", { field: "chain" });
  }
  if (make === true) {
    const problem = writeAuthorityKey(file, generateSecretKey(realRandom), realRandom);
    if (problem !== undefined) throw problem;
  }
  const key = loadAuthorityKey(file);
  if (key instanceof Failure) throw key;
  const facts: Record<string, string> = { file, publicKey: `0x${toHex(key.publicKey)}` };
  if (chain !== undefined) {
    const loaded = readChain(chain);
    if (loaded instanceof Failure) throw loaded;
    facts["chain"] = `0x${toHex(loaded.genesis.hash)}`;
    facts["proofOfPossession"] = `0x${toHex(provePossession(key, loaded.genesis.hash))}`;
    if (proofFile !== undefined) {
      writeProof(proofFile, encodePossessionFile([key], loaded.genesis.hash));
      facts["proofFile"] = proofFile;
    }
  }
  const names: Readonly<Record<string, string>> = {
    publicKey: "public key",
    proofOfPossession: "proof of possession",
    proofFile: "proof file",
  };
  if (session.isJson) session.terminal.out(JSON.stringify(facts, undefined, 2));
  else
    session.terminal.out(
      renderFields(Object.entries(facts).map(([key, value]) => [names[key] ?? key, value])),
    );
}

function writeProof(file: string, text: string): void {
  // Proofs are made again at will; nothing else is written over, a key file least of all.
  if (existsSync(file) && !isProof(file)) {
    throw failure(
      "ALREADY_EXISTS",
      "FILE_EXISTS",
      `${file} is there and holds no proof: it is not written over`,
    );
  }
  try {
    writeFileSync(file, text);
  } catch (thrown) {
    throw failure("NOT_FOUND", "FILE_NOT_WRITTEN", asError(thrown).message);
  }
}

function isProof(file: string): boolean {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return typeof value === "object" && value !== null && "genesisHash" in value && "proofs" in value;
  } catch {
    return false;
  }
}
