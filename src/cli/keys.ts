/** `alysctl keys`: the authority key of a federation member, what it signs beforehand, and the files of TLS. Needs no node. */
import { type Command, InvalidArgumentError } from "commander";
import type { AuthorityOptions } from "./authority-key.ts";
import type { DelegationOptions } from "./keys/delegation.ts";
import type { ProofsOptions } from "./keys/proofs.ts";
import { addKeysInitCommand } from "./keys-init.ts";
import type { Run } from "./session.ts";

export function addKeysCommands(program: Command, run: Run): void {
  const keys = program.command("keys").description("key files; needs no node");
  addKeysInitCommand(keys, run);
  keys
    .command("authority")
    .description("show the public key of an authority key file; the secret is never printed")
    .requiredOption("--file <path>", "the key file, mode 0600 in a folder of mode 0700")
    .option("--make", "make a new key there first; an existing one is never overwritten")
    .option("--chain <path>", "chain specification for which to prove possession of the key")
    .option(
      "--proof-file <path>",
      "write the proof there, for alysctl keys proofs or producer schedule; needs --chain",
    )
    .action((options: AuthorityOptions) =>
      run(async (session) => {
        const { showAuthority } = await import("./authority-key.ts");
        await showAuthority(session, options);
      }),
    );
  keys
    .command("proofs")
    .description("join the members' proofs of possession to the file that chain.proofs_file names")
    .argument("<file...>", "what the members wrote with keys authority --proof-file")
    .requiredOption("--chain <path>", "chain specification; each of its authorities has to be proven")
    .requiredOption("--out <path>", "the file for every node of the chain")
    .action((files: string[], options: ProofsOptions) =>
      run(async (session) => {
        const { joinProofs } = await import("./keys/proofs.ts");
        await joinProofs(session, files, options);
      }),
    );
  keys
    .command("delegation")
    .description("make the file by which a node without the authority key is this member's sentry")
    .requiredOption("--file <path>", "the authority key")
    .requiredOption("--chain <path>", "chain specification")
    .requiredOption("--peer-id <id>", "peer id of the sentry")
    .requiredOption("--out <path>", "the file for network.federation.delegation_file of the sentry")
    .option("--days <number>", "days that it is valid", parseDays, DELEGATION_DAYS)
    .action((options: DelegationOptions) =>
      run(async (session) => {
        const { delegate } = await import("./keys/delegation.ts");
        await delegate(session, options);
      }),
    );
}

/** A sentry cannot renew it, and warns in its last week. */
const DELEGATION_DAYS = 90;
const DELEGATION_DAYS_MAX = 365;

function parseDays(text: string): number {
  const days = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= DELEGATION_DAYS_MAX) return days;
  throw new InvalidArgumentError(`Not a number of days from 1 to ${DELEGATION_DAYS_MAX}.`);
}
