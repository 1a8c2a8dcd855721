/**
 * IpBans: which machines are refused for a while because too many of their peer ids are banned. Making a new peer id costs
 * nothing, having another address does; but honest peers may share an address with those who were banned. So a sentence is
 * short, grows with each repetition, and is never put on whoever is exempt (the BanTable asks that). Counted from the bans
 * in force, so that it is forgotten with the last of them. Kept by the BanTable; time is an argument.
 */

import { BlockList, isIP } from "node:net";
import { ipOf, publicAddressOf } from "../../p2p/address.ts";

/** Banned peer ids of one machine from which on it is refused: fewer may be several users behind one router. */
export const IP_BANS_MIN = 5;

/** The first sentence, milliseconds. Each further one of the same machine is twice as long, up to the longest. */
const SENTENCE_MS_MIN = 10 * 60_000;
const SENTENCE_MS_MAX = 2 * 3_600_000;

/** Machines remembered: as many as there are bans, and some that are refused in place of a ban. At it none is added. */
const MACHINES_MAX = 120_000;

interface Machine {
  /** Banned peer ids. */
  readonly peers: Set<string>;
  sentences: number;
  untilMs: number;
}

export class IpBans {
  readonly #machines = new Map<string, Machine>();
  readonly #allowed: BlockList;

  /** `allowed`: addresses and ranges ("192.0.2.0/24") that are never refused. */
  constructor(allowed: readonly string[] = []) {
    this.#allowed = blockListOf(allowed);
  }

  /** A peer was banned at this time while it was connected from this multiaddr, or such a ban was read from disk. */
  add(peerId: string, remoteAddress: string, atMs: number): void {
    const machine = this.#machine(remoteAddress);
    if (machine === undefined || machine.peers.has(peerId)) return;
    machine.peers.add(peerId);
    if (machine.peers.size >= IP_BANS_MIN && atMs >= machine.untilMs) lengthen(machine, atMs);
  }

  /** Refuses the machine at once: there was no room for a ban of its own. */
  sentence(remoteAddress: string, atMs: number): void {
    const machine = this.#machine(remoteAddress);
    if (machine !== undefined && atMs >= machine.untilMs) lengthen(machine, atMs);
  }

  /** The ban ended or was lifted. */
  remove(peerId: string, remoteAddress: string, nowMs: number): void {
    const key = publicAddressOf(remoteAddress)?.machine;
    const machine = key === undefined ? undefined : this.#machines.get(key);
    if (key === undefined || machine === undefined) return;
    machine.peers.delete(peerId);
    // Lifted bans take the sentence with them that they were the reason of.
    if (machine.peers.size < IP_BANS_MIN) machine.untilMs = Math.min(machine.untilMs, nowMs);
    if (machine.peers.size === 0) this.#machines.delete(key);
  }

  /** Whether connections from this multiaddr are refused, whoever it is that is not exempt. */
  refuses(multiaddr: string, nowMs: number): boolean {
    if (this.#machines.size === 0) return false;
    const key = publicAddressOf(multiaddr)?.machine;
    if (key === undefined || nowMs >= (this.#machines.get(key)?.untilMs ?? 0)) return false;
    const ip = ipOf(multiaddr);
    return ip === undefined || !this.#allowed.check(ip, isIP(ip) === 4 ? "ipv4" : "ipv6");
  }

  /** Forgets machines that were refused without a ban, when their time is over. */
  forgetEnded(nowMs: number): void {
    for (const [key, { peers, untilMs }] of this.#machines) {
      if (peers.size === 0 && untilMs <= nowMs) this.#machines.delete(key);
    }
  }

  #machine(remoteAddress: string): Machine | undefined {
    const key = publicAddressOf(remoteAddress)?.machine;
    if (key === undefined) return undefined;
    const known = this.#machines.get(key);
    if (known !== undefined || this.#machines.size >= MACHINES_MAX) return known;
    const machine: Machine = { peers: new Set(), sentences: 0, untilMs: Number.NEGATIVE_INFINITY };
    this.#machines.set(key, machine);
    return machine;
  }
}

function lengthen(machine: Machine, atMs: number): void {
  machine.untilMs = atMs + Math.min(SENTENCE_MS_MAX, SENTENCE_MS_MIN * 2 ** Math.min(machine.sentences, 16));
  machine.sentences++;
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
