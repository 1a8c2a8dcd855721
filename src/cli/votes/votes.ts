/**
 * `alysctl votes`: carries a member's vote record to another machine. Needs no node, and none may run on the directory: an
 * export beside a running member is old at the next slot, an import under one would race with its signing.
 */
import type { Command } from "commander";
import type { Run } from "../session.ts";

interface VotesOptions {
  readonly config: string;
  readonly file: string;
}

const HELP = `
The file names the chain, the key and the last slot that the key signed in. An import raises the record of its directory, or
leaves it as it is; it never lowers it, and takes no file of another chain or key. docs/operations/moving-a-member.md has the
whole of a move.`;

export function addVotesCommands(program: Command, run: Run): void {
  const votes = program
    .command("votes")
    .description("the record of what a member signed last; needs a node that is stopped")
    .addHelpText("after", HELP);
  votes
    .command("export")
    .description("write the record to an interchange file; an existing file is never overwritten")
    .requiredOption("--config <path>", "the configuration that alysd is started with")
    .requiredOption("--file <path>", "the interchange file")
    .action(({ config, file }: VotesOptions) =>
      run(async (session) => {
        const { exportVotes } = await import("./offline.ts");
        exportVotes(session, config, file);
      }),
    );
  votes
    .command("import")
    .description("raise the record to what an interchange file tells of")
    .requiredOption("--config <path>", "the configuration that alysd is started with")
    .requiredOption("--file <path>", "the interchange file")
    .action(({ config, file }: VotesOptions) =>
      run(async (session) => {
        const { importVotes } = await import("./offline.ts");
        importVotes(session, config, file);
      }),
    );
}
