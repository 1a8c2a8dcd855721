/**
 * How often places are dialled that others claim: a few times a minute each, and each machine of the public internet, whatever
 * peers are said to be there. Without it a few lies make a node knock at somebody's ports. Owned by the Dialler. Pure.
 */

import { publicAddressOf } from "../../../p2p/address.ts";
import { isClaim, type KnownAddress } from "./address-list.ts";

/** Dials a minute at one host and port. Of a peer that is starting the first dials fail, two and four seconds apart. */
export const DIALS_PER_TARGET_MAX = 6;

/** Dials a minute at all ports of one machine of the public internet (IPv6: its /64). Several nodes may stand behind it. */
export const DIALS_PER_MACHINE_MAX = 16;

const WINDOW_MS = 60_000;

/** Dials at claimed places a minute, all together; past it such a place waits, and those of the operator do not. */
const CLAIMED_DIALS_MAX = 4_096;

export class DialBudget {
  /** The dials of the last minute, oldest first. */
  #recent: { readonly atMs: number; readonly keys: readonly string[] }[] = [];
  readonly #counts = new Map<string, number>();

  /** Those of the addresses that may be dialled now; each is counted as a dial. */
  take(addresses: readonly KnownAddress[], nowMs: number): readonly KnownAddress[] {
    this.#forget(nowMs);
    return addresses.filter((known) => !isClaim(known) || this.#takeOne(known, nowMs));
  }

  #takeOne(known: KnownAddress, nowMs: number): boolean {
    const machine = publicAddressOf(known.address)?.machine;
    const keys = machine === undefined ? [known.target] : [known.target, machine];
    const limits = [DIALS_PER_TARGET_MAX, DIALS_PER_MACHINE_MAX];
    const isSpent = keys.some((key, at) => (this.#counts.get(key) ?? 0) >= (limits[at] ?? 0));
    if (isSpent || this.#recent.length >= CLAIMED_DIALS_MAX) return false;
    for (const key of keys) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    this.#recent.push({ atMs: nowMs, keys });
    return true;
  }

  #forget(nowMs: number): void {
    const firstRecent = this.#recent.findIndex(({ atMs }) => nowMs - atMs < WINDOW_MS);
    const past = this.#recent.splice(0, firstRecent < 0 ? this.#recent.length : firstRecent);
    for (const key of past.flatMap(({ keys }) => keys)) {
      const left = (this.#counts.get(key) ?? 0) - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    }
  }
}
