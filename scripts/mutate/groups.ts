/**
 * What mistakes are planted into, in three groups: what is held pure, and of the chain's rules everything that reads no file and no
 * clock; and the tests that stand behind each folder.
 */

import { readCodeMap } from "../../test/tidy/code-map.ts";
import { isHeldPure } from "../../test/tidy/purity.ts";
import { readSources, type Source } from "../../test/tidy/source.ts";

export const GROUPS = {
  /** Machines and tables of the actors. */
  machines: "src/actors/*/**/*.ts",
  /** Limits, meters and address rules of the network. */
  tables: "src/p2p/*.ts",
  /** Rules of the chain and its formats. */
  rules: "src/chain/**/*.ts",
} as const;

/** Tests of a folder's sources beside those that import them: an organ is tried through the actor that owns it, too. */
export const BEHIND: Readonly<Record<string, readonly string[]>> = {
  "src/actors/sync/": [
    "test/golden/*.test.ts",
    "test/unit/actors/sync/**/*.test.ts",
    "test/property/sync-*.test.ts",
  ],
  "src/actors/producer/": ["test/unit/actors/producer/**/*.test.ts"],
  "src/actors/peer/": ["test/unit/actors/peer/**/*.test.ts"],
  "src/actors/network/": ["test/unit/actors/network/**/*.test.ts"],
  "src/p2p/": ["test/unit/p2p/*.test.ts"],
  "src/chain/": ["test/unit/chain/*.test.ts"],
};

/** Paths of the group's sources that are held pure. */
export function sourcesOf(group: keyof typeof GROUPS): readonly string[] {
  const { pureFolders } = readCodeMap();
  return readSources(GROUPS[group])
    .filter((source) => isHeldPure(source, pureFolders) || (group === "rules" && isReckoning(source)))
    .map(({ path }) => path);
}

function isReckoning({ imports }: Source): boolean {
  return !imports.some(({ target }) => /^node:(fs|worker_threads)|\/ports\//.test(target));
}

export function isGroup(name: string): name is keyof typeof GROUPS {
  return name in GROUPS;
}
