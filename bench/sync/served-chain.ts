/**
 * A forged chain and a real alysd that serves it, in a folder of their own: the far side of the sync benchmark. Forged
 * once before anything is measured; the process lives for all rounds of its case.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ForgeOptions, forgeParameters, forgeSecretKeys } from "../../src/chain/forge.ts";
import { encodePossessionFile } from "../../src/chain/possession.ts";
import { encodeChainSpecification, genesisOf } from "../../src/chain/spec.ts";
import { writeHistory } from "../../src/cli/localnet/history.ts";
import { realClock } from "../../src/kernel/clock.ts";
import { type BenchNode, startBenchNode, type Transport } from "./bench-node.ts";

/** Members of the forged chain: a quorum is 3 of 4. */
const MEMBERS = 4;
const SEED = 20_000;

export interface ChainOptions extends Pick<ForgeOptions, "transactions" | "transactionBytes" | "signEvery"> {
  readonly blocks: number;
}

export interface ServedChain {
  readonly blocks: number;
  readonly server: BenchNode;
  readonly specificationFile: string;
  readonly proofsFile: string;
}

/** Forges into `folder` (new) and starts the server. */
export async function serveChain(
  folder: string,
  transport: Transport,
  options: ChainOptions,
): Promise<ServedChain> {
  const specificationFile = join(folder, "chain.json");
  const proofsFile = join(folder, "proofs.json");
  await mkdir(join(folder, "server"), { recursive: true, mode: 0o700 });
  const keys = forgeSecretKeys(MEMBERS, SEED);
  const parameters = forgeParameters(keys);
  await writeFile(specificationFile, encodeChainSpecification(parameters));
  await writeFile(proofsFile, encodePossessionFile(keys, genesisOf(parameters).hash));
  const chain = join(folder, "server", "chain");
  await writeHistory({ ...options, members: MEMBERS, seed: SEED, folder: chain, clock: realClock });
  const server = await startBenchNode({
    folder: join(folder, "server"),
    name: "server",
    specificationFile,
    proofsFile,
    transport,
    bootstrap: [],
  });
  return { blocks: options.blocks, server, specificationFile, proofsFile };
}
