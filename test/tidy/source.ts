/**
 * One TypeScript file as the rules of the house see it: its text, its header comment, its syntax tree, and what it imports,
 * types included. Shared by the tidy test and the tidy report.
 */

import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import {
  type ExportAllDeclaration,
  type ExportNamedDeclaration,
  type ImportDeclaration,
  type Program,
  parseSync,
  Visitor,
} from "oxc-parser";

/** One import, re-export or `import()` of a module. */
export interface Import {
  /** The project's path of the file, `src/kernel/call.ts`; for packages the specifier as it is. */
  readonly target: string;
  readonly isFile: boolean;
  /** Erased when it runs. */
  readonly isType: boolean;
  /** As the module exports them; `*` for all of it. */
  readonly names: readonly string[];
}

export interface Source {
  readonly path: string;
  readonly text: string;
  /** The text without its comments. */
  readonly code: string;
  readonly lines: readonly string[];
  /** The comment that it begins with; empty without one. */
  readonly header: string;
  readonly program: Program;
  readonly imports: readonly Import[];
}

/** The files that a pattern matches, in alphabetical order. */
export function readSources(pattern: string): readonly Source[] {
  return globSync(pattern).sort().map(readSource);
}

function readSource(path: string): Source {
  return sourceOf(path, readFileSync(path, "utf8"));
}

/** The same from a text. Throws on what is no TypeScript. */
export function sourceOf(path: string, text: string): Source {
  const { program, comments, errors } = parseSync(path, text);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path}: ${error.message}`);
  const lines = text.split("\n");
  // The last line ends with a line feed: what follows it is no line.
  if (lines.at(-1) === "") lines.pop();
  return {
    path,
    text,
    code: withoutComments(text, comments),
    lines,
    header: /^(?:#!.*\n)?(\/\*\*[\s\S]*?\*\/)/.exec(text)?.[1] ?? "",
    program,
    imports: importsOf(path, program),
  };
}

/** Files of the project that it imports, types included. */
export function filesOf({ imports }: Source): readonly string[] {
  return imports.filter(({ isFile }) => isFile).map(({ target }) => target);
}

/** Lines at which the file waits while it is loaded, outside of any function. */
export function waitsAtTop({ text, program }: Source): readonly number[] {
  const lines: number[] = [];
  let depth = 0;
  const enter = (): void => void depth++;
  const leave = (): void => void depth--;
  const wait = ({ start }: { readonly start: number }): void => {
    if (depth === 0) lines.push(text.slice(0, start).split("\n").length);
  };
  new Visitor({
    FunctionDeclaration: enter,
    "FunctionDeclaration:exit": leave,
    FunctionExpression: enter,
    "FunctionExpression:exit": leave,
    ArrowFunctionExpression: enter,
    "ArrowFunctionExpression:exit": leave,
    AwaitExpression: wait,
    ForOfStatement: (node) => {
      if (node.await) wait(node);
    },
  }).visit(program);
  return lines;
}

function withoutComments(text: string, comments: readonly { start: number; end: number }[]): string {
  let code = "";
  let from = 0;
  for (const { start, end } of comments) {
    code += text.slice(from, start);
    from = end;
  }
  return code + text.slice(from);
}

function importsOf(path: string, program: Program): readonly Import[] {
  const imports: Import[] = [];
  const add = (specifier: string, isType: boolean, names: readonly string[]): void => {
    const isFile = specifier.startsWith(".");
    const target = isFile ? normalize(join(dirname(path), specifier)) : specifier;
    imports.push({ target, isFile, isType, names });
  };
  new Visitor({
    ImportDeclaration: (node) => {
      add(node.source.value, isTypeOnly(node), node.specifiers.map(nameOf));
    },
    ExportNamedDeclaration: (node) => {
      if (node.source === null) return;
      add(
        node.source.value,
        isTypeExport(node),
        node.specifiers.map(({ local }) => textOf(local)),
      );
    },
    ExportAllDeclaration: (node) => add(node.source.value, isTypeExport(node), ["*"]),
    ImportExpression: ({ source }) => {
      if (source.type === "Literal" && typeof source.value === "string") add(source.value, false, ["*"]);
    },
    TSImportType: ({ source }) => add(source.value, true, ["*"]),
  }).visit(program);
  return imports;
}

/** `import type { … }`, or one whose every name says `type`. */
function isTypeOnly({ importKind, specifiers }: ImportDeclaration): boolean {
  if (importKind === "type") return true;
  const areTypes = specifiers.map((each) => each.type === "ImportSpecifier" && each.importKind === "type");
  return areTypes.length > 0 && areTypes.every(Boolean);
}

const isTypeExport = ({ exportKind }: ExportNamedDeclaration | ExportAllDeclaration): boolean =>
  exportKind === "type";

function nameOf(specifier: ImportDeclaration["specifiers"][number]): string {
  return specifier.type === "ImportSpecifier" ? textOf(specifier.imported) : "*";
}

function textOf(name: { type: string; name?: string; value?: unknown }): string {
  return name.name ?? String(name.value);
}
