/**
 * `alysctl keys proofs`: joins the members' files of proofs of possession to the one file that a chain's nodes are given,
 * and says whose proof is missing. A file of its own, loaded when it is asked for: it brings BLS.
 */
import { readFileSync } from "node:fs";
import { equalBytes } from "../../chain/bytes.ts";
import { readChain } from "../../chain/chain-file.ts";
import { toHex } from "../../chain/hex.ts";
import { encodePossessions, verifyPossession } from "../../chain/possession.ts";
import { asError, Failure, failure } from "../../kernel/errors.ts";
import { writeFileAtomicSync } from "../../storage/files.ts";
import { type Possession, readPossessions } from "../possessions.ts";
import type { Session } from "../session.ts";
import { renderFields } from "../table.ts";

export interface ProofsOptions {
  /** Path of the chain's specification. */
  readonly chain: string;
  readonly out: string;
}

/**
 * Rejects with INVALID_ARGUMENT for a file of a bad form, of another chain, or with a proof that does not hold, and with
 * FAILED_PRECONDITION when an authority of the chain has none; then nothing is written.
 */
export function joinProofs(
  session: Session,
  files: readonly string[],
  { chain, out }: ProofsOptions,
): Promise<void> {
  const loaded = readChain(chain);
  if (loaded instanceof Failure) throw loaded;
  const { genesis, parameters } = loaded;
  const given = files.flatMap((file) => provenIn(file, genesis.hash));
  const all: Possession[] = [];
  const missing: string[] = [];
  for (const key of parameters.authorities) {
    const found = given.find((one) => equalBytes(one.key, key));
    if (found === undefined) missing.push(`0x${toHex(key)}`);
    else all.push(found);
  }
  if (missing.length > 0) {
    const text = `no file proves possession of ${missing.join(", ")}; nothing was written`;
    throw failure("FAILED_PRECONDITION", "POSSESSION_UNPROVEN", text);
  }
  writeFileAtomicSync(out, new TextEncoder().encode(encodePossessions(all, genesis.hash)));
  const facts = { file: out, chain: `0x${toHex(genesis.hash)}`, authorities: all.length };
  if (session.isJson) session.terminal.out(JSON.stringify(facts, undefined, 2));
  else
    session.terminal.out(
      renderFields([
        ["proofs", out],
        ["chain", facts.chain],
        ["authorities", `all ${facts.authorities} proven; name the file in chain.proofs_file`],
      ]),
    );
  return Promise.resolve();
}

/** Proofs of keys that are no authorities are left out: a member may have prepared more. */
function provenIn(file: string, genesisHash: Uint8Array): Possession[] {
  const read = readPossessions(textOf(file), genesisHash);
  if (read instanceof Failure)
    throw failure(read.code, read.reason, `${file}: ${read.message}`, { field: read.detail.field ?? "" });
  const wrong = read.find(({ key, proof }) => !verifyPossession(key, proof, genesisHash));
  if (wrong === undefined) return read;
  const text = `${file}: the proof of 0x${toHex(wrong.key)} does not hold: whoever made it does not have that key`;
  throw failure("INVALID_ARGUMENT", "POSSESSION_FILE_INVALID", text);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw failure("NOT_FOUND", "FILE_UNREADABLE", asError(thrown).message);
  }
}
