/** One end of a connection in memory: what it is, what is under way on it, what it carried. */

import type { Candidate } from "../kept-connection.ts";
import type { ConnectionInfo, Direction } from "../port.ts";
import { TrafficMeter } from "../traffic.ts";
import type { MemoryExchange } from "./exchange.ts";
import type { Listener } from "./network.ts";

export interface MemoryLinkInit<Remote extends Listener> {
  readonly id: string;
  readonly remote: Remote;
  readonly direction: Direction;
  readonly remoteAddress: string;
  readonly openedMs: number;
  /** Counts the links of this host in the order in which they began. */
  readonly ordinal: number;
}

export class MemoryLink<Remote extends Listener> implements Candidate {
  readonly id: string;
  readonly ordinal: number;
  readonly isDialledByUs: boolean;
  readonly remote: Remote;
  readonly traffic = new TrafficMeter();
  /** Requests of ours that wait on this link. */
  readonly exchanges = new Set<MemoryExchange>();
  /** How to call off the requests that the other end waits for. */
  readonly cancels = new Set<() => void>();
  readonly #init: MemoryLinkInit<Remote>;

  constructor(init: MemoryLinkInit<Remote>) {
    this.id = init.id;
    this.remote = init.remote;
    this.ordinal = init.ordinal;
    this.isDialledByUs = init.direction === "outbound";
    this.#init = init;
  }

  end(reason: "CONNECTION_LOST" | "HOST_CLOSED"): void {
    for (const exchange of [...this.exchanges]) exchange.failFor(reason);
    for (const cancel of this.cancels) cancel();
    this.exchanges.clear();
    this.cancels.clear();
  }

  info(): ConnectionInfo {
    const { id, remote, direction, remoteAddress, openedMs } = this.#init;
    return {
      id,
      peerId: remote.peerId,
      direction,
      transport: "memory",
      encryption: "none",
      remoteAddress,
      openedMs,
      ...this.traffic.total(),
      traffic: this.traffic.byLabel(),
    };
  }
}
