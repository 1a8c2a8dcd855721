/**
 * Notices a thread that stands still: each cell says when a turn begins and ends, a timer shows that the thread lives, and a
 * thread of its own watches both. Past the limit it names the actor on standard error and kills the process, to be
 * restarted by whoever runs it: a stuck thread can do nothing in order any more. The one file of the kernel that starts a
 * thread; it runs this same file.
 */
import { kill, pid } from "node:process";
import { Worker, workerData } from "node:worker_threads";
import { type Clock, realClock, type TimerHandle } from "./clock.ts";
import { tell } from "./standard-error.ts";

export interface Watchdog {
  /** A turn of this actor begins on this thread. */
  enter(actor: string): void;
  /** It ended. */
  leave(): void;
}

/** The twin: watches nothing. */
export const noWatchdog: Watchdog = {
  enter: () => {},
  leave: () => {},
};

/** Longest stand-still without a limit given. The longest known good one is a full garbage collection, under a second. */
const LIMIT_MS = 15_000;

/** Looks per limit. It counts looks and not time, so that a machine that slept is not taken for a stuck thread. */
const LOOKS = 5;

/** Shared memory: five words, then the names of actors, each with its length before it. Later actors go unnamed. */
const BEAT = 0;
const ACTOR = 1;
const STOP = 2;
/** Looks that the thread may still stand still for: it said so before. */
const EXCUSED = 3;
/** Milliseconds that the process may still live, from when the thread is woken; 0: for ever. */
const END = 4;
const HEADER_BYTES = 20;
const NAME_BYTES = 64;
/** Actors whose names are kept; a later one is "none" when the thread stands still. */
const NAMES_MAX = 256;
const NOBODY = -1;

interface WatcherData {
  readonly kind: "alys-watchdog";
  readonly memory: SharedArrayBuffer;
  readonly lookMs: number;
  readonly limitMs: number;
}

export class ThreadWatchdog implements Watchdog {
  readonly #memory = new SharedArrayBuffer(HEADER_BYTES + NAMES_MAX * NAME_BYTES);
  readonly #words = new Int32Array(this.#memory, 0, HEADER_BYTES / 4);
  readonly #indexes = new Map<string, number>();
  readonly #clock: Clock;
  readonly #lookMs: number;
  readonly #worker: Worker;
  #timer: TimerHandle | undefined;
  #isEnding = false;

  /** Starts to watch the calling thread. */
  constructor(limitMs: number = LIMIT_MS, clock: Clock = realClock) {
    this.#clock = clock;
    this.#lookMs = limitMs / LOOKS;
    Atomics.store(this.#words, ACTOR, NOBODY);
    const data: WatcherData = {
      kind: "alys-watchdog",
      memory: this.#memory,
      lookMs: this.#lookMs,
      limitMs,
    };
    // Without the flags of this process: those are for its own entry point.
    this.#worker = new Worker(new URL(import.meta.url), { workerData: data, execArgv: [] });
    this.#worker.unref();
    this.#beat();
  }

  enter(actor: string): void {
    Atomics.store(this.#words, ACTOR, this.#indexes.get(actor) ?? this.#register(actor));
  }

  leave(): void {
    Atomics.store(this.#words, ACTOR, NOBODY);
  }

  /**
   * The thread will stand still for as long as `limitMs` on purpose, for instance to write its heap; 0 takes that back. Past
   * it, it is stuck after all.
   */
  excuse(limitMs: number): void {
    Atomics.store(this.#words, EXCUSED, Math.ceil(limitMs / this.#lookMs));
  }

  /**
   * The process ends within `deadlineMs`, or is killed, whatever hangs: this thread, another one, the disk. From then on only
   * that is watched, and `stop` leaves it to the end of the process.
   */
  endWithin(deadlineMs: number): void {
    this.#isEnding = true;
    this.#timer?.cancel();
    Atomics.store(this.#words, END, Math.ceil(deadlineMs));
    Atomics.notify(this.#words, STOP);
  }

  /** Ends the watch; resolves when its thread is gone. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    if (this.#isEnding) return;
    const exited = new Promise<void>((resolve) => this.#worker.once("exit", () => resolve()));
    Atomics.store(this.#words, STOP, 1);
    Atomics.notify(this.#words, STOP);
    this.#worker.ref();
    await exited;
  }

  #beat(): void {
    if (this.#isEnding) return;
    Atomics.add(this.#words, BEAT, 1);
    // Twice a look, so that no look misses a beat of a thread that lives.
    this.#timer = this.#clock.setTimer(this.#lookMs / 2, () => this.#beat());
  }

  #register(actor: string): number {
    const index = this.#indexes.size;
    if (index >= NAMES_MAX) return NOBODY;
    const name = new TextEncoder().encode(actor).subarray(0, NAME_BYTES - 1);
    const slot = new Uint8Array(this.#memory, HEADER_BYTES + index * NAME_BYTES, NAME_BYTES);
    slot[0] = name.length;
    slot.set(name, 1);
    this.#indexes.set(actor, index);
    return index;
  }
}

/** The other thread: looks until it is stopped, or until the beat stood still for a whole limit. */
function watch({ memory, lookMs, limitMs }: WatcherData): void {
  const words = new Int32Array(memory, 0, HEADER_BYTES / 4);
  let beat = Atomics.load(words, BEAT);
  let looksWithoutBeat = 0;
  for (;;) {
    const woken = Atomics.wait(words, STOP, 0, lookMs);
    if (Atomics.load(words, STOP) !== 0) return;
    const endMs = Atomics.load(words, END);
    if (endMs > 0) {
      Atomics.wait(words, STOP, 0, endMs);
      killProcess({ message: "the process did not end in time", deadlineMs: endMs });
      return;
    }
    if (woken !== "timed-out") continue;
    const now = Atomics.load(words, BEAT);
    if (Atomics.load(words, EXCUSED) > 0) {
      Atomics.sub(words, EXCUSED, 1);
      looksWithoutBeat = 0;
      continue;
    }
    looksWithoutBeat = now === beat ? looksWithoutBeat + 1 : 0;
    beat = now;
    if (looksWithoutBeat < LOOKS) continue;
    const actor = nameOf(memory, Atomics.load(words, ACTOR));
    killProcess({ message: "the thread stands still", actor, limitMs });
    return;
  }
}

/** Says why, as far as anybody listens, and ends all threads. */
function killProcess(why: Readonly<Record<string, string | number>>): void {
  tell(`${JSON.stringify({ level: "fatal", ...why })}\n`);
  kill(pid, "SIGKILL");
}

function nameOf(memory: SharedArrayBuffer, index: number): string {
  if (index === NOBODY) return "none";
  const slot = new Uint8Array(memory, HEADER_BYTES + index * NAME_BYTES, NAME_BYTES);
  // Copied, because a decoder takes no shared memory.
  return new TextDecoder().decode(Uint8Array.from(slot.subarray(1, 1 + (slot[0] ?? 0))));
}

function isWatcherData(data: unknown): data is WatcherData {
  return typeof data === "object" && data !== null && "kind" in data && data.kind === "alys-watchdog";
}

if (isWatcherData(workerData)) watch(workerData);
