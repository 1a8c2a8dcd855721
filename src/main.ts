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
import { tell } from "./kernel/ports/standard-error.ts";
import { endNow, isSystemBusy } from "./node/end.ts";
import type { LogLevel, RootLog } from "./telemetry/log.ts";

const EXIT_USAGE = 64;
const EXIT_SOFTWARE = 70;
const EXIT_CONFIG = 78;

/** An orderly stop takes at most this long; then the process ends all the same, whatever hangs. */
const STOP_DEADLINE_MS = 5_000;

/** When the main thread hangs itself, another one ends the process so much later. */
const LAST_WORDS_MS = 1_000;

/** Senders rotate logs: the log file is opened again, if there is one. By default the one ends a process, the other opens a debugger. */
const ROTATION_SIGNALS = ["SIGHUP", "SIGUSR1"] as const;

/** Who signals a process and its group (timeout, npm, a terminal) signals us twice, and means it once. */
const SAME_SIGNAL_MS = 500;

const DAMAGE_ADVICE =
  "alysd: what can be saved of a damaged chain, `alysctl checkpoints recover --config FILE --mode minimal --dry-run` tells;\n" +
  "alysd: docs/checkpoints.md has the rest. Nothing was changed.";

const USAGE = `usage: alysd --config FILE [--ignore-overrides] [--exit-with-parent]
       alysd localnet [options]     (alysd localnet --help)
       alysd --version | --help`;

const HELP = `${USAGE}

  --ignore-overrides         without the settings that UpdateConfig has written
  --exit-with-parent         stop when standard input ends

Environment
  ALYS__SECTION__KEY=VALUE   a setting, above the file: ALYS__SYNC__MODE=full is sync.mode = "full"

Signals
  SIGTERM, SIGINT            stop in order, within 5 s; a second one ends at once
  SIGHUP, SIGUSR1            open telemetry.log_file again, after it was renamed
  SIGUSR2, SIGPIPE           nothing

Exit status
  0   stopped in order             70  a supervisor gave up, or the stop was not orderly
  64  wrong call                   78  bad configuration, or data that cannot be opened
  69  no Node.js that is new enough
  137 the main thread stood still and the watchdog killed the process`;

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
  let values: {
    config?: string;
    "ignore-overrides"?: boolean;
    "exit-with-parent"?: boolean;
    version?: boolean;
    help?: boolean;
  };
  try {
    values = parseArgs({
      options: {
        config: { type: "string" },
        "ignore-overrides": { type: "boolean" },
        "exit-with-parent": { type: "boolean" },
        version: { type: "boolean" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    say(`alysd: ${(error as Error).message}\n${USAGE}`);
    return EXIT_USAGE;
  }
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  if (values.version === true) {
    console.log(versionOf());
    return 0;
  }
  if (values.config === undefined) {
    say(USAGE);
    return EXIT_USAGE;
  }
  const isIgnoring = values["ignore-overrides"] === true;
  return runNode(values.config, isIgnoring, values["exit-with-parent"] === true);
}

async function runNode(configFile: string, isIgnoring: boolean, isTiedToParent: boolean): Promise<number> {
  ignoreSignals();
  // Loading the whole node takes a second: --help and a wrong call need not wait for it.
  const [{ loadConfig }, { openLog }, { startNode }] = await Promise.all([
    import("./config/load.ts"),
    import("./telemetry/log.ts"),
    import("./node/node.ts"),
  ]);
  let log: RootLog | undefined;
  let overrides: string | undefined;
  try {
    const loaded = loadConfig(configFile, process.env, isIgnoring ? "without overrides" : "with overrides");
    if (loaded.layers.overrides.size > 0) overrides = loaded.overridesFile;
    const { settings } = loaded;
    log = openLog({
      level: settings.telemetry.logLevel as LogLevel,
      file: settings.telemetry.logFile === "" ? undefined : settings.telemetry.logFile,
      fields: { pid: process.pid },
    });
    const stopAsked = stopSignals(isTiedToParent);
    for (const signal of ROTATION_SIGNALS) process.on(signal, log.reopen);
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
    if (end.isFailure) say(`alysd: ${end.reason}`);
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
    say(`alysd: ${isOperating ? error.message : textOf(error)}`);
    if (isOperating && error.code === "DATA_LOSS") say(DAMAGE_ADVICE);
    else if (isOperating && overrides !== undefined)
      say(`alysd: settings of ${overrides} are in force; --ignore-overrides starts without them`);
    return isOperating ? EXIT_CONFIG : EXIT_SOFTWARE;
  }
}

/** From the first moment on, until they mean something. */
function ignoreSignals(): void {
  for (const signal of [...ROTATION_SIGNALS, "SIGUSR2"] as const) process.on(signal, () => {});
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
      resolve({ reason: `unforeseen error: ${textOf(error)}`, isFailure: true });
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
        say(`alysd: stopping failed: ${textOf(error)}`);
        resolve(false);
      },
    );
  });
}

/** To standard error, without waiting for whoever reads it. */
function say(text: string): void {
  tell(`${text}\n`);
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** What main() itself did not expect; unhandled, it would leave a process that no signal ends. */
function unexpected(error: unknown): number {
  say(`alysd: ${textOf(error)}`);
  return EXIT_SOFTWARE;
}

// Everything is closed by now; what is left, a handle or a call that the system does not answer, must not keep the process.
const status = await main().catch(unexpected);
if (isSystemBusy()) endNow(status);
process.exit(status);
