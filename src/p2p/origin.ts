/** Where an inbound connection comes from, in the units in which slots are shared: a machine and the subnet around it. Pure. */

import { isIP } from "node:net";
import { groupsOf, ipOf, publicAddressOf } from "./address.ts";

export interface Origin {
  /** The IPv4 address; of IPv6 the /64, which one machine has whole. */
  readonly address: string;
  /** The /24 of IPv4, the /48 of IPv6: what one owner is given. */
  readonly subnet: string;
  /** Behind a private address many machines may stand, such as those behind a proxy. */
  readonly isPublic: boolean;
}

/** What is no IP address, such as the name of an in-memory host, is an origin of its own. */
export function originOf(multiaddr: string): Origin {
  const ip = ipOf(multiaddr);
  if (ip === undefined) return { address: multiaddr, subnet: multiaddr, isPublic: false };
  const isPublic = publicAddressOf(multiaddr) !== undefined;
  if (isIP(ip) === 4) return { address: ip, subnet: ip.split(".").slice(0, 3).join("."), isPublic };
  const groups = groupsOf(ip);
  const prefix = (count: number): string => `${groups.slice(0, count).join(":")}::`;
  return { address: prefix(4), subnet: prefix(3), isPublic };
}
