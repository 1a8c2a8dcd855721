/**
 * Which addresses a libp2p node tells others. The library takes public addresses for unverified and tells nobody; here those that
 * an interface of ours has are told at once, and those that peers confirm (`reachability.ts`) when they do. Configured ones
 * stand in place of all others.
 */

import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { assert } from "../../kernel/errors.ts";
import type { HostOptions } from "../port.ts";
import { Reachability, type ReachabilityReport } from "../reachability.ts";
import type { Node } from "./node.ts";

/** The parts of libp2p that decide about addresses; they are not in its published interface. */
interface AddressParts {
  readonly addressManager: {
    confirmObservedAddr(address: Multiaddr, options: { type: "transport" | "observed"; ttl: number }): void;
  };
  readonly transportManager: { getAddrs(): Multiaddr[] };
}

/** The library looks at it only for what it verifies by itself. */
const CONFIRMED_MS = 3_600_000;

export class Announcing {
  readonly #parts: AddressParts;
  readonly #reachability: Reachability;
  readonly #confirmed = new Set<string>();

  constructor(node: Node, options: HostOptions) {
    const { components } = node as unknown as { readonly components?: AddressParts };
    assert(
      typeof components?.addressManager?.confirmObservedAddr === "function",
      "libp2p confirms addresses",
    );
    this.#parts = components;
    this.#reachability = new Reachability(options.privateNetwork);
    node.addEventListener("transport:listening", () => this.#announce());
    node.addEventListener("connection:open", ({ detail: { direction, remoteAddr } }) => {
      if (direction === "inbound") this.#reachability.dialledFrom(remoteAddr.toString());
    });
    node.addEventListener("peer:identify", ({ detail: { connection, observedAddr } }) => {
      if (observedAddr !== undefined) {
        this.#reachability.observed({
          remote: connection.remoteAddr.toString(),
          observed: observedAddr.toString(),
          isInbound: connection.direction === "inbound",
        });
      }
      this.#announce();
    });
  }

  report(): ReachabilityReport {
    return this.#reachability.report(this.#listening());
  }

  #listening(): string[] {
    return this.#parts.transportManager.getAddrs().map((address) => address.toString());
  }

  /** Interfaces come and go while a node listens on all of them. */
  #announce(): void {
    const { addressManager } = this.#parts;
    const own = this.#listening();
    for (const address of own) {
      addressManager.confirmObservedAddr(multiaddr(address), { type: "transport", ttl: CONFIRMED_MS });
    }
    for (const address of this.#reachability.report(own).confirmed) {
      if (this.#confirmed.has(address) || own.includes(address)) continue;
      this.#confirmed.add(address);
      addressManager.confirmObservedAddr(multiaddr(address), { type: "observed", ttl: CONFIRMED_MS });
    }
  }
}
