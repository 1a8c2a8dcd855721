/**
 * Several connections to one peer: both dialled at once, or the peer came back at another address while the old connection
 * leads nowhere. Each is asked for a sign of life; one that gives none is cut, and of the others one is kept
 * (`kept-connection.ts`). A surplus one is closed by who dialled it, after what runs on it has ended.
 */

import type { Connection } from "@libp2p/interface";
import { asError } from "../../kernel/errors.ts";
import type { Clock, TimerHandle } from "../../kernel/ports/clock.ts";
import type { Log } from "../../kernel/ports/log.ts";
import { deadlineAfter } from "../deadline.ts";
import { hostFailure } from "../failures.ts";
import type { Connections, Known } from "./connections.ts";
import type { StreamDrain } from "./stream-drain.ts";

const PING_PROTOCOL = "/ipfs/ping/1.0.0";

/** As the connection monitor's: our own event loop may stand still for a moment. */
const SIGN_OF_LIFE_MS_MAX = 10_000;

/** How often a peer with several connections is looked at. */
const REVIEW_MS = 500;

/** From the opening of the last connection on: by then both sides know of both, and have moved what they keep on them. */
const SURPLUS_OWN_MS = 1000;

/** A surplus connection that the other side dialled is the other side's to close; one that does not is helped. */
const SURPLUS_FOREIGN_MS = 10_000;

/** Requests that run on a surplus connection may end; the longest answer takes so long. */
const DRAIN_MS_MAX = 30_000;

export interface DoublesParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly connections: Connections;
  readonly streamDrain: StreamDrain;
  /** Another connection may be the one to use from now on. */
  readonly onChanged: (peerId: string) => void;
}

interface Doubled {
  sinceMs: number;
  timer: TimerHandle | undefined;
  readonly asked: Set<Known>;
}

export class Doubles {
  readonly #parts: DoublesParts;
  /** One entry a peer that has several connections; their number is the gate's to bound. */
  readonly #doubled = new Map<string, Doubled>();

  constructor(parts: DoublesParts) {
    this.#parts = parts;
  }

  opened(peerId: string): void {
    const open = this.#parts.connections.openOf(peerId);
    if (open.length < 2) return;
    const doubled = this.#doubled.get(peerId) ?? { sinceMs: 0, timer: undefined, asked: new Set<Known>() };
    this.#doubled.set(peerId, doubled);
    doubled.sinceMs = this.#parts.clock.monotonicMs();
    for (const known of open) {
      known.hasAnswered = false;
      void this.#ask(doubled, known);
    }
    doubled.timer ??= this.#later(peerId);
  }

  closed(peerId: string): void {
    const doubled = this.#doubled.get(peerId);
    if (doubled !== undefined && this.#parts.connections.openOf(peerId).length < 2) {
      doubled.timer?.cancel();
      this.#doubled.delete(peerId);
    }
    this.#parts.onChanged(peerId);
  }

  close(): void {
    for (const { timer } of this.#doubled.values()) timer?.cancel();
    this.#doubled.clear();
  }

  #later(peerId: string): TimerHandle {
    return this.#parts.clock.setTimer(REVIEW_MS, () => void this.#review(peerId));
  }

  /** A connection is asked once at a time. */
  async #ask(doubled: Doubled, known: Known): Promise<boolean> {
    if (doubled.asked.has(known)) return false;
    doubled.asked.add(known);
    const isAlive = await this.#givesSign(known.connection);
    doubled.asked.delete(known);
    if (known.connection.status !== "open") return false;
    if (isAlive) {
      known.hasAnswered = true;
      this.#parts.onChanged(known.peerId);
    } else if (this.#parts.connections.openOf(known.peerId).length > 1) {
      this.#parts.log.info("a connection leads nowhere and is cut", {
        peer: known.peerId,
        id: known.connection.id,
      });
      known.connection.abort(
        hostFailure("CONNECTION_LOST", "no sign of life while another connection has one"),
      );
    }
    return isAlive;
  }

  /** A negotiated stream, or the answer that ping is not spoken, is a round trip. */
  async #givesSign(connection: Connection): Promise<boolean> {
    const { clock, streamDrain } = this.#parts;
    const deadline = deadlineAfter(clock, SIGN_OF_LIFE_MS_MAX, "FIRST_BYTE_DEADLINE");
    try {
      streamDrain.finish(await connection.newStream(PING_PROTOCOL, { signal: deadline.signal }));
      return true;
    } catch (thrown) {
      return asError(thrown).name === "UnsupportedProtocolError";
    } finally {
      deadline.dispose();
    }
  }

  async #review(peerId: string): Promise<void> {
    const doubled = this.#doubled.get(peerId);
    if (doubled === undefined) return;
    doubled.timer = undefined;
    const kept = this.#kept(peerId);
    const surplus = kept === undefined ? [] : this.#surplus(peerId, doubled, kept);
    // The kept one must have answered just now, or the only one that lives might be closed.
    if (kept !== undefined && surplus.length > 0 && (await this.#ask(doubled, kept))) {
      for (const known of surplus) if (this.#kept(peerId) === kept) this.#close(known);
    }
    if (this.#doubled.get(peerId) === doubled) doubled.timer ??= this.#later(peerId);
  }

  #kept(peerId: string): Known | undefined {
    const used = this.#parts.connections.ofPeer(peerId);
    return this.#parts.connections
      .openOf(peerId)
      .find((known) => known.connection === used && known.hasAnswered);
  }

  /** What may be closed now. One that has not answered is cut by the deadline of its question. */
  #surplus(peerId: string, doubled: Doubled, kept: Known): Known[] {
    const ageMs = this.#parts.clock.monotonicMs() - doubled.sinceMs;
    return this.#parts.connections.openOf(peerId).filter((known) => {
      if (known === kept || !known.hasAnswered) return false;
      if (ageMs < (known.isDialledByUs ? SURPLUS_OWN_MS : SURPLUS_FOREIGN_MS)) return false;
      return ageMs >= DRAIN_MS_MAX || !isBusy(known.connection);
    });
  }

  #close({ connection, peerId }: Known): void {
    this.#parts.log.debug("a surplus connection is closed", { peer: peerId, id: connection.id });
    connection.close().catch((thrown) => connection.abort(asError(thrown)));
  }
}

/** A request of either side runs on it. */
function isBusy(connection: Connection): boolean {
  return connection.streams.some((stream) => stream.protocol.startsWith("/alys/"));
}
