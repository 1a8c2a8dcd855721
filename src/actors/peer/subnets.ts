/**
 * Diversity of the peers that we choose: at most a few outbound connections into one subnet, so that whoever owns one
 * cannot surround us from it. Members, bootstrap peers and what an operator dials are exempt. One of these is made for each
 * round of dials; what is connected and on the way is counted by the index. Pure.
 */

import { publicAddressOf } from "../../p2p/address.ts";
import type { KnownPeer } from "./known/known-peer.ts";
import { subnetsOf } from "./known/peer-index.ts";

export class OutboundSubnets {
  readonly #perSubnetMax: number;
  readonly #taken: (subnet: string) => number;
  readonly #now = new Map<string, number>();
  readonly #claims = new Map<string, readonly string[]>();

  /** `taken`: outbound connections and dials into a subnet before this round. */
  constructor(taken: (subnet: string) => number, perSubnetMax: number) {
    this.#taken = taken;
    this.#perSubnetMax = perSubnetMax;
  }

  /**
   * Takes a place for a peer that is to be dialled; false when all its addresses lie in subnets that are full. Addresses
   * in none (private ones, and names) always have room.
   */
  claim(peer: KnownPeer): boolean {
    const isExempt = peer.isReserved || peer.isBootstrap;
    const addresses = peer.addresses.map(({ address }) => address);
    const allowed = isExempt ? addresses : addresses.filter((address) => this.#hasRoom(address));
    if (allowed.length === 0) return false;
    this.#claims.set(peer.peerId, allowed);
    if (isExempt) return true;
    for (const subnet of subnetsOf(allowed)) this.#now.set(subnet, (this.#now.get(subnet) ?? 0) + 1);
    return true;
  }

  /** The addresses at which a peer with a place is dialled; at the others it would come into a full subnet. */
  claimed(peer: KnownPeer): readonly string[] {
    return this.#claims.get(peer.peerId) ?? peer.addresses.map(({ address }) => address);
  }

  #hasRoom(address: string): boolean {
    const subnet = publicAddressOf(address)?.subnet;
    return subnet === undefined || this.#taken(subnet) + (this.#now.get(subnet) ?? 0) < this.#perSubnetMax;
  }
}
