/**
 * A forged chain and the real alysd processes that serve it, in a folder of their own: the far side of the sync benchmark.
 * Forged once before anything is measured; the processes live for all rounds, each on a copy of the same database.
 */

import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SecretKey } from "../../src/chain/bls.ts";
import { type ForgeOptions, forgeParameters, forgeSecretKeys } from "../../src/chain/forge.ts";
import { encodePossessionFile } from "../../src/chain/possession.ts";
import { encodeChainSpecification, genesisOf } from "../../src/chain/spec.ts";
import { writeHistory } from "../../src/cli/localnet/history.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { type ChainOptions as FileOptions, writeBlockFile } from "../validate/block-file.ts";
import { type BenchNode, startBenchNode } from "./bench-node.ts";
import type { Misbehaviour } from "./misbehaviour.ts";

/** Members of the forged chain: a quorum is 3 of 4. */
const MEMBERS = 4;
const SEED = 20_000;

/** Keys of the members at genesis and of some who may join. */
export const servedKeys = (): SecretKey[] => forgeSecretKeys(2 * MEMBERS, SEED);

export interface ChainOptions
  extends Pick<ForgeOptions, "transactions" | "transactionBytes" | "signEvery" | "authorityChanges"> {
  readonly blocks: number;
}

export interface ServedChain {
  readonly blocks: number;
  readonly specificationFile: string;
  readonly proofsFile: string;
  /** Starts a further process on a copy of the chain. */
  serve(name: string, misbehaviour?: Misbehaviour): Promise<BenchNode>;
  /** The same kind of chain in a file, for those who measure parts of the way. */
  writeFile(file: string): Promise<FileOptions>;
}

/** Forges into `folder` (new). */
export async function forgeServed(folder: string, options: ChainOptions): Promise<ServedChain> {
  const specificationFile = join(folder, "chain.json");
  const proofsFile = join(folder, "proofs.json");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const keys = forgeSecretKeys(MEMBERS, SEED);
  const parameters = forgeParameters(keys);
  await writeFile(specificationFile, encodeChainSpecification(parameters));
  await writeFile(proofsFile, encodePossessionFile(keys, genesisOf(parameters).hash));
  const master = join(folder, "master");
  await writeHistory({ ...options, members: MEMBERS, seed: SEED, folder: master, clock: realClock });
  return {
    blocks: options.blocks,
    specificationFile,
    proofsFile,
    serve: async (name, misbehaviour) => {
      const own = join(folder, name);
      await cp(master, join(own, "chain"), { recursive: true });
      return startBenchNode({
        folder: own,
        name,
        specificationFile,
        proofsFile,
        transports: ["tcp", "quic"],
        bootstrap: [],
        ...(misbehaviour === undefined ? {} : { misbehaviour }),
      });
    },
    writeFile: async (file) => {
      const chain = { ...options, members: MEMBERS, seed: SEED };
      await writeBlockFile(file, chain);
      return chain;
    },
  };
}
