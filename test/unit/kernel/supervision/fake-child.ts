/** A child that does as it is told, for tests of supervisors: it records its starts and stops in a common journal. */
import type { ChildSpec, RunningChild } from "../../../../src/kernel/supervision/child.ts";

export interface FakeChildOptions extends Partial<Omit<ChildSpec, "id" | "start">> {
  /** How it stops: at once (default), never, or by failing. */
  readonly stopping?: "at_once" | "never" | "fails";
}

export class FakeChild {
  readonly id: string;
  readonly spec: ChildSpec;
  isUp = false;
  starts = 0;
  /** Errors that the next starts fail with. */
  readonly startErrors: Error[] = [];
  /** True: the next starts do not come back. */
  hangsAtStart = false;
  readonly #journal: string[];
  readonly #stopping: FakeChildOptions["stopping"];
  #crash: (cause: unknown) => void = () => {};
  #finish: () => void = () => {};

  constructor(id: string, journal: string[], options: FakeChildOptions = {}) {
    this.id = id;
    this.#journal = journal;
    const { stopping, ...policy } = options;
    this.#stopping = stopping;
    this.spec = {
      id,
      start: () => this.#start(),
      restart: "permanent",
      intensity: 3,
      periodMs: 60_000,
      backoff: { firstMs: 0, baseMs: 1_000, factor: 2, maxMs: 8_000 },
      stopDeadlineMs: 1_000,
      ...policy,
    };
  }

  crash(message = `${this.id} broke`): void {
    this.isUp = false;
    this.#crash(new Error(message));
  }

  finish(): void {
    this.isUp = false;
    this.#finish();
  }

  #start(): RunningChild | Promise<RunningChild> {
    if (this.hangsAtStart) return new Promise(() => {});
    const error = this.startErrors.shift();
    if (error !== undefined) {
      this.#journal.push(`!${this.id}`);
      throw error;
    }
    this.starts += 1;
    this.isUp = true;
    this.#journal.push(`+${this.id}`);
    return {
      crashed: new Promise((resolve) => {
        this.#crash = resolve;
      }),
      finished: new Promise<void>((resolve) => {
        this.#finish = resolve;
      }),
      stop: () => this.#stop(),
      kill: () => {
        this.isUp = false;
        this.#journal.push(`x${this.id}`);
      },
      describe: () => ({ epoch: this.starts }),
    };
  }

  async #stop(): Promise<void> {
    this.#journal.push(`-${this.id}`);
    if (this.#stopping === "never") await new Promise(() => {});
    if (this.#stopping === "fails") throw new Error("cannot stop");
    this.isUp = false;
  }
}
