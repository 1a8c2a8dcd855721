/** The code map of ARCHITECTURE.md: a row for each room of the sources, with its floor, its meaning and what holds in it. */

import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Source } from "./source.ts";

export interface Room {
  /** `src/kernel/actor`, or a file that stands alone: `src/main.ts`. */
  readonly path: string;
  readonly floor: number;
  readonly meaning: string;
  readonly invariant: string;
}

export interface CodeMap {
  readonly rooms: readonly Room[];
  /** Folders whose every file is held pure: their invariant begins with that word. */
  readonly pureFolders: ReadonlySet<string>;
}

const ROW = /^\| (\d+) \| `([^`]+?)\/?` \|([^|]*)\|([^|]*)\|$/;

export function readCodeMap(text: string = readFileSync("ARCHITECTURE.md", "utf8")): CodeMap {
  const rooms = text.split("\n").flatMap((line): Room[] => {
    const [, floor, path, meaning = "", invariant = ""] = ROW.exec(line) ?? [];
    if (floor === undefined || path === undefined) return [];
    return [{ floor: Number(floor), path, meaning: meaning.trim(), invariant: invariant.trim() }];
  });
  const pure = rooms.filter(({ invariant }) => /^pure\b/.test(invariant));
  return { rooms, pureFolders: new Set(pure.map(({ path }) => path)) };
}

/** Folders and rows that do not belong together, and rows that say nothing. */
export function codeMapFaults(
  { rooms }: CodeMap,
  sources: readonly Source[],
  floorOf: (room: string) => number,
): readonly string[] {
  const paths = rooms.map(({ path }) => path);
  const known = new Set([...sources.map(({ path }) => path), ...foldersOf(sources).keys(), "gen"]);
  // A file that stands alone in its folder may have the row: src/main.ts.
  const alone = new Set(paths.map((path) => (path.endsWith(".ts") ? dirname(path) : path)));
  return [
    ...[...foldersOf(sources).keys()].filter((path) => !alone.has(path)).map((path) => `${path}/ has no row`),
    ...paths.filter((path) => !known.has(path)).map((path) => `${path} has a row and is not there`),
    ...paths.filter((path, at) => paths.indexOf(path) !== at).map((path) => `${path} has two rows`),
    ...rooms
      .filter(({ path, floor }) => floorOf(topOf(path)) !== floor)
      .map(({ path, floor }) => `${path}: its row says floor ${floor}, it is ${floorOf(topOf(path))}`),
    ...rooms.filter(({ meaning }) => meaning === "").map(({ path }) => `${path}: its row says nothing`),
  ];
}

/** `src/kernel/actor` → kernel, `src/main.ts` → main, `gen` → gen: what builds on a floor. */
function topOf(path: string): string {
  const [first = "", room = first] = path.split("/");
  return room.replace(/\.ts$/, "");
}

/** Folders that hold files themselves, and how many. */
export function foldersOf(sources: readonly Source[]): ReadonlyMap<string, number> {
  const folders = new Map<string, number>();
  for (const { path } of sources) folders.set(dirname(path), (folders.get(dirname(path)) ?? 0) + 1);
  return new Map([...folders].sort(([left], [right]) => (left < right ? -1 : 1)));
}
