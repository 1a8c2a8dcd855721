/** Counters of bytes by label: a protocol's short name, or a transport. */

import type { Traffic, TrafficByProtocol } from "./port.ts";
import { PROTOCOLS } from "./protocols.ts";

interface Count {
  bytesIn: number;
  bytesOut: number;
}

export class TrafficMeter {
  readonly #counts = new Map<string, Count>();

  add(label: string, bytesIn: number, bytesOut: number): void {
    const count = this.#counts.get(label);
    if (count === undefined) this.#counts.set(label, { bytesIn, bytesOut });
    else {
      count.bytesIn += bytesIn;
      count.bytesOut += bytesOut;
    }
  }

  /** A copy. */
  byLabel(): TrafficByProtocol {
    return Object.fromEntries([...this.#counts].map(([label, count]) => [label, { ...count }]));
  }

  total(): Traffic {
    const total = { bytesIn: 0, bytesOut: 0 };
    for (const count of this.#counts.values()) {
      total.bytesIn += count.bytesIn;
      total.bytesOut += count.bytesOut;
    }
    return total;
  }
}

/** The label of a full protocol name. There are few labels whatever a remote names, so counters stay bounded. */
export function trafficLabel(fullName: string): string {
  if (fullName.startsWith("/alys/")) {
    const name = fullName.split("/")[3];
    if (name === "kad") return "dht";
    return PROTOCOLS.find((protocol) => protocol === name) ?? "other";
  }
  if (fullName.startsWith("/meshsub/")) return "gossip";
  if (fullName.startsWith("/ipfs/id/")) return "identify";
  if (fullName.startsWith("/ipfs/ping/")) return "ping";
  return "other";
}
