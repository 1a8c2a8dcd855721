/**
 * The figures of tidiness: files, their lines, the longest function, circles of imports, files of each folder. No speed: what
 * `test/tidy.test.ts` holds, as numbers.
 */

import { reportLines, type TidyReport, tidyReport } from "../test/tidy/report.ts";
import { readSources } from "../test/tidy/source.ts";
import type { Benchmark, BenchmarkCase } from "./harness.ts";

const PATTERNS = { src: "src/**/*.ts", "test, bench and scripts": "{test,bench,scripts}/**/*.ts" } as const;

function caseOf(name: string, report: TidyReport): BenchmarkCase {
  const isSource = name === "src";
  return {
    name,
    metrics: {
      files: { unit: "files" },
      linesMedian: { unit: "lines" },
      linesMax: { unit: "lines", target: { atMost: 500 } },
      functionLinesMax: isSource ? { unit: "lines", target: { atMost: 100 } } : { unit: "lines" },
      circles: { unit: "circles", target: { atMost: 0 } },
      folders: { unit: "folders" },
    },
    round: async () => ({
      files: report.files,
      linesMedian: report.lines.median,
      linesMax: report.lines.max,
      functionLinesMax: report.functions.max,
      circles: report.circles,
      folders: report.folders.size,
    }),
  };
}

export const benchmark: Benchmark = {
  name: "tidy-report",
  claim: "imports go in no circle, no file has more than 500 lines and no function of src more than 100",
  prepare: async () => {
    const reports = Object.entries(PATTERNS).map(
      ([name, pattern]) => [name, tidyReport(readSources(pattern))] as const,
    );
    for (const [name, report] of reports) {
      console.error(`\n${name}`);
      for (const line of reportLines(report)) console.error(`  ${line}`);
    }
    return { cases: reports.map(([name, report]) => caseOf(name, report)), rounds: 1, close: async () => {} };
  },
};
