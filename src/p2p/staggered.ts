/**
 * Attempts one after the other, each with a head start (happy eyeballs, RFC 8305): the next begins when one failed, or after a
 * while, few at a time; the first that succeeds wins and the others are cancelled. Whatever swallows what is sent to it so
 * hides nothing that stands behind it.
 */

import { asError } from "../kernel/errors.ts";
import type { Clock, TimerHandle } from "../kernel/ports/clock.ts";
import { hostFailure } from "./failures.ts";

export interface StaggerOptions {
  readonly clock: Clock;
  /** Between two beginnings, while nothing fails. */
  readonly staggerMs: number;
  /** Attempts at a time. */
  readonly parallelMax: number;
  /** One attempt; after it the attempt counts as failed. */
  readonly attemptMs: number;
  /** Ends it all; its reason is then what is thrown. */
  readonly signal: AbortSignal;
}

/**
 * The result of the first item that succeeds. Rejects with the failure of the first item when all failed. `onSettled` is told
 * of each that succeeded or failed by itself or by its time, and of those still running when `signal` fires.
 */
export function staggered<T, R>(
  items: readonly T[],
  attempt: (item: T, signal: AbortSignal) => Promise<R>,
  options: StaggerOptions,
  onSettled: (item: T, cause: Error | undefined) => void = () => {},
): Promise<R> {
  return new Promise<R>(
    (resolve, reject) => new Race(items, attempt, options, onSettled, { resolve, reject }),
  );
}

interface Running<T> {
  readonly item: T;
  readonly controller: AbortController;
  readonly timer: TimerHandle;
}

class Race<T, R> {
  readonly #items: readonly T[];
  readonly #attempt: (item: T, signal: AbortSignal) => Promise<R>;
  readonly #options: StaggerOptions;
  readonly #onSettled: (item: T, cause: Error | undefined) => void;
  readonly #end: { readonly resolve: (result: R) => void; readonly reject: (cause: Error) => void };
  readonly #running = new Set<Running<T>>();
  readonly #failures = new Map<T, Error>();
  readonly #onAbort = (): void => this.#abort();
  #next = 0;
  #isOver = false;
  #stagger: TimerHandle | undefined;

  constructor(
    items: readonly T[],
    attempt: (item: T, signal: AbortSignal) => Promise<R>,
    options: StaggerOptions,
    onSettled: (item: T, cause: Error | undefined) => void,
    end: { readonly resolve: (result: R) => void; readonly reject: (cause: Error) => void },
  ) {
    this.#items = items;
    this.#attempt = attempt;
    this.#options = options;
    this.#onSettled = onSettled;
    this.#end = end;
    options.signal.addEventListener("abort", this.#onAbort, { once: true });
    if (options.signal.aborted) this.#abort();
    else this.#startNext();
  }

  #startNext(): void {
    this.#stagger?.cancel();
    this.#stagger = undefined;
    if (this.#isOver) return;
    if (this.#next >= this.#items.length) {
      if (this.#running.size === 0) this.#lose();
      return;
    }
    const { clock, staggerMs, parallelMax } = this.#options;
    if (this.#running.size >= parallelMax) return;
    const item = this.#items[this.#next] as T;
    this.#next++;
    this.#start(item);
    if (!this.#isOver) this.#stagger = clock.setTimer(staggerMs, () => this.#startNext());
  }

  #start(item: T): void {
    const { clock, attemptMs } = this.#options;
    const controller = new AbortController();
    const timer = clock.setTimer(attemptMs, () => {
      const cause = hostFailure("DIAL_DEADLINE", `nothing within ${attemptMs} ms`);
      controller.abort(cause);
      this.#fail(running, cause);
    });
    const running = { item, controller, timer };
    this.#running.add(running);
    this.#attempt(item, controller.signal).then(
      (result) => this.#win(running, result),
      (thrown: unknown) => this.#fail(running, asError(thrown)),
    );
  }

  #win(running: Running<T>, result: R): void {
    if (this.#isOver) return;
    this.#take(running);
    this.#onSettled(running.item, undefined);
    this.#finish(hostFailure("REQUEST_CANCELLED", "another address was faster"));
    this.#end.resolve(result);
  }

  #fail(running: Running<T>, cause: Error): void {
    if (this.#isOver || !this.#take(running)) return;
    this.#failures.set(running.item, cause);
    this.#onSettled(running.item, cause);
    this.#startNext();
  }

  #abort(): void {
    if (this.#isOver) return;
    const cause = asError(this.#options.signal.reason);
    for (const { item } of this.#running) this.#onSettled(item, cause);
    this.#finish(cause);
    this.#end.reject(cause);
  }

  #lose(): void {
    const [first] = this.#items.flatMap((item) => this.#failures.get(item) ?? []);
    const cause = first ?? hostFailure("ADDRESS_INVALID", "there is nothing to try");
    this.#finish(cause);
    this.#end.reject(cause);
  }

  #finish(cause: Error): void {
    this.#isOver = true;
    this.#stagger?.cancel();
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    for (const running of [...this.#running]) {
      this.#take(running);
      running.controller.abort(cause);
    }
  }

  #take(running: Running<T>): boolean {
    running.timer.cancel();
    return this.#running.delete(running);
  }
}
