/**
 * The composite ceiling of synchronisation: the bare stream and the local validation of the same chain on the same
 * machine, one after the other: a second of theirs each for what one second brings, 1/(1/stream + 1/validation).
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { execPath } from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ChainOptions } from "../validate/block-file.ts";
import type { Stretch, Task } from "../validate/child.ts";
import { measureScript } from "../validate/measure.ts";
import type { BareClientRole, BareServerRole } from "./bare-stream.ts";
import type { Transport } from "./bench-node.ts";

const SCRIPT = fileURLToPath(new URL("./bare-stream.ts", import.meta.url));
const WARM_UP_BLOCKS = 1_024;

export interface CeilingFigures {
  readonly transport_blocks_per_second: number;
  readonly validate_blocks_per_second: number;
  readonly blocks_per_second: number;
}

export interface CeilingParts {
  /** The chain, as block-file.ts wrote it, and what it was forged with. */
  readonly file: string;
  readonly chain: ChainOptions;
  readonly transport: Transport;
  readonly batchBlocks: number;
  /** An empty database is made in it and removed. */
  readonly folder: string;
}

export async function ceilingRound(parts: CeilingParts): Promise<CeilingFigures> {
  const transport = await bareStream(parts);
  const validate = await localValidation(parts);
  return {
    transport_blocks_per_second: transport,
    validate_blocks_per_second: validate,
    blocks_per_second: 1 / (1 / validate + 1 / transport),
  };
}

async function bareStream({ file, chain, transport, batchBlocks }: CeilingParts): Promise<number> {
  const { blocks } = chain;
  const server = start({ role: "server", file, blocks });
  try {
    const [line] = (await once(createInterface(server.stdout as NodeJS.ReadableStream), "line")) as [string];
    const addresses = JSON.parse(line) as string[];
    const address = addresses.find((each) => each.includes(transport === "tcp" ? "/tcp/" : "/quic-v1"));
    if (address === undefined) throw new Error(`the bare server does not listen on ${transport}`);
    const client = start({ role: "client", address, blocks, batchBlocks });
    const output: Buffer[] = [];
    client.stdout?.on("data", (bytes: Buffer) => output.push(bytes));
    const [status] = (await once(client, "close")) as [number | null];
    if (status !== 0) throw new Error(`the bare client ended with status ${status}`);
    return JSON.parse(Buffer.concat(output).toString()) as number;
  } finally {
    server.stdin?.end();
  }
}

function start(role: BareServerRole | BareClientRole): ChildProcess {
  return spawn(execPath, [SCRIPT, JSON.stringify(role)], { stdio: ["pipe", "pipe", "inherit"] });
}

async function localValidation({ file, chain, folder }: CeilingParts): Promise<number> {
  const own = await mkdtemp(join(folder, "ceiling-"));
  try {
    const blocks = chain.blocks - WARM_UP_BLOCKS;
    const stretches = [{ before: 0, blocks }];
    const task: Task = {
      file,
      folder: own,
      chain,
      policy: "SEGMENT",
      warmUpBlocks: WARM_UP_BLOCKS,
      stretches,
    };
    const { answer } = await measureScript<Stretch[]>("./child.ts", task);
    return answer[0]?.blocks_per_second ?? Number.NaN;
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}
