/** Starts server-child.ts and speaks with it. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Load } from "./load.ts";

/** A server in a process of its own. */
export interface ControlServer {
  readonly address: string;
  readonly load: Load;
  /** Of scope operate; empty for the bare server, which asks for none. */
  readonly token: string;
  /** Of scope read and several accounts; only ours has them. */
  readonly readerTokens: readonly string[];
  /** Sends a command to the server's process and gives its answer. */
  command(line: string): Promise<Readonly<Record<string, number>>>;
  close(): void;
}

interface Answer {
  readonly address?: string;
  readonly token?: string;
  readonly readerTokens?: readonly string[];
}

/** Starts one; it ends when it is closed, or with us. */
export async function startServer(kind: "bare" | "ours"): Promise<ControlServer> {
  const script = join(import.meta.dirname, "server-child.ts");
  const child = spawn(process.execPath, ["--expose-gc", script, kind], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Answer> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the ${kind} server ended`);
    return JSON.parse(value);
  };
  const { address = "", token = "", readerTokens = [] } = await answer();
  const load = new Load(address, token);
  return {
    address,
    load,
    token,
    readerTokens,
    command: async (line) => {
      child.stdin.write(`${line}\n`);
      return (await answer()) as Readonly<Record<string, number>>;
    },
    close: () => {
      load.close();
      child.stdin.end();
    },
  };
}
