/**
 * VoteWitness: remembers and tells every proposal and approval that this member signed or saw verified: to the log, to
 * the WatchVotes topic, and to an operator when a member signed two blocks of one slot.
 */

import { toHex } from "../../chain/hex.ts";
import type { Log } from "../../kernel/ports/log.ts";

/** A verified signature of a member for a block. */
export interface SeenVote {
  readonly slot: number;
  readonly height: number;
  /** Block hash, 32 bytes. */
  readonly hash: Uint8Array;
  readonly authorityIndex: number;
  readonly isProposal: boolean;
}

/** What a member signed last, as far as we saw. */
interface LastSeen {
  readonly slot: number;
  readonly hash: string;
}

export class VoteWitness {
  readonly #log: Log;
  readonly #publish: (vote: SeenVote) => void;
  /** By index in the set, so at most 15. */
  readonly #last = new Map<number, LastSeen>();

  constructor(log: Log, publish: (vote: SeenVote) => void) {
    this.#log = log;
    this.#publish = publish;
  }

  /** The line's fields are read by tests that look for a member that signed twice, so they stay as they are. */
  saw(vote: SeenVote): void {
    const { slot, height, authorityIndex } = vote;
    const hash = toHex(vote.hash);
    const kind = vote.isProposal ? "proposal" : "approval";
    this.#log.info("vote", { kind, slot, height, hash, authorityIndex });
    this.#publish(vote);
    const last = this.#last.get(authorityIndex);
    if (last?.slot === slot && last.hash !== hash) {
      const blocks = [last.hash, hash];
      this.#log.warn("a member signed two blocks of one slot", {
        authorityIndex,
        slot,
        blocks,
      });
    }
    // The newest seen, not the highest: a vote by a clock far ahead must not hide what comes after it.
    this.#last.set(authorityIndex, { slot, hash });
  }
}
