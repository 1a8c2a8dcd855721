/** Our dials while the host is open: whether one may be, within which bounds, and their end when the host closes. Owned by the host. */

import type { Connection } from "@libp2p/interface";
import { type Deadline, deadlineAfter } from "../deadline.ts";
import { hostFailure, toHostFailure } from "../failures.ts";
import type { ConnectionGate, DialOptions } from "../port.ts";
import { type DialParts, dialFailure, reachAll } from "./dialling.ts";
import { OpenDials } from "./open-dials.ts";

export interface DialsParts extends Omit<DialParts, "allows"> {
  readonly gate: ConnectionGate;
  readonly onRefused: () => void;
  /** Connections that there may be for a dial to this peer, and those that there are. */
  readonly connectionsMax: (peerId: string | undefined) => number;
  readonly connections: () => number;
}

export class Dials {
  readonly #parts: DialsParts;
  readonly #open = new OpenDials();
  readonly #underWay = new Set<Deadline>();

  constructor(parts: DialsParts) {
    this.#parts = parts;
  }

  get pending(): number {
    return this.#open.pending;
  }

  async dial(
    peerId: string | undefined,
    addresses: readonly string[],
    options: DialOptions,
  ): Promise<Connection> {
    const { clock, connections, connectionsMax } = this.#parts;
    if (!this.#allows(peerId, undefined)) throw hostFailure("GATE_REFUSED", `the gate refuses ${peerId}`);
    const named =
      peerId ?? addresses.map((address) => address.split("/p2p/")[1]).find((id) => id !== undefined);
    const max = connectionsMax(named);
    if (connections() + this.#underWay.size >= max)
      throw hostFailure("HOST_BUSY", `all ${max} connections of network.max_connections are taken`);
    const { deadlineMs, onAttempt = () => {} } = options;
    const deadline = deadlineAfter(clock, deadlineMs, "DIAL_DEADLINE", options.signal);
    const { signal } = deadline;
    const order = { peerId, addresses, deadlineMs, signal, onAttempt };
    const parts = { ...this.#parts, allows: (address: string) => this.#allows(undefined, address) };
    this.#underWay.add(deadline);
    try {
      return await this.#open.run(() => reachAll(parts, order), signal);
    } catch (thrown) {
      if (signal.aborted) throw toHostFailure(signal.reason, "DIAL_DEADLINE");
      throw dialFailure(thrown);
    } finally {
      this.#underWay.delete(deadline);
      deadline.dispose();
    }
  }

  close(): void {
    const cause = hostFailure("HOST_CLOSED", "the host closed meanwhile");
    for (const dial of this.#underWay) dial.abort(cause);
  }

  #allows(peerId: string | undefined, address: string | undefined): boolean {
    if (this.#parts.gate.allows(peerId, address, "outbound")) return true;
    this.#parts.onRefused();
    return false;
  }
}
