/**
 * Runs a script of this folder as a process of its own, as a node is run, and watches its anonymous memory.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { RUNTIME_ENVIRONMENT, RUNTIME_FLAGS } from "../../src/cli/localnet/processes.ts";
import { watchMemory } from "../sync/bench-node.ts";

export interface Measured<T> {
  readonly answer: T;
  readonly rssAnonPeakMb: number;
}

/** The script's answer, JSON on its standard output. Throws when it ends otherwise than well. */
export async function measureScript<T>(script: string, task: unknown): Promise<Measured<T>> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(execPath, [...RUNTIME_FLAGS, path, JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...RUNTIME_ENVIRONMENT, ...process.env },
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (bytes: Buffer) => output.push(bytes));
  const memory = watchMemory(child.pid === undefined ? [] : [child.pid]);
  const [status] = (await once(child, "close")) as [number | null];
  const rssAnonPeakMb = memory.stop();
  if (status !== 0) throw new Error(`${script} ended with status ${status}`);
  return { answer: JSON.parse(Buffer.concat(output).toString()) as T, rssAnonPeakMb };
}
