/**
 * A process that becomes another user of the machine and does what it is told: calls of alysctl, files to read, sockets to
 * connect to, as JSON in its arguments; what came of each as JSON on standard output. Started as root by
 * control-door.test.ts; everything is loaded before the rights are given up, so that a checkout may be closed to others.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { runAlysctl } from "../../src/cli/program.ts";
import { MemoryTerminal } from "../../src/cli/terminal.ts";

export const NOBODY = 65_534;

export interface Errands {
  readonly calls: readonly (readonly string[])[];
  readonly files: readonly string[];
  readonly sockets: readonly string[];
}

export interface Outcomes {
  readonly uid: number;
  readonly calls: readonly { readonly status: number; readonly text: string; readonly errors: string }[];
  /** Codes of the operating system; empty for what worked. */
  readonly files: readonly string[];
  readonly sockets: readonly string[];
}

async function call(args: readonly string[]): Promise<Outcomes["calls"][number]> {
  const terminal = new MemoryTerminal();
  const status = await runAlysctl(args, terminal, new AbortController().signal);
  return { status, text: terminal.text, errors: terminal.errors.join("\n") };
}

function read(file: string): string {
  try {
    readFileSync(file);
    return "";
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code ?? "?";
  }
}

function tryConnect(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve("");
    });
    socket.on("error", (thrown: NodeJS.ErrnoException) => resolve(thrown.code ?? "?"));
  });
}

async function main(errands: Errands): Promise<void> {
  // Once, as root: grpc-js loads parts of itself at the first call.
  await call(["-a", "127.0.0.1:1", "-t", "100ms", "sync", "status"]);
  process.setgroups?.([]);
  process.setgid?.(NOBODY);
  process.setuid?.(NOBODY);
  const calls: Outcomes["calls"][number][] = [];
  for (const args of errands.calls) calls.push(await call(args));
  const sockets = await Promise.all(errands.sockets.map(tryConnect));
  const outcomes: Outcomes = {
    uid: process.getuid?.() ?? -1,
    calls,
    files: errands.files.map(read),
    sockets,
  };
  process.stdout.write(`${JSON.stringify(outcomes)}\n`);
}

const [given] = process.argv.slice(2);
if (process.argv[1] === import.meta.filename && given !== undefined) await main(JSON.parse(given) as Errands);
