/** `alysctl keys`: the authority key of a federation member. Needs no node. */
import type { Command } from "commander";
import { loadChain } from "../chain/chain-file.ts";
import { toHex } from "../chain/hex.ts";
import { generateSecretKey, loadAuthorityKey, writeAuthorityKey } from "../chain/keys.ts";
import { provePossession } from "../chain/possession.ts";
import { Failure } from "../kernel/errors.ts";
import { realRandom } from "../kernel/random.ts";
import type { Run, Session } from "./session.ts";
import { renderFields } from "./table.ts";

interface AuthorityOptions {
  readonly file: string;
  readonly make?: boolean;
  readonly chain?: string;
}

export function addKeysCommands(program: Command, run: Run): void {
  const keys = program.command("keys").description("key files; needs no node");
  keys
    .command("authority")
    .description("show the public key of an authority key file; the secret is never printed")
    .requiredOption("--file <path>", "the key file, mode 0600 in a folder of mode 0700")
    .option("--make", "make a new key there first; an existing one is never overwritten")
    .option("--chain <path>", "chain specification for which to prove possession of the key")
    .action((options: AuthorityOptions) => run((session) => authority(session, options)));
}

async function authority(session: Session, { file, make, chain }: AuthorityOptions): Promise<void> {
  if (make === true) {
    const problem = writeAuthorityKey(file, generateSecretKey(realRandom), realRandom);
    if (problem !== undefined) throw problem;
  }
  const key = loadAuthorityKey(file);
  if (key instanceof Failure) throw key;
  const facts: Record<string, string> = { file, publicKey: `0x${toHex(key.publicKey)}` };
  if (chain !== undefined) {
    const loaded = loadChain(chain);
    if (loaded instanceof Failure) throw loaded;
    facts["chain"] = `0x${toHex(loaded.genesis.hash)}`;
    facts["proofOfPossession"] = `0x${toHex(provePossession(key, loaded.genesis.hash))}`;
  }
  const names: Readonly<Record<string, string>> = {
    publicKey: "public key",
    proofOfPossession: "proof of possession",
  };
  if (session.isJson) session.terminal.out(JSON.stringify(facts, undefined, 2));
  else
    session.terminal.out(
      renderFields(Object.entries(facts).map(([key, value]) => [names[key] ?? key, value])),
    );
}
