/**
 * The flushes of the real disk, counted as system calls: one of the data and one of the root for each transaction, in this
 * order and before it is answered; a checkpoint's file, then its name, then its folder. Needs strace and leave to trace.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { APPENDS } from "./flush-child.ts";

const CHILD = join(import.meta.dirname, "flush-child.ts");
const CALLS = "trace=openat,fsync,fdatasync,msync,pwrite64,pwritev,rename,renameat,renameat2,write";
const TRACE_DEADLINE_MS = 120_000;

const canTrace = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;

/** The child's calls that matter, as words, between what it says. */
function traced(folder: string): Map<string, string[]> {
  const file = join(folder, "calls");
  const args = ["-f", "-y", "-e", CALLS, "-o", file, process.execPath, CHILD, folder];
  const { status, stderr } = spawnSync("strace", args, { timeout: TRACE_DEADLINE_MS, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const sections = new Map<string, string[]>();
  let section: string[] = [];
  let synchronous = "none";
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const opened = /openat\(.*data\.mdb.*O_DSYNC.*= (\d+)/.exec(line);
    if (opened?.[1] !== undefined) synchronous = opened[1];
    const said = /write\(1<[^>]*>, "([^"]+)\\n"/.exec(line);
    if (said?.[1] !== undefined) {
      section = [];
      sections.set(said[1], section);
    }
    const word = wordOf(line, synchronous);
    if (word !== undefined) section.push(word);
  }
  return sections;
}

function wordOf(line: string, synchronous: string): string | undefined {
  const [, call, descriptor, path = ""] =
    /(fsync|fdatasync|pwrite64|pwritev|msync)\((\d+)<([^>]*)>/.exec(line) ?? [];
  if (call === undefined) return /rename\w*\(.*b\.checkpoint\.partial/.test(line) ? "rename" : undefined;
  if (call === "msync") return "flush of a map";
  if (path.endsWith("data.mdb")) {
    if (!call.startsWith("pwrite")) return "flush of the data";
    return descriptor === synchronous ? "flushed write of the root" : undefined;
  }
  if (call.startsWith("pwrite")) return undefined;
  if (path.endsWith(".partial")) return "flush of the file";
  return path.endsWith("checkpoints") ? "flush of the folder" : undefined;
}

test("each transaction flushes its data, then its root; a file is flushed, renamed, and its folder flushed", (t) => {
  if (!canTrace) return t.diagnostic("strace is not here or may not trace: nothing was counted");
  const folder = mkdtempSync(join(tmpdir(), "alys-flushes-"));
  try {
    const sections = traced(folder);
    for (let index = 1; index <= APPENDS; index++) {
      const calls = sections.get(`append ${index}`);
      assert.deepEqual(calls, ["flush of the data", "flushed write of the root"], `append ${index}`);
    }
    assert.deepEqual(sections.get("file"), ["flush of the file", "rename", "flush of the folder"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
