/**
 * Keeps our own delegation alive: asks its source to renew it in time, has every connected peer told without a new
 * connection, and warns when it does not succeed or little time is left. Owned by the PeerActor, in whose turns it runs.
 */

import type { PeerInternalService, PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { ActorContext } from "../../kernel/actor/actor.ts";
import { EndWarnings } from "../../telemetry/end-warnings.ts";
import type { DelegationSource } from "./own-delegation.ts";

export interface DelegationKeeperParts {
  readonly context: ActorContext<typeof PeerService, typeof PeerInternalService>;
  readonly source: DelegationSource;
  /** Exchanges statuses with every connected peer. */
  readonly tellAll: () => void;
}

/** A peer that was asked just before the renewal is told after the gap between two statuses. */
const TELL_AGAIN_MS = 4_000;

/** The same failure is logged again after this. */
const REPEAT_MS = 3_600_000;

export class DelegationKeeper {
  readonly #parts: DelegationKeeperParts;
  #isRenewing = false;
  #loggedFailure = "";
  #failedAtMs = Number.NEGATIVE_INFINITY;
  readonly #warnings: EndWarnings;

  constructor(parts: DelegationKeeperParts) {
    this.#parts = parts;
    this.#warnings = new EndWarnings(parts.source.warnBelowMs);
  }

  start(): void {
    const { context, source } = this.#parts;
    context.timers.every(source.lookMs, () => this.#look());
    this.#look();
  }

  #look(): void {
    const { context, source } = this.#parts;
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    context.effect(source.renew(), (outcome) => {
      this.#isRenewing = false;
      source.lastFailure = outcome.ok ? "" : outcome.failure.message;
      if (!outcome.ok) this.#onFailure(source.lastFailure);
      else if (outcome.value) this.#onRenewed();
      this.#watchEnd();
    });
  }

  #onRenewed(): void {
    const { context, source, tellAll } = this.#parts;
    const expires = new Date(source.delegation.expiryMs).toISOString();
    context.log.info("delegation renewed", { expires, renewals: source.renewals });
    this.#loggedFailure = "";
    this.#warnings.renewed();
    tellAll();
    context.timers.after(TELL_AGAIN_MS, tellAll);
  }

  #onFailure(reason: string): void {
    const { log, clock } = this.#parts.context;
    const nowMs = clock.monotonicMs();
    if (reason === this.#loggedFailure && nowMs - this.#failedAtMs < REPEAT_MS) return;
    this.#loggedFailure = reason;
    this.#failedAtMs = nowMs;
    log.warn("the delegation is not renewed", { reason });
  }

  #watchEnd(): void {
    const { context, source } = this.#parts;
    const { log, clock } = context;
    const { expiryMs } = source.delegation;
    const expires = new Date(expiryMs).toISOString();
    const remainingMs = Math.floor(expiryMs - clock.nowMs());
    const warning = this.#warnings.look(remainingMs, clock.monotonicMs());
    if (warning === "soon") log.warn("the delegation ends soon and is not renewed", { expires, remainingMs });
    if (warning === "ended")
      log.error("the delegation has ended: peers take this node for a stranger", { expires });
  }
}
