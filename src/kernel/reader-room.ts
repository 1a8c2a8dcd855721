/**
 * Who may read a stream at a time. The node's own actors have room of their own, so that no caller from outside can keep
 * one of them, for instance after a restart, from what it lives on; an account outside has a share, so that no one caller
 * keeps out the others; and administrators have a few places beyond those of all others. Owned by a topic or a transfer.
 */
import { type Failure, failure } from "./errors.ts";

/** Somebody outside the process for whom a stream is read. Who reads without being one is the node itself. */
export interface Outsider {
  /**
   * What its streams are counted under: a token, a certificate, or a way in that asks for neither. Undefined for the owner
   * of the node, who is many programs: no share holds it.
   */
  readonly account: string | undefined;
  /** It may command the node, and has places beyond the others'. */
  readonly isAdministrator: boolean;
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
