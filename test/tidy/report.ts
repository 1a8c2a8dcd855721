/** The figures of tidiness: how many files, how long they and their functions are, circles, and what lies in which folder. */

import { circlesOf } from "./circles.ts";
import { foldersOf } from "./code-map.ts";
import { functionsOf } from "./functions.ts";
import type { Source } from "./source.ts";

export interface TidyReport {
  readonly files: number;
  readonly lines: { readonly median: number; readonly max: number; readonly longest: string };
  readonly functions: { readonly count: number; readonly max: number; readonly longest: string };
  readonly circles: number;
  readonly folders: ReadonlyMap<string, number>;
}

export function tidyReport(sources: readonly Source[]): TidyReport {
  const files = [...sources].sort((left, right) => left.lines.length - right.lines.length);
  const functions = sources.flatMap(functionsOf).sort((left, right) => left.lines - right.lines);
  const [largest, longest] = [files.at(-1), functions.at(-1)];
  return {
    files: files.length,
    lines: {
      median: files[files.length >> 1]?.lines.length ?? 0,
      max: largest?.lines.length ?? 0,
      longest: largest?.path ?? "",
    },
    functions: {
      count: functions.length,
      max: longest?.lines ?? 0,
      longest: longest === undefined ? "" : `${longest.path}:${longest.line} ${longest.name}`,
    },
    circles: circlesOf(sources).length,
    folders: foldersOf(sources),
  };
}

/** The report as lines for people. */
export function reportLines(report: TidyReport): readonly string[] {
  const { files, lines, functions, circles, folders } = report;
  const width = Math.max(...[...folders.keys()].map((path) => path.length));
  return [
    `files      ${files}`,
    `lines      median ${lines.median}, most ${lines.max} (${lines.longest})`,
    `functions  ${functions.count}, longest ${functions.max} lines (${functions.longest})`,
    `circles    ${circles}`,
    `folders    ${folders.size}`,
    ...[...folders].map(([path, count]) => `  ${path.padEnd(width)} ${count}`),
  ];
}
