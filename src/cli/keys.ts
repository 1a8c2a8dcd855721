/** `alysctl keys`: the authority key of a federation member, and the files of TLS. Needs no node. */
import type { Command } from "commander";
import type { AuthorityOptions } from "./authority-key.ts";
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
    .option("--proof-file <path>", "write the proof there, for alysctl producer schedule; needs --chain")
    .action((options: AuthorityOptions) =>
      run(async (session) => {
        const { showAuthority } = await import("./authority-key.ts");
        await showAuthority(session, options);
      }),
    );
}
