/**
 * One alysd process of a local network: started, awaited, stopped. Owns the child and its exit; what a node says goes to
 * its log file. The child holds the reading end of a pipe from us: when we are gone, however that came, it ends itself.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { failure } from "../../kernel/errors.ts";
import { type Clock, realClock } from "../../kernel/ports/clock.ts";

/** The daemon's entry, beside this file's floor: TypeScript in a checkout, JavaScript in a package. */
const MAIN_FILE = fileURLToPath(new URL(`../../main${extname(import.meta.url)}`, import.meta.url));

/** What a node runs with, as bin/launch.sh says it, which tells why. */
export const RUNTIME_FLAGS: readonly string[] = [
  "--disable-sigusr1",
  "--max-semi-space-size=8",
  "--heap-growing-percent=50",
];
export const RUNTIME_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: "2" };

/** How often we look whether a node serves. */
const READY_POLL_MS = 50;

/** Lines of a log that are shown when its node ended unexpectedly, and the bytes at its end that they are taken from. */
const TAIL_LINES = 15;
const TAIL_BYTES = 16 * 1024;

/** What is needed to run a node; a NodePlan has it. */
export interface NodeFiles {
  readonly name: string;
  /** Its data directory. */
  readonly folder: string;
  readonly configFile: string;
  readonly logFile: string;
}

/** What a node says of itself once it serves (node.json in its data directory). */
export interface NodeFacts {
  readonly pid: number;
  readonly peerId: string;
  readonly controlAddress: string;
  /** Path; empty for none. */
  readonly unixSocket: string;
  readonly listenAddresses: readonly string[];
  readonly genesisHash: string;
}

export interface ProcessEnd {
  /** Exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly signal: string | null;
}

export class NodeProcess {
  readonly name: string;
  /** Resolves when the process is gone; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  readonly #files: NodeFiles;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  #end: ProcessEnd | undefined;
  #isStopping = false;

  private constructor(files: NodeFiles, child: ChildProcess, clock: Clock) {
    this.name = files.name;
    this.#files = files;
    this.#child = child;
    this.#clock = clock;
    this.ended = new Promise((resolve) => {
      const finish = (status: number | null, signal: string | null): void => {
        this.#end ??= { status, signal };
        resolve(this.#end);
      };
      child.once("exit", finish);
      // The executable could not be started at all.
      child.once("error", () => finish(null, null));
    });
  }

  /** Starts `alysd --config FILE`. Its errors before logging begins, and crashes, go to its log file too. */
  static start(files: NodeFiles, clock: Clock = realClock): NodeProcess {
    const log = openSync(files.logFile, "a", 0o600);
    try {
      const args = [...RUNTIME_FLAGS, MAIN_FILE, "--config", files.configFile, "--exit-with-parent"];
      const env = { ...RUNTIME_ENVIRONMENT, ...process.env };
      const child = spawn(execPath, args, { stdio: ["pipe", log, log], env });
      // A child that died does not read: that is seen by its exit.
      child.stdin?.on("error", () => undefined);
      return new NodeProcess(files, child, clock);
    } finally {
      closeSync(log);
    }
  }

  /** 0 when the process could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#end === undefined;
  }

  /** Whether somebody asked it to end. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /**
   * Resolves when the node serves. Rejects UNAVAILABLE / NODE_ENDED with the tail of its log, DEADLINE_EXCEEDED /
   * NODE_NOT_READY, CANCELLED / STOPPED when the signal aborts.
   */
  async ready(deadlineMs: number, signal?: AbortSignal): Promise<NodeFacts> {
    const endMs = this.#clock.monotonicMs() + deadlineMs;
    for (;;) {
      if (signal?.aborted === true) throw failure("CANCELLED", "STOPPED", "told to stop");
      if (this.#end !== undefined) throw failure("UNAVAILABLE", "NODE_ENDED", this.obituary());
      const facts = await this.#readFacts();
      if (facts !== undefined) return facts;
      if (this.#clock.monotonicMs() > endMs) {
        const seconds = Math.round(deadlineMs / 1000);
        throw failure(
          "DEADLINE_EXCEEDED",
          "NODE_NOT_READY",
          `${this.name} does not serve after ${seconds} s; its log ends so:\n${this.logTail()}`,
        );
      }
      await pause(READY_POLL_MS, this.#clock);
    }
  }

  /**
   * Asks it to end, by the end of its standard input: a signal would be its second one after a Ctrl-C, which the
   * terminal sends to all of us, and a second signal ends a node at once. Killed at the deadline. Resolves to whether
   * it ended by itself.
   */
  async stop(deadlineMs: number): Promise<boolean> {
    this.#isStopping = true;
    if (!this.isRunning) return true;
    let wasKilled = false;
    const timer = this.#clock.setTimer(deadlineMs, () => {
      wasKilled = this.#child.kill("SIGKILL");
    });
    this.#child.stdin?.end();
    await this.ended;
    timer.cancel();
    return !wasKilled;
  }

  /** kill -9: no goodbye, nothing flushed. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#isStopping = true;
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  /** How it ended, with what it said last. */
  obituary(): string {
    const { status, signal } = this.#end ?? { status: null, signal: null };
    const how =
      signal !== null ? `by ${signal}` : status !== null ? `with status ${status}` : "before it began";
    return `${this.name} (process ${this.pid}) ended ${how}; its log ends so:\n${this.logTail()}`;
  }

  /** The last lines of its log, indented. */
  logTail(): string {
    return tailOf(this.#files.logFile);
  }

  /** undefined while there is none, or only that of an earlier process that was killed. */
  async #readFacts(): Promise<NodeFacts | undefined> {
    try {
      const facts = JSON.parse(await readFile(join(this.#files.folder, "node.json"), "utf8")) as NodeFacts;
      return facts.pid === this.pid ? facts : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Resolves after `delayMs`. */
export function pause(delayMs: number, clock: Clock = realClock): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delayMs, resolve);
  });
}

function tailOf(file: string): string {
  let text: string;
  try {
    text = readFileSync(file).subarray(-TAIL_BYTES).toString("utf8");
  } catch {
    return "    (no log)";
  }
  const lines = text.trimEnd().split("\n").slice(-TAIL_LINES);
  return lines.map((line) => `    ${line}`).join("\n");
}
