/**
 * What of a multiaddr says where a peer is: its IP address, whether that lies in the public internet, and the subnet that
 * one owner is likely to hold whole. Pure.
 */

import { BlockList, isIP } from "node:net";

/** An address of the public internet that one machine has. */
export interface PublicAddress {
  /** The IPv4 address; of IPv6 the /64, which one machine has whole. */
  readonly machine: string;
  /** The /16 of IPv4, the /32 of IPv6: what providers are given. */
  readonly subnet: string;
}

/** Loopback, private, link-local and shared ranges: many machines, or our own, stand behind one such address. */
const PRIVATE = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const;

/** Given out to nobody: of protocols and measurements. */
const SPECIAL = [
  ["192.0.0.0", 24],
  ["198.18.0.0", 15],
] as const;

/** One machine is not reached there: unspecified, multicast, reserved and broadcast. */
const UNROUTABLE = [
  ["0.0.0.0", 8],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const;

const privateRanges = blockListOf([...PRIVATE, ...SPECIAL, ...UNROUTABLE]);
const unroutableRanges = blockListOf(UNROUTABLE);

function blockListOf(ranges: readonly (readonly [network: string, prefix: number])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of ranges) list.addSubnet(network, prefix);
  return list;
}

/** Of IPv6 only 2000::/3 is given out. */
const GLOBAL_V6 = /^[23][0-9a-f]{3}$/;

/** Teredo (2001::/32) and 6to4 (2002::/16) are IPv4 addresses in disguise, private ones among them. */
const isTunnel = ([first, second]: readonly string[]): boolean =>
  first === "2002" || (first === "2001" && second === "0");

/** The public address in a multiaddr; undefined for private ones, and for names, which say it only when they are dialled. */
export function publicAddressOf(multiaddr: string): PublicAddress | undefined {
  const ip = ipOf(multiaddr);
  if (ip === undefined) return undefined;
  if (isIP(ip) === 4) {
    return privateRanges.check(ip) ? undefined : { machine: ip, subnet: ip.split(".").slice(0, 2).join(".") };
  }
  const groups = groupsOf(ip);
  if (!GLOBAL_V6.test(groups[0] ?? "") || isTunnel(groups)) return undefined;
  return { machine: `${groups.slice(0, 4).join(":")}::`, subnet: `${groups.slice(0, 2).join(":")}::` };
}

/** The IP address at the beginning of a multiaddr. An IPv4 address in IPv6's clothes is one of IPv4. */
export function ipOf(multiaddr: string): string | undefined {
  const text = /^\/ip[46]\/([0-9a-fA-F:.]+)(?:\/|$)/.exec(multiaddr)?.[1] ?? "";
  if (isIP(text) !== 6) return isIP(text) === 4 ? text : undefined;
  const groups = groupsOf(text);
  const isMapped = groups.slice(0, 5).every((group) => group === "0") && groups[5] === "ffff";
  if (!isMapped) return text;
  return groups.slice(6).flatMap(bytesOf).join(".");
}

/**
 * Whether one machine can be reached at an IP address as it stands: link-local IPv6 needs a zone, which no multiaddr of ours
 * has, and an IPv4 address in IPv6's clothes is written as one of IPv4.
 */
export function isDialable(ip: string): boolean {
  if (isIP(ip) === 4) return !unroutableRanges.check(ip);
  const groups = groupsOf(ip);
  const first = Number.parseInt(groups[0] ?? "0", 16);
  const isUnspecified = groups.every((group) => group === "0");
  const isMapped = groups.slice(0, 5).every((group) => group === "0") && groups[5] === "ffff";
  return !isUnspecified && !isMapped && (first & 0xff00) !== 0xff00 && (first & 0xffc0) !== 0xfe80;
}

/** An IP address in its one spelling: of IPv6 lower case, without leading zeros, the longest run of zeros left out. */
export function canonicalIp(ip: string): string {
  return isIP(ip) === 6 ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip;
}

/** The eight groups of an IPv6 address, without leading zeros; a dotted end is two of them. */
export function groupsOf(ip: string): string[] {
  const [head = "", tail] = ip.split("::");
  const left = pairsOf(head);
  const right = pairsOf(tail ?? "");
  const missing = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array.from({ length: Math.max(0, missing) }, () => "0"), ...right];
}

function pairsOf(text: string): string[] {
  return text
    .split(":")
    .filter((group) => group !== "")
    .flatMap((group) => {
      if (!group.includes(".")) return [group.toLowerCase().replace(/^0+(?=.)/, "")];
      const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
      return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
    });
}

function bytesOf(group: string): number[] {
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 0xff];
}
