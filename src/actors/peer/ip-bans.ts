/**
 * IpBans: which machines are refused because too many of their peer ids are banned. Making a new peer id costs nothing,
 * having another address does. Counted from the bans in force, so that it ends with them; kept by the BanTable.
 */

import { BlockList, isIP } from "node:net";
import { ipOf, publicAddressOf } from "../../p2p/address.ts";

/** Banned peer ids of one machine from which on it is refused whole: fewer may be several users behind one router. */
export const IP_BANS_MIN = 5;

export class IpBans {
  /** Banned peer ids by machine; as many as there are bans. */
  readonly #peers = new Map<string, Set<string>>();
  readonly #allowed: BlockList;

  /** `allowed`: addresses and ranges ("192.0.2.0/24") that are never refused. */
  constructor(allowed: readonly string[] = []) {
    this.#allowed = blockListOf(allowed);
  }

  /** A peer was banned while it was connected from this multiaddr, or such a ban was read from disk. */
  add(peerId: string, remoteAddress: string): void {
    const machine = publicAddressOf(remoteAddress)?.machine;
    if (machine === undefined) return;
    const peers = this.#peers.get(machine);
    if (peers === undefined) this.#peers.set(machine, new Set([peerId]));
    else peers.add(peerId);
  }

  /** The ban ended or was lifted. */
  remove(peerId: string, remoteAddress: string): void {
    const machine = publicAddressOf(remoteAddress)?.machine;
    if (machine === undefined) return;
    const peers = this.#peers.get(machine);
    peers?.delete(peerId);
    if (peers?.size === 0) this.#peers.delete(machine);
  }

  /** Whether connections with this multiaddr are refused, whoever it is. */
  refuses(multiaddr: string): boolean {
    if (this.#peers.size === 0) return false;
    const machine = publicAddressOf(multiaddr)?.machine;
    if (machine === undefined || (this.#peers.get(machine)?.size ?? 0) < IP_BANS_MIN) return false;
    const ip = ipOf(multiaddr);
    return ip === undefined || !this.#allowed.check(ip, isIP(ip) === 4 ? "ipv4" : "ipv6");
  }
}

/** What is no address or range of one is left out here: the configuration's check names it. */
function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [ip = "", prefix] = range.split("/");
    const family = isIP(ip) === 4 ? "ipv4" : "ipv6";
    if (!isRange(range)) continue;
    if (prefix === undefined) list.addAddress(ip, family);
    else list.addSubnet(ip, Number(prefix), family);
  }
  return list;
}

/** Whether the text is an IP address, or one with the length of its prefix. */
export function isRange(text: string): boolean {
  const [, ip = "", prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(ip);
  return family !== 0 && (prefix === undefined || Number(prefix) <= (family === 4 ? 32 : 128));
}
