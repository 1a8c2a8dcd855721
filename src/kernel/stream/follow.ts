/**
 * Following a stream: it is read again by itself whenever it ends, with a back-off, until the follower closes. What a stream
 * says first (a snapshot, as a rule) says that it was read anew.
 */

import type { Failure } from "../errors.ts";
import type { TimerHandle } from "../ports/clock.ts";
import type { StreamReader, Subscription } from "./reader.ts";

/** Who follows a stream. Called in turns of its own, never inside `follow`, and never after `close`. */
export interface Follower<T> {
  /** Must not block. */
  onMessage(message: T): void;
  /** The stream ended, and what was read may be old by now; it is read again. Undefined: it was complete. */
  onGap?(reason: Failure | undefined): void;
}

/** Before a stream that ended is read again, milliseconds; doubled with each end that follows soon. */
const AGAIN_MS = 250;
const AGAIN_MS_MAX = 8_000;

export interface FollowParts<T> {
  /** Reads the stream once. */
  open(reader: StreamReader<T>): Subscription;
  /** Calls back once after so many milliseconds, in a turn of the follower. */
  after(delayMs: number, run: () => void): TimerHandle;
  /** Monotonic milliseconds. */
  now(): number;
}

/** Reads until it is closed. */
export function follow<T>(parts: FollowParts<T>, follower: Follower<T>): Subscription {
  const following = new Following(parts, follower);
  following.open();
  return following;
}

class Following<T> implements Subscription {
  readonly #parts: FollowParts<T>;
  readonly #follower: Follower<T>;
  #subscription: Subscription | undefined;
  #timer: TimerHandle | undefined;
  #isClosed = false;
  #isPaused = false;
  #openedMs = 0;
  #endsInRow = 0;

  constructor(parts: FollowParts<T>, follower: Follower<T>) {
    this.#parts = parts;
    this.#follower = follower;
  }

  open(): void {
    this.#timer = undefined;
    if (this.#isClosed) return;
    this.#openedMs = this.#parts.now();
    this.#subscription = this.#parts.open({
      onMessage: (message) => this.#follower.onMessage(message),
      onEnd: (reason) => this.#onEnd(reason),
    });
    if (this.#isPaused) this.#subscription.pause();
  }

  #onEnd(reason: Failure | undefined): void {
    if (this.#isClosed) return;
    this.#subscription = undefined;
    // One that was read for longer than the longest pause ended for a reason of its own.
    const isOld = this.#parts.now() - this.#openedMs > AGAIN_MS_MAX;
    const delayMs = Math.min(AGAIN_MS_MAX, AGAIN_MS * 2 ** (isOld ? 0 : Math.min(10, this.#endsInRow)));
    this.#endsInRow = isOld ? 1 : this.#endsInRow + 1;
    this.#timer = this.#parts.after(delayMs, () => this.open());
    this.#follower.onGap?.(reason);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#subscription?.close();
  }

  pause(): void {
    this.#isPaused = true;
    this.#subscription?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#subscription?.resume();
  }

  get pending(): { readonly messages: number; readonly bytes: number } {
    return this.#subscription?.pending ?? { messages: 0, bytes: 0 };
  }
}
