/**
 * The rules of the house, held by looking at the sources: floors, one home for each power, no circles, no barrels,
 * asks that go down, header comments, and the sizes of files and functions. ARCHITECTURE.md says why.
 */

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";

const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 100;
const LINE_LENGTH_MAX = 160;
const FOLDER_FILES_MAX = 40;

/** Floors from the ground up. A file imports from its own folder and from floors below. */
const FLOORS: readonly (readonly string[])[] = [
  ["gen"],
  ["kernel"],
  ["storage", "chain", "telemetry"],
  ["control", "integrations", "p2p"],
  ["actors"],
  ["config"],
  ["cli"],
  ["node"],
  ["main"],
];

/** A power, what its use looks like, and the only places that may use it. */
const POWERS: readonly { readonly power: string; readonly use: RegExp; readonly homes: RegExp }[] = [
  { power: "libp2p", use: /from "(libp2p|@libp2p\/|@chainsafe\/libp2p)/, homes: /^src\/p2p\/libp2p\// },
  { power: "grpc-js", use: /from "@grpc\/grpc-js"/, homes: /^src\/(control|cli)\// },
  { power: "the database", use: /from "lmdb"/, homes: /^src\/storage\/lmdb/ },
  { power: "the inspector", use: /from "node:(inspector|v8)/, homes: /^src\/telemetry\// },
  { power: "kernel locks", use: /from "fs-native-extensions"/, homes: /^src\/storage\/kernel-lock\.ts$/ },
  { power: "pino", use: /from "pino"/, homes: /^src\/telemetry\// },
  { power: "BLS", use: /from "@chainsafe\/blst"/, homes: /^src\/chain\/bls\.ts$/ },
  {
    power: "wall clock and timers",
    use: /\bDate\.now\(|\bperformance\.now\(|\bsetTimeout\(|\bsetInterval\(|new Date\(\)|timers\/promises/,
    homes: /^src\/kernel\/ports\/clock\.ts$/,
  },
  {
    power: "yielding",
    use: /\bsetImmediate\(|\bqueueMicrotask\(|process\.nextTick/,
    homes: /^src\/kernel\/ports\/scheduler\.ts$/,
  },
  {
    power: "randomness",
    use: /\bMath\.random\(|\brandomBytes\(|\brandomUUID\(|\brandomInt\(|getRandomValues/,
    homes: /^src\/kernel\/ports\/random\.ts$/,
  },
  {
    power: "worker threads",
    use: /from "node:worker_threads"/,
    homes: /^src\/(chain\/pool\/|storage\/lmdb|kernel\/ports\/watchdog)/,
  },
  {
    power: "the process",
    use: /\bprocess\.(argv|env|exit|on|once|stdout|stderr|stdin|cwd)\b/,
    homes: /^src\/(main\.ts$|cli\/)/,
  },
  { power: "weak references", use: /\bWeakRef\b|\bFinalizationRegistry\b/, homes: /^$/ },
  { power: "WebCrypto", use: /\bcrypto\.subtle\b|\bwebcrypto\b/, homes: /^$/ },
];

/** Ask goes down: an actor's folder may name the services of the actors below it, and its own. */
const ASK_ORDER: readonly string[] = ["peer", "network", "sync", "producer"];

const FORBIDDEN_NAMES = /\/(index|utils?|helpers?|common|misc|types)\.ts$/;

interface Source {
  readonly path: string;
  readonly text: string;
  readonly code: string;
  readonly lines: readonly string[];
  /** Paths of project files that it imports, types included. */
  readonly imports: readonly string[];
}

function readSource(path: string): Source {
  const text = readFileSync(path, "utf8");
  const specifiers = (from: string): string[] =>
    [...from.matchAll(/(?:from|import) "(\.[^"]+)"|import\("(\.[^"]+)"\)/g)].map((match) =>
      normalize(join(dirname(path), match[1] ?? match[2] ?? "")),
    );
  return {
    path,
    text,
    code: withoutComments(text),
    lines: text.split("\n"),
    imports: specifiers(text),
  };
}

/** Comment lines and the ends of lines after `//` do not count as use. */
function withoutComments(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .split("\n")
    .map((line) => line.replace(/(^|\s)\/\/.*$/, ""))
    .join("\n");
}

/** Folder that decides the floor: src/kernel/x.ts → kernel; src/main.ts → main; gen/… → gen. */
function roomOf(path: string): string {
  if (path.startsWith("gen/")) return "gen";
  const [, room = ""] = path.split("/");
  return room.replace(/\.ts$/, "");
}

const floorOf = (room: string): number => FLOORS.findIndex((rooms) => rooms.includes(room));

const sources = globSync("src/**/*.ts").sort().map(readSource);
const tested = globSync("{test,bench,scripts}/**/*.ts").sort().map(readSource);

function none(faults: readonly string[]): void {
  assert.deepEqual(faults, []);
}

test("every file stands on a floor and imports only downward", () => {
  none(
    sources.flatMap(({ path, imports }) => {
      const room = roomOf(path);
      if (floorOf(room) < 0) return [`${path}: ${room} is no floor`];
      return imports
        .filter((target) => roomOf(target) !== room && floorOf(roomOf(target)) >= floorOf(room))
        .map((target) => `${path} imports ${target}`);
    }),
  );
});

test("every power has one home", () => {
  none(
    sources.flatMap(({ path, code }) =>
      POWERS.filter(({ use, homes }) => use.test(code) && !homes.test(path)).map(
        ({ power }) => `${path} uses ${power}`,
      ),
    ),
  );
});

test("no import goes in a circle, imports of types included", () => {
  const graph = new Map(sources.map(({ path, imports }) => [path, imports]));
  const state = new Map<string, "open" | "done">();
  const circles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      circles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
      return;
    }
    state.set(path, "open");
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    state.set(path, "done");
  };
  for (const path of graph.keys()) visit(path, []);
  none(circles);
});

test("there are no barrels, no default exports and no rooms for everything", () => {
  none(
    sources.flatMap(({ path, code }) => [
      ...(FORBIDDEN_NAMES.test(path) ? [`${path}: this name says nothing`] : []),
      ...(/^export default/m.test(code) ? [`${path}: default export`] : []),
      ...(/^export \* from/m.test(code) ? [`${path}: barrel`] : []),
    ]),
  );
});

test("no actor imports another, and asks go down", () => {
  none(
    sources.flatMap(({ path, imports }) => {
      const folder = /^src\/actors\/([a-z]+)\//.exec(path)?.[1];
      if (folder === undefined) return [];
      const rank = ASK_ORDER.indexOf(folder);
      return imports.flatMap((target) => {
        const other = /^src\/actors\/([^/]+)/.exec(target)?.[1];
        if (other !== undefined && other !== folder) return [`${path} imports the actor ${target}`];
        const service = /^gen\/alys\/([a-z]+)\//.exec(target)?.[1] ?? "";
        const serviceRank = ASK_ORDER.indexOf(service);
        return rank >= 0 && serviceRank > rank ? [`${path} knows ${service}, which stands above it`] : [];
      });
    }),
  );
});

test("state machines are pure", () => {
  const impure = /\basync\b|\bawait\b|\bPromise\b|from "node:/;
  none(
    sources
      .filter(({ path }) => /^src\/actors\/[a-z]+\/state\.ts$/.test(path))
      .filter(({ code }) => impure.test(code))
      .map(({ path }) => path),
  );
});

test("every file says at its top what it is", () => {
  none([...sources, ...tested].filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text)).map(({ path }) => path));
});

test("files, functions, lines and folders stay small", () => {
  const folders = new Map<string, number>();
  for (const { path } of sources) folders.set(dirname(path), (folders.get(dirname(path)) ?? 0) + 1);
  none([
    ...[...sources, ...tested]
      .filter(({ lines }) => lines.length > FILE_LINES_MAX)
      .map(({ path, lines }) => `${path}: ${lines.length} lines`),
    ...sources.flatMap(longFunctions),
    ...sources.flatMap(({ path, lines }) =>
      lines.flatMap((line, index) =>
        line.length > LINE_LENGTH_MAX ? [`${path}:${index + 1}: long line`] : [],
      ),
    ),
    ...[...folders]
      .filter(([, count]) => count > FOLDER_FILES_MAX)
      .map(([path, count]) => `${path}: ${count} files`),
  ]);
});

/** The formatter indents, so a function ends at the first line that closes at its own indentation. */
function longFunctions({ path, lines }: Source): string[] {
  const opens =
    /^(\s*)(?!.*\b(?:if|for|while|switch|class|interface)\b\s*[({A-Z]).*(?:\)|\w|>)\s*(?:=>\s*)?\{$/;
  return lines.flatMap((line, index) => {
    const match = opens.exec(line);
    if (match === null || !/\(|=>/.test(line)) return [];
    const end = lines.findIndex((later, at) => at > index && later.startsWith(`${match[1]}}`));
    return end - index > FUNCTION_LINES_MAX ? [`${path}:${index + 1}: ${end - index} lines`] : [];
  });
}

test("nothing is left for later in a comment, and no check is switched off", () => {
  const marks = /\bTODO\b|\bFIXME\b|\bXXX\b|@ts-ignore|@ts-expect-error|biome-ignore-all/;
  none(
    [...sources, ...tested]
      .filter(({ path }) => path !== "test/tidy.test.ts")
      .filter(({ text }) => marks.test(text))
      .map(({ path }) => path),
  );
});

test("no test is skipped or singled out", () => {
  const marks = /\b(?:test|it|describe)\.(?:skip|only|todo)\(|\{\s*(?:skip|only|todo):/;
  none(
    tested
      .filter(({ path, code }) => path !== "test/tidy.test.ts" && marks.test(code))
      .map(({ path }) => path),
  );
});
