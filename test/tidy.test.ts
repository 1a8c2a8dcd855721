/**
 * The rules of the house, held by looking at the sources: floors, one home for each power, no circles, pure machines, no
 * barrels, asks that go down, header comments, a meaning for each folder, and the sizes of files and functions. A rule that
 * fails says itself and its reason; ARCHITECTURE.md tells them together.
 */

import { test } from "node:test";
import { circlesOf, importsWithin } from "./tidy/circles.ts";
import { codeMapFaults, readCodeMap } from "./tidy/code-map.ts";
import { functionsOf } from "./tidy/functions.ts";
import { isHeldPure, purityFaults } from "./tidy/purity.ts";
import { reportLines, tidyReport } from "./tidy/report.ts";
import { rule } from "./tidy/rule.ts";
import { filesOf, readSources, waitsAtTop } from "./tidy/source.ts";

const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 100;
const LINE_LENGTH_MAX = 160;

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

/** Folder that decides the floor: src/kernel/x.ts → kernel; src/main.ts → main; gen/… → gen. */
function roomOf(path: string): string {
  if (path.startsWith("gen/")) return "gen";
  const [, room = ""] = path.split("/");
  return room.replace(/\.ts$/, "");
}

const floorOf = (room: string): number => FLOORS.findIndex((rooms) => rooms.includes(room));

const sources = readSources("src/**/*.ts");
const tested = readSources("{test,bench,scripts}/**/*.ts");
const all = [...sources, ...tested];
const byPath = new Map(sources.map((source) => [source.path, source]));
const codeMap = readCodeMap();

rule(
  "every file stands on a floor and imports only downward",
  "what lies below knows nothing of what lies above, so it can be read, tested and replaced without it",
  () =>
    sources.flatMap((source) => {
      const { path } = source;
      const room = roomOf(path);
      if (floorOf(room) < 0) return [`${path}: ${room} is no floor`];
      return filesOf(source)
        .filter((target) => roomOf(target) !== room && floorOf(roomOf(target)) >= floorOf(room))
        .map((target) => `${path} imports ${target}`);
    }),
);

rule(
  "every power has one home",
  "what reaches outside is behind a port, so that a simulation can stand in for it and one file is to be read when it changes",
  () =>
    sources.flatMap(({ path, code }) =>
      POWERS.filter(({ use, homes }) => use.test(code) && !homes.test(path)).map(
        ({ power }) => `${path} uses ${power}`,
      ),
    ),
);

rule(
  "no import goes in a circle, imports of types included",
  "files of a circle can only be understood together; a type that two need stands in a file below both",
  () =>
    circlesOf(all).flatMap((circle) => [
      `a circle of ${circle.length}: ${circle.join(", ")}`,
      ...importsWithin(circle, all).map((line) => `  ${line}`),
    ]),
);

rule(
  "there are no barrels, no default exports and no rooms for everything",
  "a name says what it holds and where it comes from; a barrel or a room for everything says neither",
  () =>
    sources.flatMap(({ path, code }) => [
      ...(FORBIDDEN_NAMES.test(path) ? [`${path}: this name says nothing`] : []),
      ...(/^export default/m.test(code) ? [`${path}: default export`] : []),
      ...(/^export \* from/m.test(code) ? [`${path}: barrel`] : []),
    ]),
);

rule(
  "no actor imports another, and asks go down",
  "an actor that asked one above it could wait for itself, and one that imported another could change it without its mailbox",
  () =>
    sources.flatMap((source) => {
      const { path } = source;
      const folder = /^src\/actors\/([a-z]+)\//.exec(path)?.[1];
      if (folder === undefined) return [];
      const rank = ASK_ORDER.indexOf(folder);
      return filesOf(source).flatMap((target) => {
        const other = /^src\/actors\/([^/]+)\//.exec(target)?.[1];
        if (other !== undefined && other !== folder) return [`${path} imports the actor ${target}`];
        const service = /^gen\/alys\/([a-z]+)\//.exec(target)?.[1] ?? "";
        const serviceRank = ASK_ORDER.indexOf(service);
        return rank >= 0 && serviceRank > rank ? [`${path} knows ${service}, which stands above it`] : [];
      });
    }),
);

rule(
  "what calls itself pure, or lies in a folder that the code map calls pure, is pure",
  "a machine whose time and chance are arguments is tested by its inputs alone and replayed from them; one that reads a clock, " +
    "waits, or runs a file that does, is not. Take what it would read as an argument, or correct what the header says",
  () =>
    sources
      .filter((source) => isHeldPure(source, codeMap.pureFolders))
      .flatMap((source) => purityFaults(source, byPath)),
);

rule(
  "no file waits while it is loaded, but a program's entry",
  "Node takes the whole process down where a thread is ended while a module of its waits at the top level, as a node does " +
    "that is told to stop while its threads start",
  () =>
    sources
      .filter(({ path }) => !/^src\/(main|cli\/alysctl)\.ts$/.test(path))
      .flatMap((source) => waitsAtTop(source).map((line) => `${source.path}:${line}`)),
);

rule(
  "every folder has a row in ARCHITECTURE.md's code map, and every row a folder",
  "a folder is a room with a meaning that a reader can be told in a line; one without is a number of files",
  () => codeMapFaults(codeMap, sources, floorOf),
);

rule(
  "every file says at its top what it is",
  "a reader decides by the first lines whether this is the file to read",
  () => all.filter(({ header }) => header === "").map(({ path }) => path),
);

rule(
  `no file has more than ${FILE_LINES_MAX} lines, and no line of src more than ${LINE_LENGTH_MAX} characters`,
  "what does not fit into a head at once is changed without being understood; a long file holds two nouns",
  () => [
    ...all
      .filter(({ lines }) => lines.length > FILE_LINES_MAX)
      .map(({ path, lines }) => `${path}: ${lines.length} lines`),
    ...sources.flatMap(({ path, lines }) =>
      lines.flatMap((line, index) =>
        line.length > LINE_LENGTH_MAX ? [`${path}:${index + 1}: ${line.length} characters`] : [],
      ),
    ),
  ],
);

rule(
  `no function of src has more than ${FUNCTION_LINES_MAX} lines, its signature included`,
  "a function is read from top to bottom without turning a page; a longer one has parts, and parts have names",
  () =>
    sources
      .flatMap(functionsOf)
      .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
      .map(({ path, line, lines, name }) => `${path}:${line}: ${name} has ${lines} lines`),
);

rule(
  "nothing is left for later in a comment, and no check is switched off",
  "what is left for later is done by nobody, and a check that is off somewhere is believed everywhere",
  () => {
    const marks = /\bTODO\b|\bFIXME\b|\bXXX\b|@ts-ignore|@ts-expect-error|biome-ignore-all/;
    return all
      .filter(({ path }) => path !== "test/tidy.test.ts")
      .filter(({ text }) => marks.test(text))
      .map(({ path }) => path);
  },
);

rule(
  "no test is skipped or singled out",
  "a test that does not run keeps nothing, and looks as if it did",
  () => {
    const marks = /\b(?:test|it|describe)\.(?:skip|only|todo)\(|\{\s*(?:skip|only|todo):/;
    return tested
      .filter(({ path, code }) => path !== "test/tidy.test.ts" && marks.test(code))
      .map(({ path }) => path);
  },
);

test("the tidy report", (context) => {
  for (const line of reportLines(tidyReport(sources))) context.diagnostic(line);
});
