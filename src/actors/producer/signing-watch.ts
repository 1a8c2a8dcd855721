/**
 * SigningWatch: what keeps this member from signing that no other condition names: a clock that cannot be believed, and
 * its own vote record when that lies ahead of the clock. The producer asks it before it signs, sync names the bars among the
 * unmet conditions, the PeerActor tells it what members say of their clocks. Made by the composition root, once a process.
 */

import { ProductionCondition } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { toHex } from "../../chain/hex.ts";
import { MalformedError } from "../../chain/malformed.ts";
import { slotAt } from "../../chain/rules.ts";
import { decodeVoteRecord, isOwnersRecord, type VoteOwner, type VoteRecord } from "../../chain/vote.ts";
import { isSpent, NO_RUNS } from "../../chain/vote-runs.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { VoteStore } from "../../storage/port.ts";
import { type ClockFault, ClockGuard, clockFaultText } from "./clock-guard.ts";

export interface SigningWatchParts {
  readonly chain: ChainPort;
  readonly clock: Clock;
  readonly votes: Pick<VoteStore, "last">;
  /** 48 bytes. */
  readonly ownKey: Uint8Array;
  /** How often members tell of their clocks, milliseconds. */
  readonly statusIntervalMs: number;
}

/** A condition of producing blocks that is not met, as sync names it. */
export interface SigningBar {
  readonly condition: ProductionCondition;
  readonly detail: string;
}

/** The vote record lies ahead of the clock. */
export interface VoteBar {
  /** Last slot that is barred. */
  readonly slot: number;
  /** First moment at which the member may sign again, Unix milliseconds. */
  readonly untilMs: number;
}

/** Three statuses may be lost before what a member said of its clock counts no more. */
const STATUSES_MISSED_MAX = 3;
const SAID_MS_MIN = 60_000;

export class SigningWatch {
  readonly #parts: SigningWatchParts;
  readonly #guard: ClockGuard;
  readonly #own: string;

  constructor(parts: SigningWatchParts) {
    const { chain, ownKey, statusIntervalMs } = parts;
    const { slotDurationMs, driftMs } = chain.facts;
    const saidMsMax = Math.max(SAID_MS_MIN, STATUSES_MISSED_MAX * statusIntervalMs);
    this.#parts = parts;
    this.#guard = new ClockGuard({ slotDurationMs, driftMs, saidMsMax });
    this.#own = toHex(ownKey);
    chain.subscribe((event) => {
      if (event.type !== "imported" && event.type !== "reorganized") return;
      this.blockSeen(event.head.timestampMs);
    });
    this.blockSeen(chain.snapshot().head.timestampMs);
  }

  /** A block whose approval was verified. */
  blockSeen(timestampMs: number): void {
    if (timestampMs > 0) this.#guard.blockSeen(timestampMs, this.#parts.clock.monotonicMs());
  }

  /** A member showed its clock: `saysMs` Unix milliseconds at `atMs` of our monotonic clock. */
  memberSaid(key: Uint8Array, saysMs: number, atMs: number): void {
    this.#guard.memberSaid(toHex(key), saysMs, atMs);
  }

  /** Why our clock is not believed; undefined while it is. */
  clockFault(): ClockFault | undefined {
    const { chain, clock } = this.#parts;
    const { keys } = chain.authoritiesAt(chain.snapshot().head.height + 1);
    const reading = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
    return this.#guard.judge(reading, { members: keys.map(toHex), own: this.#own });
  }

  /** Undefined while the record does not bar this slot and the next. */
  voteBar(): VoteBar | undefined {
    const { chain, clock, votes, ownKey } = this.#parts;
    const { slotDurationMs } = chain.facts;
    const nowSlot = slotAt(Math.floor(clock.nowMs()), slotDurationMs);
    const owner = { publicKey: ownKey, genesisHash: chain.facts.genesisHash };
    const slot = barredSlot(recordOf(votes, owner), nowSlot);
    return slot === undefined ? undefined : { slot, untilMs: (slot + 1) * slotDurationMs };
  }

  /** All of it, for CanProduceBlocks. */
  bars(): readonly SigningBar[] {
    const bars: SigningBar[] = [];
    const fault = this.clockFault();
    if (fault !== undefined)
      bars.push({ condition: ProductionCondition.CLOCK, detail: clockFaultText(fault) });
    const bar = this.voteBar();
    if (bar !== undefined)
      bars.push({ condition: ProductionCondition.VOTE_RECORD, detail: voteBarText(bar) });
    return bars;
  }
}

/** With slot and time, for operators. */
export function voteBarText({ slot, untilMs }: VoteBar): string {
  const until = new Date(untilMs).toISOString();
  return `this member's vote record bars slots up to ${slot}: it signs again from ${until}`;
}

/** A vote is cast up to the tolerated drift before its slot begins, so that the next slot may be voted in already. */
function barredSlot(record: VoteRecord | undefined, nowSlot: number): number | undefined {
  if (record === undefined) return undefined;
  if (record.slot > nowSlot + 1) return record.slot;
  const history = record.history ?? NO_RUNS;
  if (!isSpent(history, nowSlot)) return undefined;
  return history.spent.find(({ first, last }) => first <= nowSlot && nowSlot <= last)?.last;
}

/** A damaged record stops the producer when it starts, with its own reason. */
function recordOf(votes: Pick<VoteStore, "last">, owner: VoteOwner): VoteRecord | undefined {
  try {
    const bytes = votes.last();
    const record = bytes && decodeVoteRecord(bytes);
    // Another key's record bars nothing of ours.
    return record !== undefined && isOwnersRecord(record, owner) ? record : undefined;
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}
