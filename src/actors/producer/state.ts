/**
 * Round: how a member makes the block of its slot, as a pure machine: (state, input) → [state, effects]. One round at a
 * time; whatever belongs to an older slot is ignored. The actor carries out the effects and feeds back what came of
 * them. Signing, voting and judging happen outside; here is only the order of things.
 */

import { quorumOf } from "../../chain/approval.ts";
import { assertNever } from "../../kernel/errors.ts";
import type { UnsignedBlock } from "./block-builder.ts";

export type Round =
  | { readonly phase: "idle" }
  /** We asked whether we may produce. */
  | { readonly phase: "asking"; readonly slot: number }
  /** We may; the block of the slot before is not there yet and gets its grace. */
  | { readonly phase: "waiting"; readonly slot: number }
  | Gathering
  /** The block is certified and on its way into our own chain. */
  | { readonly phase: "importing"; readonly slot: number };

/** Our proposal is out; approvals come in. */
export interface Gathering {
  readonly phase: "gathering";
  readonly slot: number;
  readonly block: UnsignedBlock;
  /** Members in the set in force. */
  readonly members: number;
  /** Verified signatures by index in the set, our own among them. */
  readonly signatures: ReadonlyMap<number, Uint8Array>;
}

export type RoundInput =
  /** A slot began whose author we are. */
  | { readonly kind: "ourSlotBegan"; readonly slot: number }
  /** `refusal` undefined: we may. `isHeadRecent`: our head is of the slot before. */
  | {
      readonly kind: "answered";
      readonly slot: number;
      readonly refusal: string | undefined;
      readonly isHeadRecent: boolean;
    }
  | { readonly kind: "graceEnded"; readonly slot: number }
  | {
      readonly kind: "proposed";
      readonly block: UnsignedBlock;
      readonly members: number;
      readonly index: number;
      readonly signature: Uint8Array;
    }
  | { readonly kind: "notProposed"; readonly slot: number; readonly reason: string }
  /** A member's approval that was verified. */
  | {
      readonly kind: "approved";
      readonly slot: number;
      readonly index: number;
      readonly signature: Uint8Array;
    }
  | { readonly kind: "timedOut"; readonly slot: number }
  /** `failure` undefined: it is durable. */
  | { readonly kind: "imported"; readonly slot: number; readonly failure: string | undefined };

export type RoundEffect =
  | { readonly kind: "ask"; readonly slot: number }
  | { readonly kind: "startGrace"; readonly slot: number }
  | { readonly kind: "propose"; readonly slot: number }
  /** Sends the proposal to the other members and starts the clock of the round. */
  | { readonly kind: "gather"; readonly round: Gathering }
  | { readonly kind: "certify"; readonly round: Gathering }
  | { readonly kind: "publish"; readonly slot: number }
  /** The slot stays empty, as far as we are concerned. */
  | { readonly kind: "giveUp"; readonly slot: number; readonly reason: string };

type Step = readonly [Round, readonly RoundEffect[]];

export const IDLE: Round = { phase: "idle" };

/** One step. Total: an input that the state does not wait for changes nothing. */
export function step(state: Round, input: RoundInput): Step {
  switch (input.kind) {
    case "ourSlotBegan":
      return begin(state, input.slot);
    case "answered":
      if (state.phase !== "asking" || state.slot !== input.slot) return [state, []];
      if (input.refusal !== undefined) return giveUp(input.slot, input.refusal);
      if (input.isHeadRecent) return [state, [{ kind: "propose", slot: input.slot }]];
      return [{ phase: "waiting", slot: input.slot }, [{ kind: "startGrace", slot: input.slot }]];
    case "graceEnded":
      if (state.phase !== "waiting" || state.slot !== input.slot) return [state, []];
      return [state, [{ kind: "propose", slot: input.slot }]];
    case "proposed":
      return proposed(state, input);
    case "notProposed":
      return isProposing(state, input.slot) ? giveUp(input.slot, input.reason) : [state, []];
    case "approved":
      return approved(state, input);
    case "timedOut":
      if (state.phase !== "gathering" || state.slot !== input.slot) return [state, []];
      return giveUp(input.slot, shortOfQuorum(state));
    case "imported":
      if (state.phase !== "importing" || state.slot !== input.slot) return [state, []];
      if (input.failure !== undefined) return giveUp(input.slot, `not imported: ${input.failure}`);
      return [IDLE, [{ kind: "publish", slot: input.slot }]];
    default:
      return assertNever(input);
  }
}

/** idle, or whatever an older slot left behind → asking. A clock that went back begins nothing. */
function begin(state: Round, slot: number): Step {
  if (state.phase !== "idle" && state.slot >= slot) return [state, []];
  const effects: RoundEffect[] = [{ kind: "ask", slot }];
  if (state.phase !== "idle") {
    const reason =
      state.phase === "gathering" ? shortOfQuorum(state) : `still ${state.phase} at the next slot`;
    effects.unshift({ kind: "giveUp", slot: state.slot, reason });
  }
  return [{ phase: "asking", slot }, effects];
}

/** asking, waiting → gathering; straight on to importing where our own vote is a quorum. */
function proposed(state: Round, input: Extract<RoundInput, { kind: "proposed" }>): Step {
  const { block, members, index, signature } = input;
  if (!isProposing(state, block.slot)) return [state, []];
  const signatures = new Map([[index, signature]]);
  const round: Gathering = { phase: "gathering", slot: block.slot, block, members, signatures };
  return hasQuorum(round) ? certify(round) : [round, [{ kind: "gather", round }]];
}

/** gathering → gathering, or importing at the quorum. */
function approved(state: Round, input: Extract<RoundInput, { kind: "approved" }>): Step {
  if (state.phase !== "gathering" || state.slot !== input.slot) return [state, []];
  if (state.signatures.has(input.index)) return [state, []];
  const signatures = new Map([...state.signatures, [input.index, input.signature]]);
  const round: Gathering = { ...state, signatures };
  return hasQuorum(round) ? certify(round) : [round, []];
}

function certify(round: Gathering): Step {
  return [{ phase: "importing", slot: round.slot }, [{ kind: "certify", round }]];
}

function giveUp(slot: number, reason: string): Step {
  return [IDLE, [{ kind: "giveUp", slot, reason }]];
}

function isProposing(state: Round, slot: number): boolean {
  return (state.phase === "asking" || state.phase === "waiting") && state.slot === slot;
}

function hasQuorum({ signatures, members }: Gathering): boolean {
  return signatures.size >= quorumOf(members);
}

function shortOfQuorum({ signatures, members }: Gathering): string {
  return `${signatures.size} of ${quorumOf(members)} approvals came in time`;
}
