/**
 * One reader of one stream: pausing, closing, ending and delivery in turns of its own, so that no reader slows the
 * actor or another reader. Topics and transfers fill in what there is to deliver.
 */

import { asError, type Failure, failure } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Scheduler } from "../ports/scheduler.ts";
import type { Outsider, StreamReader, Subscription } from "./reader.ts";

/** The actor's side of a stream, given by the cell when an incarnation starts. */
export interface StreamHost {
  readonly actor: string;
  readonly epoch: number;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly log: Log;
  /** Runs a piece of the actor's code; a throw crashes the actor and returns undefined. */
  guard<T>(run: () => T): T | undefined;
  /** Crashes the actor: its own code failed outside a turn. */
  crash(error: Error): void;
}

/** Messages delivered to one reader in one turn, as many as an actor handles. */
export const DELIVERIES_MAX = 64;

export abstract class StreamSubscription<T extends object> implements Subscription {
  protected readonly scheduler: Scheduler;
  readonly #reader: StreamReader<T>;
  readonly #log: Log;
  #isPaused = false;
  #isClosed = false;
  #isScheduled = false;
  #end: { readonly failure: Failure | undefined } | undefined;

  constructor(reader: StreamReader<T>, scheduler: Scheduler, log: Log) {
    this.#reader = reader;
    this.scheduler = scheduler;
    this.#log = log;
  }

  abstract get pending(): { readonly messages: number; readonly bytes: number };
  /** Delivers what there is, within the budget; says whether more can be delivered right away. */
  protected abstract deliverSome(): boolean;
  /** Lets go of what it holds; called once, at the close or before the end is told. */
  protected abstract release(): void;

  /** True while there is a reader to deliver to. */
  get isOpen(): boolean {
    return !this.#isClosed && this.#end === undefined;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  close(): void {
    if (this.#isClosed) return;
    const wasOpen = this.isOpen;
    this.#isClosed = true;
    if (wasOpen) this.release();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.wake();
  }

  /** Ends the stream; the reader is told in a turn of its own, even when it is paused. */
  end(reason: Failure | undefined): void {
    if (!this.isOpen) return;
    this.#end = { failure: reason };
    this.release();
    this.#schedule();
  }

  /** Asks for a turn to deliver in. */
  wake(): void {
    if (this.isOpen && !this.#isPaused) this.#schedule();
  }

  /** Hands one message to the reader. */
  protected deliver(message: T): void {
    try {
      this.#reader.onMessage(message);
    } catch (thrown) {
      this.#log.error("the reader of a stream threw", { error: asError(thrown) });
      this.end(failure("INTERNAL", "READER_FAILED", "the reader of the stream failed"));
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.scheduler.defer(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    if (this.#isClosed) return;
    if (this.#end !== undefined) {
      this.#isClosed = true;
      this.#tellEnd(this.#end.failure);
      return;
    }
    if (this.#isPaused) return;
    if (this.deliverSome()) this.wake();
  }

  #tellEnd(reason: Failure | undefined): void {
    try {
      this.#reader.onEnd(reason);
    } catch (thrown) {
      this.#log.error("the reader of a stream threw at its end", { error: asError(thrown) });
    }
  }
}

/** A subscription that only tells its reader why there is nothing to read. */
export class EndedSubscription<T extends object> extends StreamSubscription<T> {
  constructor(reader: StreamReader<T>, scheduler: Scheduler, log: Log, reason: Failure) {
    super(reader, scheduler, log);
    this.end(reason);
  }

  override get pending(): { messages: number; bytes: number } {
    return { messages: 0, bytes: 0 };
  }

  protected override deliverSome(): boolean {
    return false;
  }

  protected override release(): void {}
}

/** The node's own readers of one stream: several times what its actors are. One more is refused: it is a leak. */
const OWN_READERS_MAX = 64;

/** Of the places for outsiders, the share that one account may have at a time; one more of its own is refused. */
const ACCOUNT_SHARE_MAX = 0.25;

/** Places beyond those of all outsiders that only administrators take; then they are refused as well. */
const ADMINISTRATORS_MAX = 16;

const TOO_MANY = failure("RESOURCE_EXHAUSTED", "TOO_MANY_READERS", "the stream has too many readers");
const TOO_MANY_OF_ACCOUNT = failure(
  "RESOURCE_EXHAUSTED",
  "TOO_MANY_READERS_OF_PRINCIPAL",
  "too many readers of this stream are this caller's",
);

/**
 * Who may read a stream at a time. The node's own actors have room of their own, so that no caller from outside can keep
 * one of them, for instance after a restart, from what it lives on; an account outside has a share, so that no one caller
 * keeps out the others; and administrators have a few places beyond those of all others. Owned by a topic or a transfer.
 */
export class ReaderRoom {
  readonly #max: number;
  readonly #accountMax: number;
  /** Readers of each account that has any; at most as many as there are places. */
  readonly #accounts = new Map<string, number>();
  #own = 0;
  #outsiders = 0;

  /** `max`: places for outsiders who are no administrators. */
  constructor(max: number) {
    this.#max = max;
    this.#accountMax = Math.max(1, Math.floor(max * ACCOUNT_SHARE_MAX));
  }

  /** Takes a place; why there is none, if so. `leave` follows exactly when there was one. */
  enter(outsider: Outsider | undefined): Failure | undefined {
    if (outsider === undefined) {
      if (this.#own >= OWN_READERS_MAX) return TOO_MANY;
      this.#own += 1;
      return undefined;
    }
    const { account, isAdministrator } = outsider;
    const readers = account === undefined ? 0 : (this.#accounts.get(account) ?? 0);
    if (this.#outsiders >= this.#max + (isAdministrator ? ADMINISTRATORS_MAX : 0)) return TOO_MANY;
    if (readers >= this.#accountMax) return TOO_MANY_OF_ACCOUNT;
    this.#outsiders += 1;
    if (account !== undefined) this.#accounts.set(account, readers + 1);
    return undefined;
  }

  leave(outsider: Outsider | undefined): void {
    if (outsider === undefined) {
      this.#own -= 1;
      return;
    }
    this.#outsiders -= 1;
    const { account } = outsider;
    if (account === undefined) return;
    const readers = this.#accounts.get(account) ?? 0;
    if (readers > 1) this.#accounts.set(account, readers - 1);
    else this.#accounts.delete(account);
  }
}
