/**
 * Writes docs/limits.md: every named bound of the sources, with its value and the comment that says what happens at it.
 * test/limits.test.ts compares the file with what this makes.
 */

import { globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { protocolLimits } from "./protocol-limits.ts";

interface Limit {
  readonly folder: string;
  readonly name: string;
  readonly value: string;
  readonly comment: string;
}

const BOUND = /^(?:export )?const ([A-Z][A-Z0-9_]*_MAX(?:_[A-Z0-9_]+)?|[A-Z][A-Z0-9_]*_MS_MAX) = ([^;]+);/;

/** Greatest values of a type or a scale: nothing grows to them. */
const NO_LIMITS: ReadonlySet<string> = new Set([
  "UINT8_MAX",
  "UINT32_MAX",
  "TARGET_MAX",
  "SCORE_MAX",
  "PORT_MAX",
  "CHAIN_ID_MAX",
]);

function limitsOf(path: string): Limit[] {
  const lines = readFileSync(path, "utf8").split("\n");
  let comment = "";
  /** Name of the constant that the comment is of; constants of a like name right below it share it. */
  let owner: string | undefined;
  const limits: Limit[] = [];
  for (const [index, line] of lines.entries()) {
    if (/^\s*(\/\*\*|\*|\/\/)/.test(line)) {
      const isFirst = /^\s*(\/\*\*|\/\/)/.test(line) && !/^\s*\/\//.test(lines[index - 1] ?? "");
      const text = line
        .replace(/^\s*(\/\*\*|\*\/|\*|\/\/)\s?/, "")
        .replace(/\s*\*\/$/, "")
        .trim();
      comment = isFirst ? text : `${comment} ${text}`.trim();
      owner = undefined;
      continue;
    }
    const match = BOUND.exec(line);
    const constant = /^(?:export )?const ([A-Z][A-Z0-9_]*) =/.exec(line)?.[1];
    if (constant === undefined || (owner !== undefined && !isLike(owner, constant))) comment = "";
    if (match !== null && !NO_LIMITS.has(match[1] ?? ""))
      limits.push({ folder: dirname(path), name: match[1] ?? "", value: match[2] ?? "", comment });
    owner = comment === "" ? undefined : (owner ?? constant);
  }
  return limits;
}

/** DIAL_DELAY_MS_MIN and DIAL_DELAY_MS_MAX. */
const isLike = (one: string, other: string): boolean => one.slice(0, 4) === other.slice(0, 4);

/** The document, from the sources as they are. */
export function limitsDocument(): string {
  const limits = globSync("src/**/*.ts").sort().flatMap(limitsOf);
  const folders = [...new Set(limits.map(({ folder }) => folder))];
  const tables = folders.map((folder) => {
    const rows = limits
      .filter((limit) => limit.folder === folder)
      .map(
        ({ name, value, comment }) => `| \`${name}\` | \`${value}\` | ${comment.replaceAll("|", "\\|")} |`,
      );
    return [
      `## ${folder}`,
      "",
      "| bound | value | what it bounds, and what happens at it |",
      "|---|---|---|",
      ...rows,
    ].join("\n");
  });
  return [
    "# Limits",
    "",
    "Whatever outside input can grow is bounded. This list is made from the sources by `node scripts/make-limits.ts`;",
    "what an operator can set stands in `proto/alys/config/v1/config.proto` and `src/config/table.ts`.",
    "",
    protocolLimits(),
    "",
    ...tables.flatMap((table) => [table, ""]),
  ].join("\n");
}

if (import.meta.main) writeFileSync("docs/limits.md", limitsDocument());
