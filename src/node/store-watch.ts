/**
 * Looks once a second how long the oldest write of the store waits, and says so when that is too long: a writer thread that
 * hangs (a disk that does not answer, a lock that is held elsewhere) is otherwise only seen by what does not happen.
 */
import type { Clock, TimerHandle } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { BlockStore } from "../storage/port.ts";

export type WatchedStore = Pick<BlockStore, "stats">;

const LOOK_MS = 1_000;

/** The largest group of batches is on a slow disk in two or three seconds. */
export const LATE_MS = 5_000;

/** Said again so often while it lasts. */
const AGAIN_MS = 60_000;

export class StoreWatch {
  readonly #store: WatchedStore;
  readonly #ports: { readonly clock: Clock; readonly log: Log };
  readonly #onChange: (isLate: boolean) => void;
  #timer: TimerHandle | undefined;
  /** Monotonic time of the last warning; undefined while the store writes. */
  #warnedMs: number | undefined;

  constructor(
    store: WatchedStore,
    ports: { readonly clock: Clock; readonly log: Log },
    onChange: (isLate: boolean) => void,
  ) {
    this.#store = store;
    this.#ports = ports;
    this.#onChange = onChange;
  }

  start(): void {
    this.#timer = this.#ports.clock.setTimer(LOOK_MS, () => {
      this.#look();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { clock, log } = this.#ports;
    const { longestWaitMs, pendingWrites } = this.#store.stats();
    const nowMs = clock.monotonicMs();
    if (longestWaitMs < LATE_MS) {
      if (this.#warnedMs === undefined) return;
      this.#warnedMs = undefined;
      log.info("the store writes again", { pendingWrites });
      this.#onChange(false);
      return;
    }
    if (this.#warnedMs !== undefined && nowMs - this.#warnedMs < AGAIN_MS) return;
    const isNew = this.#warnedMs === undefined;
    this.#warnedMs = nowMs;
    log.warn("the store does not write: no block is imported", {
      waitingMs: Math.round(longestWaitMs),
      pendingWrites,
    });
    if (isNew) this.#onChange(true);
  }
}
