/**
 * Inbound connections of a libp2p node by the slots that they take (`inbound-slots.ts`): from the socket's acceptance to its
 * end. Whoever loses its slot to another one is aborted here. QUIC's connections come here with their handshake done: what is
 * before it happens inside the library, out of our sight.
 */

import type { MultiaddrConnection } from "@libp2p/interface";
import type { Clock, TimerHandle } from "../../kernel/ports/clock.ts";
import { hostFailure } from "../failures.ts";
import { InboundSlots, type SlotBounds, type SlotFacts, SWEEP_MS } from "../inbound-slots.ts";
import { originOf } from "../origin.ts";

export interface InboundParts extends Omit<SlotFacts<MultiaddrConnection>, "hasSpoken"> {
  readonly clock: Clock;
  readonly bounds: SlotBounds;
  /** Bytes that came on it so far. */
  readonly bytesOf: (connection: MultiaddrConnection) => number;
}

export class Inbound {
  readonly #parts: InboundParts;
  readonly #slots: InboundSlots<MultiaddrConnection>;
  #sweep: TimerHandle | undefined;

  constructor(parts: InboundParts) {
    this.#parts = parts;
    const { isReserved, hasGreeted, outbound, bytesOf } = parts;
    const hasSpoken = (connection: MultiaddrConnection): boolean => bytesOf(connection) > 0;
    this.#slots = new InboundSlots(parts.bounds, { hasSpoken, isReserved, hasGreeted, outbound });
  }

  /** A connection was accepted, and nothing is known of it but its address. */
  arrived(connection: MultiaddrConnection): void {
    // It was closed by the remote as it came.
    if (connection.status !== "open") return;
    const { clock } = this.#parts;
    connection.addEventListener("close", () => this.#slots.leave(connection), { once: true });
    const origin = originOf(connection.remoteAddr.toString());
    const { displaced } = this.#slots.arrive(connection, origin, clock.monotonicMs());
    displaced?.abort(hostFailure("GATE_REFUSED", "its slot went to a newcomer before its peer was proven"));
    this.#sweep ??= clock.setTimer(SWEEP_MS, () => this.#lookAtSilent());
  }

  /** Its peer is proven. False when it is refused. */
  proven(connection: MultiaddrConnection, peerId: string): boolean {
    const admission = this.#slots.prove(connection, peerId, this.#parts.clock.monotonicMs());
    if (!admission.isAdmitted) return false;
    admission.displaced?.abort(hostFailure("GATE_REFUSED", "its slot went to a newcomer from elsewhere"));
    return true;
  }

  close(): void {
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }

  #lookAtSilent(): void {
    for (const connection of this.#slots.sweep()) {
      connection.abort(hostFailure("GATE_REFUSED", "it said nothing"));
    }
    const { clock } = this.#parts;
    this.#sweep =
      this.#slots.pending === 0 ? undefined : clock.setTimer(SWEEP_MS, () => this.#lookAtSilent());
  }
}
