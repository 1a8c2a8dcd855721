#!/usr/bin/env node
/**
 * alysd: runs a node until it is told to stop, or a whole local network. With cli/ the only user of `process`.
 * Exit status: 0 after an orderly stop, 64 for a wrong call, 70 when a supervisor gave up, something unforeseen was thrown or
 * the stop was not orderly, 78 for a bad configuration or data that cannot be opened. Killed by its own SIGKILL (137) when its
 * main thread stands still.
 */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Failure } from "./kernel/errors.ts";
import { realClock } from "./kernel/ports/clock.ts";
import { endNow, isSystemBusy } from "./node/end.ts";
import type { LogLevel, RootLog } from "./telemetry/log.ts";

const EXIT_USAGE = 64;
const EXIT_SOFTWARE = 70;
const EXIT_CONFIG = 78;

/** An orderly stop takes at most this long; then the process ends all the same, whatever hangs. */
const STOP_DEADLINE_MS = 5_000;

/** When the main thread hangs itself, another one ends the process so much later. */
const LAST_WORDS_MS = 1_000;

/** Who signals a process and its group (timeout, npm, a terminal) signals us twice, and means it once. */
const SAME_SIGNAL_MS = 500;

const DAMAGE_ADVICE =
  "alysd: what can be saved of a damaged chain, `alysctl checkpoints recover --config FILE --mode minimal --dry-run` tells;\n" +
  "alysd: docs/checkpoints.md has the rest. Nothing was changed.";

const USAGE = `usage: alysd --config FILE [--exit-with-parent]
       alysd localnet [options]     (alysd localnet --help)
       alysd --version | --help`;

function versionOf(): string {
  // Sources run from src/, published JavaScript from dist/src/: package.json is one or two folders up.
  const require = createRequire(import.meta.url);
  const here = dirname(fileURLToPath(import.meta.url));
  for (const up of ["..", join("..", "..")]) {
    try {
      return (require(join(here, up, "package.json")) as { version: string }).version;
    } catch {
      // Not there: look one folder further up.
    }
  }
  return "unknown";
}

async function main(): Promise<number> {
  const [command, ...rest] = process.argv.slice(2);
  if (command === "localnet") {
    const { runLocalnet } = await import("./cli/localnet.ts");
    return runLocalnet(rest);
  }
  let values: { config?: string; "exit-with-parent"?: boolean; version?: boolean; help?: boolean };
  try {
    values = parseArgs({
      options: {
        config: { type: "string" },
        "exit-with-parent": { type: "boolean" },
        version: { type: "boolean" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    console.error(`alysd: ${(error as Error).message}\n${USAGE}`);
    return EXIT_USAGE;
  }
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  if (values.version === true) {
    console.log(versionOf());
    return 0;
  }
  if (values.config === undefined) {
    console.error(USAGE);
    return EXIT_USAGE;
  }
  return runNode(values.config, values["exit-with-parent"] === true);
}

async function runNode(configFile: string, isTiedToParent: boolean): Promise<number> {
  // Loading the whole node takes a second: --help and a wrong call need not wait for it.
  const [{ loadConfig }, { openLog }, { startNode }] = await Promise.all([
    import("./config/load.ts"),
    import("./telemetry/log.ts"),
    import("./node/node.ts"),
  ]);
  let log: RootLog | undefined;
  try {
    const loaded = loadConfig(configFile, process.env);
    const { settings } = loaded;
    log = openLog({
      level: settings.telemetry.logLevel as LogLevel,
      file: settings.telemetry.logFile === "" ? undefined : settings.telemetry.logFile,
      fields: { pid: process.pid },
    });
    const stopAsked = stopSignals(isTiedToParent);
    if (settings.telemetry.logFile !== "") process.on("SIGHUP", log.reopen);
    const unforeseen = uncaughtErrors();
    const starting = startNode({
      loaded,
      log,
      version: versionOf(),
      processId: process.pid,
      runtimeVersion: process.version,
    });
    const end = await Promise.race([stopAsked, unforeseen, starting.then(({ ended }) => ended)]);
    log.info("node stops", { reason: end.reason });
    // Asked for while the node starts, it waits for the start like for anything else.
    const isClean = await within(
      starting.then((node) => {
        node.endWithin(STOP_DEADLINE_MS + LAST_WORDS_MS);
        return node.stop();
      }),
      STOP_DEADLINE_MS,
    );
    if (end.isFailure) console.error(`alysd: ${end.reason}`);
    if (!isClean) {
      log.error("the node does not stop, its process is ended", { deadlineMs: STOP_DEADLINE_MS });
      log.flush();
      endNow(EXIT_SOFTWARE);
    }
    log.info("node is down", { reason: end.reason });
    log.flush();
    return end.isFailure ? EXIT_SOFTWARE : 0;
  } catch (error) {
    const isOperating = error instanceof Failure;
    log?.error("node does not start", { error });
    log?.flush();
    console.error(`alysd: ${isOperating ? error.message : ((error as Error).stack ?? String(error))}`);
    if (isOperating && error.code === "DATA_LOSS") console.error(DAMAGE_ADVICE);
    return isOperating ? EXIT_CONFIG : EXIT_SOFTWARE;
  }
}

interface End {
  readonly reason: string;
  readonly isFailure: boolean;
}

/** SIGINT or SIGTERM, or the end of standard input when the parent holds it open; a second signal ends at once. */
function stopSignals(isTiedToParent: boolean): Promise<End> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        const nowMs = realClock.monotonicMs();
        firstMs ??= nowMs;
        if (nowMs - firstMs > SAME_SIGNAL_MS) endNow(EXIT_SOFTWARE);
        resolve({ reason: signal, isFailure: false });
      });
    }
    if (!isTiedToParent) return;
    process.stdin.on("end", () => resolve({ reason: "the parent process is gone", isFailure: false }));
    process.stdin.on("error", () => resolve({ reason: "the parent process is gone", isFailure: false }));
    process.stdin.resume();
  });
}

/** What no actor caught: the state is unknown, so the node stops in order and says why. */
function uncaughtErrors(): Promise<End> {
  return new Promise((resolve) => {
    const onError = (error: unknown): void => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      resolve({ reason: `unforeseen error: ${text}`, isFailure: true });
    };
    process.on("uncaughtException", onError);
    process.on("unhandledRejection", onError);
  });
}

function within(work: Promise<void>, deadlineMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = realClock.setTimer(deadlineMs, () => resolve(false));
    work.then(
      () => {
        timer.cancel();
        resolve(true);
      },
      (error: unknown) => {
        timer.cancel();
        console.error("alysd: stopping failed:", error);
        resolve(false);
      },
    );
  });
}

/** What main() itself did not expect; unhandled, it would leave a process that no signal ends. */
function unexpected(error: unknown): number {
  console.error("alysd:", error);
  return EXIT_SOFTWARE;
}

// Everything is closed by now; what is left, a handle or a call that the system does not answer, must not keep the process.
const status = await main().catch(unexpected);
if (isSystemBusy()) endNow(status);
process.exit(status);
