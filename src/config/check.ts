/**
 * Checks raw configuration against the descriptor of NodeConfig and the table of rules, tracking the path, so that
 * every fault names its key. Pure: what it is given comes from a TOML file or from the environment. Used by load.ts.
 */

import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { RULES, type Rule } from "./table.ts";

/** One thing that is wrong, with the dotted key that it is wrong with. */
export interface ConfigFault {
  readonly key: string;
  readonly problem: string;
}

type RawTable = Readonly<Record<string, unknown>>;

export const isTable = (value: unknown): value is RawTable =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);

/**
 * The raw tables as protobuf JSON with every default filled in, keys as in the file. All faults are collected; the
 * result is only to be used when there are none.
 */
export function checkTable(
  schema: DescMessage,
  raw: unknown,
  path: string,
  faults: ConfigFault[],
): Record<string, unknown> {
  const given = raw ?? {};
  if (!isTable(given)) {
    faults.push({ key: path, problem: `must be a table, is ${describe(given)}` });
    return {};
  }
  const known = new Set(schema.fields.map((field) => field.name));
  for (const name of Object.keys(given)) {
    if (!known.has(name)) faults.push({ key: join(path, name), problem: unknownKey(name, known) });
  }
  const checked: Record<string, unknown> = {};
  for (const field of schema.fields) {
    const key = join(path, field.name);
    checked[field.name] =
      field.fieldKind === "message"
        ? checkTable(field.message, given[field.name], key, faults)
        : checkValue(key, field, given[field.name], faults);
  }
  return checked;
}

function checkValue(key: string, field: DescField, value: unknown, faults: ConfigFault[]): unknown {
  const rule = RULES[key];
  if (rule === undefined) throw new Error(`setting ${key} of ${field.parent.typeName} has no rule`);
  if (value === undefined) {
    if (rule.kind !== "required") return rule.fallback;
    faults.push({ key, problem: "is required and missing" });
    return undefined;
  }
  const problem = problemOf(rule, value);
  if (problem !== undefined) faults.push({ key, problem });
  return value;
}

function problemOf(rule: Rule, value: unknown): string | undefined {
  switch (rule.kind) {
    case "number":
      if (typeof value !== "number") return `must be a number, is ${describe(value)}`;
      if (!Number.isFinite(value)) return `must be a finite number, is ${value}`;
      if (Number.isInteger(rule.fallback) && rule.max > 1 && !Number.isInteger(value))
        return "must be a whole number";
      if (value < rule.min || value > rule.max) return `must lie in ${rule.min}–${rule.max}, is ${value}`;
      return undefined;
    case "boolean":
      return typeof value === "boolean" ? undefined : `must be true or false, is ${describe(value)}`;
    case "required":
      if (typeof value !== "string") return `must be a string, is ${describe(value)}`;
      return value === "" ? "must not be empty" : undefined;
    case "text":
      if (typeof value !== "string") return `must be a string, is ${describe(value)}`;
      if (rule.oneOf !== undefined && !rule.oneOf.includes(value)) {
        return `must be one of ${rule.oneOf.join(", ")}, is "${value}"`;
      }
      return undefined;
    case "list":
      if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
        return `must be a list of strings, is ${describe(value)}`;
      }
      if (value.length > rule.itemsMax)
        return `must have at most ${rule.itemsMax} entries, has ${value.length}`;
      return undefined;
  }
}

const join = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);

function describe(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isTable(value)) return "a table";
  if (typeof value === "string") return `the string "${value}"`;
  return `${typeof value} ${String(value)}`;
}

/** Names the nearest known key where a typing error is likely. */
function unknownKey(name: string, known: ReadonlySet<string>): string {
  const near = [...known].find((candidate) => isNear(name, candidate));
  return near === undefined ? "is not a setting" : `is not a setting; did you mean ${near}?`;
}

/** Same letters but for case, separators, or one letter more, less or other. */
function isNear(left: string, right: string): boolean {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_]/g, "");
  const [a, b] = [plain(left), plain(right)];
  if (a === b) return true;
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start++;
  const rests = [
    [a.slice(start + 1), b.slice(start + 1)],
    [a.slice(start + 1), b.slice(start)],
    [a.slice(start), b.slice(start + 1)],
  ];
  return rests.some(([restA, restB]) => restA === restB);
}
