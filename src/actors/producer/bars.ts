/**
 * Bars: tells a member's operator, once each as it begins and as it ends, what keeps it from signing, and gives up votes on
 * an administrator's word. What holds is the SigningWatch's to say. Owned by the ProducerActor.
 */

import type { ReleaseVotesRequest } from "../../../gen/alys/producer/v1/producer_pb.ts";
import { slotAt } from "../../chain/rules.ts";
import { Failure } from "../../kernel/errors.ts";
import type { Ballot } from "./ballot.ts";
import { clockFaultText } from "./clock-guard.ts";
import { clockNotBelieved } from "./errors.ts";
import type { ProducerContext, ProducerParts } from "./parts.ts";
import { voteBarText } from "./signing-watch.ts";

export class Bars {
  readonly #context: ProducerContext;
  readonly #watch: NonNullable<ProducerParts["watch"]>;
  readonly #ballot: Ballot;
  readonly #slotDurationMs: number;
  #isClockTold = false;
  #barredTo = 0;

  constructor(
    context: ProducerContext,
    watch: NonNullable<ProducerParts["watch"]>,
    ballot: Ballot,
    slotDurationMs: number,
  ) {
    this.#context = context;
    this.#watch = watch;
    this.#ballot = ballot;
    this.#slotDurationMs = slotDurationMs;
  }

  /** For GetProducerStatus. */
  get status() {
    const fault = this.#watch.clockFault();
    const bar = this.#watch.voteBar();
    return {
      clockFault: fault === undefined ? "" : clockFaultText(fault),
      clockAheadMs: BigInt(fault === undefined || fault.kind === "unconfirmed" ? 0 : fault.byMs),
      barredToSlot: BigInt(bar?.slot ?? 0),
      barredUntilMs: BigInt(bar?.untilMs ?? 0),
    };
  }

  /** Once a slot. */
  look(): void {
    this.#lookAtClock();
    const { log } = this.#context;
    const bar = this.#watch.voteBar();
    if (bar !== undefined && bar.slot !== this.#barredTo)
      log.error("the vote record bars this member", { slot: bar.slot, reason: voteBarText(bar) });
    if (bar === undefined && this.#barredTo !== 0)
      log.warn("the vote record bars this member no more", { slot: this.#barredTo });
    this.#barredTo = bar?.slot ?? 0;
  }

  /** A start waits for others as a matter of course; whatever else it is, an operator looks at it. */
  #lookAtClock(): void {
    const { log } = this.#context;
    const fault = this.#watch.clockFault();
    if (fault === undefined) {
      if (this.#isClockTold) log.warn("the clock is believed again");
      this.#isClockTold = false;
      return;
    }
    if (fault.kind === "unconfirmed" || this.#isClockTold) return;
    this.#isClockTold = true;
    log.error("nothing is signed by this clock", { reason: clockFaultText(fault) });
  }

  release({ reason }: ReleaseVotesRequest) {
    const fault = this.#watch.clockFault();
    if (fault !== undefined) return clockNotBelieved(clockFaultText(fault));
    const nowSlot = slotAt(Math.floor(this.#context.clock.nowMs()), this.#slotDurationMs);
    const released = this.#ballot.release(nowSlot);
    if (released instanceof Failure) return released;
    const { before, after } = released;
    const spent = after.history?.spent.filter(({ first }) => first > nowSlot) ?? [];
    const givenUp = { first: spent[0]?.first ?? 0, last: spent.at(-1)?.last ?? 0 };
    // One line that an auditor finds: what was, what is, and why.
    const fields = { audit: true, before: before.slot, votedTo: after.slot, ...givenUp, reason };
    this.#context.log.warn("an administrator gave up votes that lie ahead", fields);
    this.look();
    return {
      votedToSlot: BigInt(after.slot),
      givenUpFirstSlot: BigInt(givenUp.first),
      givenUpLastSlot: BigInt(givenUp.last),
    };
  }
}
