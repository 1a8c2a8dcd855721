/**
 * alysctl as a function: arguments in, exit status out. Owns the global options and turns failures into one
 * line and a status; each group of commands is a file of its own.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Command, CommanderError, Option } from "commander";
import { asError, Failure } from "../kernel/errors.ts";
import { addAuditCommands } from "./audit.ts";
import { addCallCommand } from "./call.ts";
import { addChainCommands } from "./chain.ts";
import { addCheckpointsCommands } from "./checkpoints.ts";
import { addCompletionCommand } from "./completion/command.ts";
import { addCredentialOptions, type CredentialOptions } from "./credentials.ts";
import {
  describeFailure,
  EXIT_INTERRUPTED,
  EXIT_OK,
  EXIT_SOFTWARE,
  EXIT_STATUS_HELP,
  EXIT_USAGE,
  exitStatusOf,
} from "./exit-status.ts";
import { addInitCommand } from "./init.ts";
import { addKeysCommands } from "./keys.ts";
import { ADDRESS_DEFAULT } from "./local-node.ts";
import { addNetworkCommands } from "./network.ts";
import { addNodeCommands } from "./node.ts";
import { parseAddress, parseDuration } from "./options.ts";
import { addPeersCommands } from "./peers.ts";
import { addProducerCommands } from "./producer.ts";
import { type Run, Session } from "./session.ts";
import { addStatusCommand } from "./status.ts";
import { addSupervisorCommands } from "./supervisor.ts";
import { addSyncCommands } from "./sync.ts";
import type { Terminal } from "./terminal.ts";
import { addTokensCommands } from "./tokens.ts";
import { addVotesCommands } from "./votes/votes.ts";

interface GlobalOptions extends CredentialOptions {
  readonly address?: string;
  readonly node?: string;
  readonly output: "table" | "json";
  readonly timeout?: number;
}

/** Runs alysctl; never throws. `signal` aborts at Ctrl-C. */
export async function runAlysctl(
  args: readonly string[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const program = addCredentialOptions(newProgram(terminal));
  const run: Run = async (action) => {
    const { address, node, output, timeout, ...credentials } = program.opts<GlobalOptions>();
    const session = new Session({ address, node, output, timeoutMs: timeout, credentials }, terminal, signal);
    try {
      await action(session);
    } finally {
      session.close();
    }
  };
  addInitCommand(program, run);
  addStatusCommand(program, run);
  addNodeCommands(program, run);
  addSyncCommands(program, run);
  addPeersCommands(program, run);
  addNetworkCommands(program, run);
  addProducerCommands(program, run);
  addSupervisorCommands(program, run);
  addChainCommands(program, run);
  addCheckpointsCommands(program, run);
  addKeysCommands(program, run);
  addVotesCommands(program, run);
  addTokensCommands(program, run);
  addAuditCommands(program, run);
  addCallCommand(program, run);
  addCompletionCommand(program, run);
  try {
    await program.parseAsync(args, { from: "user" });
    return EXIT_OK;
  } catch (thrown) {
    return statusOf(thrown, terminal, signal);
  }
}

function newProgram(terminal: Terminal): Command {
  return new Command("alysctl")
    .description("Controls an Alys node (alysd) over its gRPC control plane.")
    .version(versionOf())
    .addOption(
      new Option(
        "-a, --address <address>",
        "HOST:PORT or unix:PATH of the node's control plane (default: the socket of a node of yours in ./data, " +
          `/var/lib/alysd or a local network, else ${ADDRESS_DEFAULT})`,
      )
        .env("ALYS_ADDRESS")
        // An empty variable is none, as scripts mean it.
        .argParser((text) => (text === "" ? undefined : parseAddress(text))),
    )
    .addOption(
      new Option(
        "-n, --node <folder>",
        "data directory of a node of this machine, to call it as its owner",
      ).env("ALYS_NODE"),
    )
    .addOption(
      new Option("-o, --output <form>", "for people, or protobuf's JSON (one line a message in streams)")
        .choices(["table", "json"])
        .default("table"),
    )
    .addOption(
      new Option(
        "-t, --timeout <duration>",
        "give up after this: 500ms, 5s, 2m (default: the method's own)",
      ).argParser(parseDuration),
    )
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .addHelpText("after", `\n${EXIT_STATUS_HELP}`)
    .showHelpAfterError("(add --help for the usage)")
    .exitOverride();
}

function statusOf(thrown: unknown, terminal: Terminal, signal: AbortSignal): number {
  if (signal.aborted) return EXIT_INTERRUPTED;
  // It has printed its own words.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  if (thrown instanceof Failure) {
    terminal.err(`alysctl: ${describeFailure(thrown)}`);
    if (thrown.reason === "TOKEN_MISSING") terminal.err(`alysctl: ${TOKEN_ADVICE}`);
    return exitStatusOf(thrown.code);
  }
  terminal.err(`alysctl: a mistake in alysctl: ${asError(thrown).stack ?? ""}`);
  return EXIT_SOFTWARE;
}

const TOKEN_ADVICE =
  "as the user whose node it is, name its data directory: --node FOLDER; others need a token of that user " +
  "(alysctl tokens create NAME --scope operate > FILE): --token-file FILE";

/** From package.json, which is one folder above src/ in a checkout and above dist/ in a package. */
function versionOf(): string {
  for (let folder = import.meta.dirname; dirname(folder) !== folder; folder = dirname(folder)) {
    try {
      const text = readFileSync(join(folder, "package.json"), "utf8");
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // One folder further up.
    }
  }
  return "unknown";
}
