/**
 * Witnesses: when the word of several peers counts as that of several parties. Two peers of one subnet may be one
 * operator's; on loopback and private networks, where all of a test network lives, each peer stands for itself. A member,
 * by its delegation, is trusted alone. Pure.
 */

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

/** What tells parties apart: the /16 of an IPv4 address, the /32 of an IPv6 one, else the peer itself. */
export function partyOf({ peerId, remoteAddress }: Pick<Witness, "peerId" | "remoteAddress">): string {
  const [, family, address] = remoteAddress.split("/");
  if (family === "ip4" && address !== undefined) {
    const octets = address.split(".").map(Number);
    return isPrivate4(octets) ? peerId : `ip4 ${octets[0]}.${octets[1]}`;
  }
  if (family === "ip6" && address !== undefined) {
    const groups = groupsOf(address);
    return isPrivate6(groups) ? peerId : `ip6 ${groups[0]}:${groups[1]}`;
  }
  return peerId;
}

/** Loopback, private use, link-local, shared address space. */
function isPrivate4([first = 0, second = 0]: readonly number[]): boolean {
  return (
    first === 127 ||
    first === 10 ||
    (first === 172 && second >= 16 && second < 32) ||
    (first === 192 && second === 168) ||
    (first === 169 && second === 254) ||
    (first === 100 && second >= 64 && second < 128)
  );
}

/** Loopback and unspecified, unique local (fc00::/7), link-local (fe80::/10). */
function isPrivate6([first = 0, second = 0]: readonly number[]): boolean {
  return (first === 0 && second === 0) || (first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfe80;
}

/** The first two groups of 16 bits; what "::" stands for is zero. */
function groupsOf(address: string): number[] {
  const groups = address.split("::")[0]?.split(":") ?? [];
  return [0, 1].map((at) => Number.parseInt(groups[at] || "0", 16));
}
