/**
 * Diversity of the peers that we choose: at most a few outbound connections into one subnet, so that whoever owns one
 * cannot surround us from it. Members, bootstrap peers and what an operator dials are exempt. Pure.
 */

import { publicAddressOf } from "../../p2p/address.ts";
import type { KnownPeer } from "./peer-book.ts";

export class OutboundSubnets {
  readonly #perSubnetMax: number;
  readonly #taken = new Map<string, number>();
  readonly #claims = new Map<string, readonly string[]>();

  /** Counts what was dialled, and what is being dialled, the latter by all addresses that may be tried. */
  constructor(peers: Iterable<KnownPeer>, perSubnetMax: number) {
    this.#perSubnetMax = perSubnetMax;
    for (const peer of peers) {
      const { link } = peer;
      if (isExempt(peer)) continue;
      if (link.state === "dialling") this.#take(peer.addresses);
      else if (link.state === "handshaking" || link.state === "connected") {
        const { direction, remoteAddress } = link.connection;
        if (direction === "outbound") this.#take([remoteAddress]);
      }
    }
  }

  /**
   * Takes a place for a peer that is to be dialled; false when all its addresses lie in subnets that are full. Addresses
   * in none (private ones, and names) always have room.
   */
  claim(peer: KnownPeer): boolean {
    const allowed = isExempt(peer)
      ? peer.addresses
      : peer.addresses.filter((address) => this.#hasRoom(address));
    if (allowed.length === 0) return false;
    this.#claims.set(peer.peerId, allowed);
    if (!isExempt(peer)) this.#take(allowed);
    return true;
  }

  /** The addresses at which a peer with a place is dialled; at the others it would come into a full subnet. */
  claimed(peer: KnownPeer): readonly string[] {
    return this.#claims.get(peer.peerId) ?? peer.addresses;
  }

  #hasRoom(address: string): boolean {
    const subnet = publicAddressOf(address)?.subnet;
    return subnet === undefined || (this.#taken.get(subnet) ?? 0) < this.#perSubnetMax;
  }

  #take(addresses: readonly string[]): void {
    for (const subnet of new Set(addresses.map((address) => publicAddressOf(address)?.subnet))) {
      if (subnet !== undefined) this.#taken.set(subnet, (this.#taken.get(subnet) ?? 0) + 1);
    }
  }
}

function isExempt(peer: KnownPeer): boolean {
  return peer.isReserved || peer.isBootstrap;
}
