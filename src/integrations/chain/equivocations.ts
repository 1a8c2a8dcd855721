/**
 * Equivocations: remembers who certified the last slots, and finds members that approved two blocks of one. Fed with
 * blocks whose approval was verified, canonical or beside; owned by AttachedChain.
 */

import { type Equivocation, findEquivocation } from "../../chain/equivocation.ts";
import type { ApprovalCheck } from "../../chain/validator.ts";

/** Slots remembered; a second block of an older one is no news. */
const SLOTS_MAX = 64;
/** Blocks remembered of one slot: two are proof, more only name more of the guilty. */
const BLOCKS_MAX = 4;

export interface FoundEquivocation extends Equivocation {
  readonly first: ApprovalCheck;
  readonly second: ApprovalCheck;
}

export class Equivocations {
  readonly #slots = new Map<number, ApprovalCheck[]>();

  /** `check` is the caller's no more. Undefined where nobody signed twice. */
  saw(slot: number, check: ApprovalCheck): FoundEquivocation | undefined {
    const known = this.#slots.get(slot) ?? [];
    this.#slots.set(slot, known);
    for (const oldest of this.#slots.keys()) {
      if (this.#slots.size <= SLOTS_MAX) break;
      this.#slots.delete(oldest);
    }
    if (known.some(({ header }) => Buffer.from(header).equals(check.header))) return undefined;
    if (known.length < BLOCKS_MAX) known.push(check);
    for (const first of known) {
      const found = findEquivocation(first, check);
      if (found !== undefined) return { ...found, first, second: check };
    }
    return undefined;
  }
}
