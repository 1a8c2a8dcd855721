/**
 * What "pure" means here, and who is held to it: every file whose header comment says "pure" or "without effects", every
 * file of a folder that ARCHITECTURE.md's code map calls pure, and every actor's machine. Such a file reads no clock, sets
 * no timer, draws no random number, touches nothing outside, promises nothing, and runs no file that does: not even through
 * what it imports.
 */

import { dirname } from "node:path";
import { type Node, Visitor } from "oxc-parser";
import type { Source } from "./source.ts";

/** The word in a header by which a file says that it is pure. One that speaks of others says it in other words. */
const CLAIM = /\bpure(?:ly)?\b|\bwithout (?:any )?effects?\b/i;

/** Files that are machines by their name, whatever their header says. */
const MACHINE = /^src\/actors\/[a-z]+\/(machine|state)\.ts$/;

/** Whether a file is held pure; `folders` are those that the code map calls pure. */
export function isHeldPure({ path, header }: Source, folders: ReadonlySet<string>): boolean {
  return CLAIM.test(header) || folders.has(dirname(path)) || MACHINE.test(path);
}

/** Global names that reach a clock, a timer, randomness or the world. */
const GLOBALS: ReadonlySet<string> = new Set([
  ...["performance", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "requestAnimationFrame"],
  ...["crypto", "process", "console", "fetch", "globalThis", "WebSocket", "Worker", "Promise"],
]);

/** Calls that do, of names that also only reckon. */
const CALLS: ReadonlySet<string> = new Set(["Date", "Date.now", "Math.random"]);

/** Node's modules are I/O but for these names, which only reckon. */
const RECKONING: Readonly<Record<string, readonly string[]>> = {
  "node:buffer": ["Buffer"],
  "node:crypto": ["createHash", "createHmac", "hash", "timingSafeEqual"],
  "node:net": ["BlockList", "isIP", "isIPv4", "isIPv6"],
  "node:path": ["basename", "dirname", "extname", "isAbsolute", "join", "normalize", "sep"],
  "node:util": ["inspect", "isDeepStrictEqual", "parseArgs", "stripVTControlCharacters"],
};

/** Packages that only reckon: codecs, hashes, parsers. Every other one may open a socket or a file. */
const RECKONING_PACKAGES =
  /^(@bufbuild\/protobuf|@noble\/hashes|@chainsafe\/(hashtree|blst)|@multiformats\/multiaddr|multiformats|uint8array|smol-toml|commander)/;

/** It chooses between two implementations of one function when it is loaded, and only reckons from then on. */
const CHOSEN_AT_LOAD = "src/chain/hash.ts";

/**
 * What cannot be used but for an effect, or reads what changes by itself, even as a type: the kernel's ports, a Ref, an actor's
 * context. A pure file is given what they would say, and names what is to be done.
 */
const EFFECTFUL = /^src\/kernel\/(ports\/[^/]+|ref|actor\/(actor|timers))\.ts$/;
/** Names of those files that are plain values. */
const VALUES: ReadonlySet<string> = new Set(["Fields", "LogLevel", "TimerHandle"]);

/** What a file does itself that no pure one may, a phrase each. Types may name ports and promises where it is not `isStrict`: they are erased. */
export function impuritiesOf(source: Source, isStrict: boolean): readonly string[] {
  return [...new Set([...importFaults(source, isStrict), ...codeFaults(source, isStrict)])];
}

function importFaults({ imports }: Source, isStrict: boolean): readonly string[] {
  return imports.flatMap(({ target, isFile, isType, names }) => {
    if (isFile) {
      const ports = names.filter((name) => !VALUES.has(name));
      const isFault = EFFECTFUL.test(target) && ports.length > 0 && (isStrict || !isType);
      return isFault ? [`imports ${ports.join(", ")} of ${target}`] : [];
    }
    if (isType) return [];
    if (!target.startsWith("node:")) return RECKONING_PACKAGES.test(target) ? [] : [`imports ${target}`];
    const others = names.filter((name) => RECKONING[target]?.includes(name) !== true);
    return others.length > 0 ? [`imports ${others.join(", ")} of ${target}`] : [];
  });
}

function codeFaults({ program }: Source, isStrict: boolean): readonly string[] {
  const faults: string[] = [];
  // Names of members are not the global names that they may read like. What holds them is visited before them.
  const members = new Set<Node>();
  const member = (key: Node, isComputed: boolean): void => {
    if (!isComputed) members.add(key);
  };
  const isAsync = (node: { readonly async: boolean }): void => {
    if (node.async) faults.push("has an async function");
  };
  new Visitor({
    FunctionDeclaration: isAsync,
    FunctionExpression: isAsync,
    ArrowFunctionExpression: isAsync,
    AwaitExpression: () => void faults.push("awaits"),
    ForOfStatement: (node) => {
      if (node.await) faults.push("awaits");
    },
    NewExpression: ({ callee, arguments: args }) => {
      if (nameOf(callee) === "Date" && args.length === 0) faults.push("reads the clock by new Date()");
    },
    CallExpression: ({ callee }) => {
      if (CALLS.has(nameOf(callee))) faults.push(`calls ${nameOf(callee)}`);
    },
    MemberExpression: ({ property, computed }) => member(property, computed),
    Property: ({ key, computed }) => member(key, computed),
    PropertyDefinition: ({ key, computed }) => member(key, computed),
    MethodDefinition: ({ key, computed }) => member(key, computed),
    TSPropertySignature: ({ key, computed }) => member(key, computed),
    TSMethodSignature: ({ key, computed }) => member(key, computed),
    TSTypeReference: ({ typeName }) => {
      members.add(typeName);
      const isPromise = typeName.type === "Identifier" && /^Promise(Like)?$/.test(typeName.name);
      if (isStrict && isPromise) faults.push("speaks of a Promise");
    },
    Identifier: (node) => {
      if (GLOBALS.has(node.name) && !members.has(node)) faults.push(`uses ${node.name}`);
    },
  }).visit(program);
  return faults;
}

/** `setTimeout`, `Date.now`; empty for what is no plain name. */
function nameOf(callee: Node): string {
  if (callee.type === "Identifier") return callee.name;
  if (callee.type !== "MemberExpression" || callee.computed) return "";
  const owner = nameOf(callee.object);
  return owner === "" || callee.property.type !== "Identifier" ? "" : `${owner}.${callee.property.name}`;
}

/** Faults of one pure file: its own, and those of whatever runs because it imports it, with the way there. */
export function purityFaults(source: Source, all: ReadonlyMap<string, Source>): readonly string[] {
  const faults = impuritiesOf(source, true).map((fault) => `${source.path} ${fault}`);
  const seen = new Set([source.path]);
  const ways: (readonly string[])[] = [[source.path]];
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    const here = all.get(way.at(-1) ?? "");
    for (const { target, isFile, isType } of here?.imports ?? []) {
      const next = all.get(target);
      if (!isFile || isType || seen.has(target) || next === undefined) continue;
      seen.add(target);
      const [fault] = target === CHOSEN_AT_LOAD ? [] : impuritiesOf(next, false);
      if (fault === undefined) ways.push([...way, target]);
      else faults.push(`${[...way, target].join(" → ")}, which ${fault}`);
    }
  }
  return faults;
}
