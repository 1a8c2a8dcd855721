/**
 * The connections of all listeners: how many there may be, in all, of one address and of callers that nobody knows yet.
 * A connection is known once a call on it was let in by a token, a certificate or the listener itself; before that it
 * has little time, and gives way to a newer one. Owned by the control plane; fed by `acceptor.ts` and `doorway.ts`.
 */
import { isIPv6 } from "node:net";
import type { Clock, TimerHandle } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { Descriptors } from "./descriptors.ts";

export interface ConnectionLimits {
  /** Connections at a time; beyond it an unknown one gives way, or the new one is refused. */
  readonly all: number;
  /** Of one address, for IPv6 of one /64: beyond it an unknown one of the same address gives way, or the new one is refused. */
  readonly perAddress: number;
  /** Unknown ones; beyond it the oldest of the address that has most of them gives way. */
  readonly unknown: number;
  /** An unknown connection without a call that was let in is closed after so long. */
  readonly unknownMs: number;
  /** Descriptors that are left to the rest of the node: below it an unknown one gives way, or the new one is refused. */
  readonly reservedDescriptors: number;
}

/** Connections of all listeners, a descriptor and some 30 KiB each; at the bound an unknown one gives way, or the new one is refused. */
const CONNECTIONS_MAX = 512;
/** Connections of one address: a client needs one or two, and there may be many behind one address. */
const CONNECTIONS_OF_ADDRESS_MAX = 128;
/** Connections on which no call was let in yet but as anonymous; at the bound the oldest of the busiest address is closed. */
const UNKNOWN_CONNECTIONS_MAX = 64;
/** Time for the handshake and the first call: a client that connects ahead of its first call connects again. */
const UNKNOWN_MS_MAX = 15_000;
/** For the store, log, token and audit files, and peers that are dialled. */
const RESERVED_DESCRIPTORS = 64;

export const CONNECTION_LIMITS: ConnectionLimits = {
  all: CONNECTIONS_MAX,
  perAddress: CONNECTIONS_OF_ADDRESS_MAX,
  unknown: UNKNOWN_CONNECTIONS_MAX,
  unknownMs: UNKNOWN_MS_MAX,
  reservedDescriptors: RESERVED_DESCRIPTORS,
};

/** What is used of a socket. */
export interface ConnectedSocket {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localPort?: number | undefined;
  destroy(): unknown;
}

/** Where a call says that it comes from. */
export type ConnectionEnds = Omit<ConnectedSocket, "destroy">;

export interface Connection {
  readonly socket: ConnectedSocket;
  /** Those of one group share the limit of one address. */
  readonly group: string;
  isKnown: boolean;
  openCalls: number;
  activeMs: number;
  timer: TimerHandle | undefined;
}

export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #descriptors: Descriptors;
  /** By their ends, in the order in which they came. */
  readonly #all = new Map<string, Connection>();
  #unnamed = 0;
  #unknown = 0;
  #refused = 0;
  #saidMs = Number.NEGATIVE_INFINITY;

  constructor(limits: ConnectionLimits, clock: Clock, log: Log, descriptors: Descriptors) {
    this.#limits = limits;
    this.#clock = clock;
    this.#log = log;
    this.#descriptors = descriptors;
  }

  get size(): { readonly all: number; readonly unknown: number } {
    return { all: this.#all.size, unknown: this.#unknown };
  }

  /**
   * Takes a connection in; undefined when it must be closed at once. `isKnown` says that the way it came by vouches for
   * it. The function ends its being counted.
   */
  enter(socket: ConnectedSocket, isKnown: boolean): (() => void) | undefined {
    const group = groupOf(socket.remoteAddress);
    if (!this.#makeRoom(group, isKnown)) {
      this.#sayRefused();
      return undefined;
    }
    this.#descriptors.took();
    const key = keyOf(socket) ?? `unnamed ${++this.#unnamed}`;
    const connection: Connection = {
      socket,
      group,
      isKnown,
      openCalls: 0,
      activeMs: this.#clock.monotonicMs(),
      timer: undefined,
    };
    this.#all.set(key, connection);
    if (!isKnown) {
      this.#unknown += 1;
      this.#arm(connection, this.#limits.unknownMs);
    }
    return () => {
      // A port may be in use again before the old socket's end is told.
      if (this.#all.get(key) === connection) this.#all.delete(key);
      this.#forget(connection);
    };
  }

  /** A call began on the connection with these ends, known or not; the function says that it ended. */
  callBegan(ends: ConnectionEnds, isKnown: boolean): () => void {
    const key = keyOf(ends);
    const connection = key === undefined ? undefined : this.#all.get(key);
    if (connection === undefined) return () => {};
    if (isKnown) this.#know(connection);
    connection.openCalls += 1;
    return () => {
      connection.openCalls -= 1;
      connection.activeMs = this.#clock.monotonicMs();
    };
  }

  #know(connection: Connection): void {
    if (connection.isKnown) return;
    this.#forget(connection);
    connection.isKnown = true;
  }

  #forget(connection: Connection): void {
    connection.timer?.cancel();
    connection.timer = undefined;
    if (connection.isKnown) return;
    // Counted once: what is forgotten is as good as known.
    connection.isKnown = true;
    this.#unknown -= 1;
  }

  #arm(connection: Connection, delayMs: number): void {
    connection.timer = this.#clock.setTimer(delayMs, () => {
      const idleMs = connection.openCalls > 0 ? 0 : this.#clock.monotonicMs() - connection.activeMs;
      const leftMs = this.#limits.unknownMs - idleMs;
      if (leftMs <= 0) connection.socket.destroy();
      else this.#arm(connection, leftMs);
    });
  }

  /** Whether one more may come, after others gave way to it. */
  #makeRoom(group: string, isKnown: boolean): boolean {
    const { all, perAddress, unknown, reservedDescriptors } = this.#limits;
    if (!isKnown && this.#count(group) >= perAddress && !this.#evict(group)) return false;
    if (!isKnown && this.#unknown >= unknown) this.#evict(this.#busiestGroup());
    const isFull = this.#all.size >= all || this.#descriptors.left() <= reservedDescriptors;
    return !isFull || this.#evict(this.#busiestGroup());
  }

  #count(group: string): number {
    let count = 0;
    for (const one of this.#all.values()) if (one.group === group) count += 1;
    return count;
  }

  /** The group that has most unknown connections; whoever floods gives way to itself. */
  #busiestGroup(): string {
    const counts = new Map<string, number>();
    for (const { group, isKnown } of this.#all.values()) {
      if (!isKnown) counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    let busiest = "";
    for (const [group, count] of counts) if (count > (counts.get(busiest) ?? 0)) busiest = group;
    return busiest;
  }

  /** Closes the oldest unknown connection of the group; false when there is none. */
  #evict(group: string): boolean {
    for (const [key, connection] of this.#all) {
      if (connection.isKnown || connection.group !== group) continue;
      this.#all.delete(key);
      this.#forget(connection);
      connection.socket.destroy();
      return true;
    }
    return false;
  }

  #sayRefused(): void {
    this.#refused += 1;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#saidMs < SAID_MS) return;
    this.#log.warn("control connections are refused", { connections: this.#refused, open: this.#all.size });
    this.#saidMs = nowMs;
    this.#refused = 0;
  }
}

/** One line about refused connections in so long. */
const SAID_MS = 10_000;

/** Undefined for a unix socket: its ends have no names. */
function keyOf({ remoteAddress, remotePort, localPort }: ConnectionEnds): string | undefined {
  return remotePort === undefined ? undefined : `${remoteAddress} ${remotePort} ${localPort}`;
}

/** Whoever has an IPv6 address has a whole /64 of them. */
export function groupOf(address: string | undefined): string {
  if (address === undefined) return "unix";
  const plain = address.startsWith("::ffff:") ? address.slice(7) : address;
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("%")[0]?.split("::") ?? [];
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : new Array<string>(8 - front.length - back.length).fill("0");
  return `${[...front, ...zeros, ...back].slice(0, 4).join(":")}::/64`;
}
