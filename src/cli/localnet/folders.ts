/**
 * Writes a local network to disk: the chain's files, keys, the members' history, one configuration file a node. Owns the
 * network's folder and its removal.
 */

import { constants } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type AuxPowOptions, forgeParameters, forgeSecretKeys } from "../../chain/forge.ts";
import { writeAuthorityKey } from "../../chain/keys.ts";
import { encodePossessionFile } from "../../chain/possession.ts";
import { encodeChainSpecification, genesisOf } from "../../chain/spec.ts";
import { failure } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/ports/random.ts";
import { loadOrCreateIdentity } from "../../p2p/identity.ts";
import { emptyFolder } from "../empty-folder.ts";
import {
  authorityKeyFile,
  chainFolder,
  identityKeyFile,
  type NetworkPlan,
  type NodeIdentity,
  nodeConfiguration,
  nodeFolder,
  nodeNames,
} from "./plan.ts";

/** Block time of a local network, milliseconds: the chain's. */
export const SLOT_DURATION_MS = 2000;

/** Keys and logs are nobody else's. */
const FOLDER_MODE = 0o700;

/** The folder of the block store, without the lock file that belongs to those who have it open. */
const STORE_FILE = "data.mdb";

/** A fresh temporary folder, or the named one, which must be new or empty: FAILED_PRECONDITION / FOLDER_NOT_EMPTY. */
export async function makeNetworkFolder(named: string | undefined): Promise<string> {
  if (named === undefined) return await mkdtemp(join(tmpdir(), "alys-localnet-"));
  return emptyFolder(named, "--data-dir");
}

export async function removeNetworkFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Makes every node's folder and identity, the observer first. */
export async function makeNodes(folder: string, members: number, random: Random): Promise<NodeIdentity[]> {
  return await Promise.all(
    nodeNames(members).map(async (name, index) => {
      await mkdir(nodeFolder(folder, name), { mode: FOLDER_MODE });
      const { peerId } = await loadOrCreateIdentity(identityKeyFile(folder, name), random);
      return { name, isMember: index > 0, peerId };
    }),
  );
}

/** Gives each member a copy of the history that the first one has. */
export async function copyHistory(folder: string, members: readonly NodeIdentity[]): Promise<void> {
  const [first, ...others] = members;
  if (first === undefined) return;
  const source = join(chainFolder(folder, first.name), STORE_FILE);
  await Promise.all(
    others.map(async ({ name }) => {
      const target = chainFolder(folder, name);
      await mkdir(target, { mode: FOLDER_MODE });
      // Where the file system can share the blocks of a file, the copy takes no room.
      await copyFile(source, join(target, STORE_FILE), constants.COPYFILE_FICLONE);
    }),
  );
}

/** AuxPoWs that may fail in a row before the chain stands still: members take turns, and one may be away. */
const AUXPOWS_MISSED_MAX = 8;

/** What the forge and the chain's parameters are told: a local chain stands still soon when nobody mines. */
export function auxpowOptions(auxpowEvery = 0): AuxPowOptions {
  if (auxpowEvery === 0) return {};
  return { auxpowEvery, maxBlocksWithoutPow: auxpowEvery * AUXPOWS_MISSED_MAX };
}

export interface NetworkChain {
  /** Members' keys follow from it. */
  readonly seed: number;
  readonly random: Random;
  /** 0: none. */
  readonly auxpowEvery: number;
}

/** Specification, proofs of possession, authority keys (0600) and a configuration file a node. */
export async function writeNetwork(
  plan: NetworkPlan,
  { seed, random, auxpowEvery }: NetworkChain,
): Promise<void> {
  const members = plan.nodes.filter(({ isMember }) => isMember);
  const keys = forgeSecretKeys(members.length, seed);
  const parameters = forgeParameters(keys, SLOT_DURATION_MS, auxpowOptions(auxpowEvery));
  await writeFile(plan.specificationFile, encodeChainSpecification(parameters));
  await writeFile(plan.proofsFile, encodePossessionFile(keys, genesisOf(parameters).hash));
  for (const [index, { name }] of members.entries()) {
    const key = keys[index];
    if (key === undefined) continue;
    const problem = writeAuthorityKey(authorityKeyFile(plan.folder, name), key, random);
    if (problem !== undefined) throw problem;
  }
  const template = await readTemplate();
  for (const node of plan.nodes) {
    await writeFile(node.configFile, nodeConfiguration(template, plan, node, auxpowEvery));
  }
}

/** config/localnet.toml of this installation: beside src/ in a checkout, beside dist/ in a package. */
async function readTemplate(): Promise<string> {
  for (let folder = import.meta.dirname; dirname(folder) !== folder; folder = dirname(folder)) {
    try {
      return await readFile(join(folder, "config", "localnet.toml"), "utf8");
    } catch {
      // One folder further up.
    }
  }
  throw failure("NOT_FOUND", "TEMPLATE_MISSING", "config/localnet.toml is not in this installation");
}
