/**
 * The comments of the .proto files, by the full names of what they stand above: descriptors at run time carry none. A
 * scanner of the little that is needed, not a parser: the files have passed `buf build`. It feeds `alysctl call --help`
 * and docs/api.md; a test holds it against buf's own source information.
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Text by full name: "alys.sync.v1.SyncService.GetBlock", "alys.sync.v1.SyncStatus.head". */
export type ProtoComments = ReadonlyMap<string, string>;

/** What a `{` opened: a named thing, or something whose inside declares nothing. */
interface Scope {
  /** Full name that things inside are prefixed with. */
  readonly name: string;
  readonly kind: "container" | "oneof" | "enum" | "body";
}

const DECLARATION = /^(message|enum|service|oneof)\s+(\w+)/;
const RPC = /^rpc\s+(\w+)/;
const ENUM_VALUE = /^(\w+)\s*=\s*-?(?:0x)?\d/;
const FIELD = /^(?:repeated\s+|optional\s+|required\s+)?(?:map\s*<[^>]*>|[\w.]+)\s+(\w+)\s*=\s*\d/;

/** Comments of one file. Lines are joined by a line feed; a blank line detaches a comment from what follows. */
export function scanComments(source: string): Map<string, string> {
  const comments = new Map<string, string>();
  const scopes: Scope[] = [];
  let [package_, pending]: [string, string[]] = ["", []];
  for (const line of source.split("\n")) {
    const text = line.trim();
    if (text.startsWith("//")) {
      pending.push(text.slice(2).trim());
      continue;
    }
    const code = text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').replace(/\/\/.*$/, "");
    const top = scopes.at(-1);
    package_ = /^package\s+([\w.]+)\s*;/.exec(code)?.[1] ?? package_;
    const declared = declaredBy(code, top, package_);
    if (declared !== undefined && pending.length > 0) comments.set(declared.name, pending.join("\n"));
    pending = [];
    moveScopes(scopes, code, declared?.opens ?? { name: "", kind: "body" });
  }
  return comments;
}

interface Declared {
  readonly name: string;
  /** The scope that its `{` opens. */
  readonly opens?: Scope;
}

function declaredBy(code: string, top: Scope | undefined, package_: string): Declared | undefined {
  if (top?.kind === "body") return undefined;
  const prefix = top?.name ?? package_;
  const [, keyword, name] = DECLARATION.exec(code) ?? [];
  if (keyword !== undefined) {
    const full = `${prefix}.${name}`;
    // Fields of a oneof are named as if they stood in the message itself.
    if (keyword === "oneof") return { name: full, opens: { name: prefix, kind: "oneof" } };
    return { name: full, opens: { name: full, kind: keyword === "enum" ? "enum" : "container" } };
  }
  if (top === undefined) return undefined;
  const member = (top.kind === "enum" ? ENUM_VALUE : FIELD).exec(code)?.[1] ?? RPC.exec(code)?.[1];
  return member === undefined ? undefined : { name: `${prefix}.${member}` };
}

/** The first `{` of a line opens what the line declares, further ones open bodies. */
function moveScopes(scopes: Scope[], code: string, first: Scope): void {
  let opened: Scope = first;
  for (const character of code) {
    if (character === "{") {
      scopes.push(opened);
      opened = { name: "", kind: "body" };
    } else if (character === "}") scopes.pop();
  }
}

/** Comments of all files below `folder`. */
export function readComments(folder: string): ProtoComments {
  const all = new Map<string, string>();
  for (const path of globSync("**/*.proto", { cwd: folder }).sort()) {
    for (const [name, text] of scanComments(readFileSync(join(folder, path), "utf8"))) all.set(name, text);
  }
  return all;
}

/** The proto folder beside package.json, which lies above src/ in a checkout and above dist/ in a package. */
export function protoFolder(): string | undefined {
  for (let folder = import.meta.dirname; dirname(folder) !== folder; folder = dirname(folder)) {
    const found = join(folder, "proto");
    if (globSync("alys/node/v1/*.proto", { cwd: found }).length > 0) return found;
  }
  return undefined;
}
