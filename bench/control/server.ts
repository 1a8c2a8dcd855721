/** Starts server-child.ts and speaks with it. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Load } from "./load.ts";

/** A server in a process of its own. */
export interface ControlServer {
  readonly address: string;
  readonly load: Load;
  /** Sends a command to the server's process and gives its answer. */
  command(line: string): Promise<Readonly<Record<string, number>>>;
  close(): void;
}

/** Starts one; it ends when it is closed, or with us. */
export async function startServer(kind: "bare" | "ours"): Promise<ControlServer> {
  const script = join(import.meta.dirname, "server-child.ts");
  const child = spawn(process.execPath, ["--expose-gc", script, kind], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, never>> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the ${kind} server ended`);
    return JSON.parse(value);
  };
  const { address = "", token = "" } = await answer();
  const load = new Load(address, token);
  return {
    address,
    load,
    command: (line) => {
      child.stdin.write(`${line}\n`);
      return answer();
    },
    close: () => {
      load.close();
      child.stdin.end();
    },
  };
}
