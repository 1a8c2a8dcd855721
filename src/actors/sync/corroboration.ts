/**
 * Witnesses: when the word of several peers counts as that of several parties. Two peers of one subnet may be one
 * operator's; on loopback and private networks, where all of a test network lives, each peer stands for itself. A member,
 * by its delegation, is trusted alone. Pure.
 */

import { publicAddressOf } from "../../p2p/address.ts";

/** Distinct parties whose word makes something believed that no quorum's signature decides. */
export const WITNESSES_MIN = 2;

export interface Witness {
  readonly peerId: string;
  /** Multiaddr of the connection's other end; empty when it is not known. */
  readonly remoteAddress: string;
  /** It showed a delegation that holds. */
  readonly isMember: boolean;
}

/** Whether these, who all say the same, are enough to believe it. */
export function areEnough(witnesses: Iterable<Witness>): boolean {
  const parties = new Set<string>();
  for (const witness of witnesses) {
    if (witness.isMember) return true;
    parties.add(partyOf(witness));
    if (parties.size >= WITNESSES_MIN) return true;
  }
  return false;
}

/** What tells parties apart: the subnet of a public address, else the peer itself. */
export function partyOf({ peerId, remoteAddress }: Pick<Witness, "peerId" | "remoteAddress">): string {
  const subnet = publicAddressOf(remoteAddress)?.subnet;
  return subnet === undefined ? peerId : `subnet ${subnet}`;
}
