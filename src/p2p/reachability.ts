/**
 * Whether others can dial us, as far as a node can know by itself: who dialled us, and what address connected peers see us at.
 * An address that no interface of ours has is announced when peers of several subnets say that they dialled us at it. Pure.
 */

import { publicAddressOf } from "./address.ts";

export type ReachabilityState = "unknown" | "reachable" | "unreachable";

/** How it is known. */
export type ReachabilityBasis = "nothing-seen" | "peers-dialled-us" | "not-listening" | "behind-nat";

export interface ReachabilityReport {
  readonly state: ReachabilityState;
  readonly basis: ReachabilityBasis;
  /** Addresses at which peers of several subnets dialled us. */
  readonly confirmed: readonly string[];
}

/** Of a host that is not open. */
export const NOT_OPEN: ReachabilityReport = { state: "unreachable", basis: "not-listening", confirmed: [] };

/** Where nothing is known. */
export const NOBODY_DIALLED: ReachabilityReport = { state: "unknown", basis: "nothing-seen", confirmed: [] };

/** Subnets (/16; IPv6 /32) whose peers must say the same: an owner of one or two cannot make us announce what he likes. */
const SUBNETS_MIN = 3;

/** Observed addresses that are kept; past it the oldest is forgotten. */
const OBSERVED_MAX = 64;
/** Subnets from which each was observed; further ones say nothing new. */
const SUBNETS_MAX = 16;

export interface Observation {
  /** Address that the observing peer is at. */
  readonly remote: string;
  /** Address that it sees us at. */
  readonly observed: string;
  /** It dialled us: then what it sees is what it dialled, port included. */
  readonly isInbound: boolean;
}

export class Reachability {
  readonly #isPrivate: boolean;
  readonly #dialled = new Map<string, Set<string>>();
  readonly #seen = new Map<string, Set<string>>();
  #wasDialled = false;

  constructor(isPrivateNetwork: boolean) {
    this.#isPrivate = isPrivateNetwork;
  }

  /** A peer dialled us from there. */
  dialledFrom(remote: string): void {
    if (this.#isPrivate || publicAddressOf(remote) !== undefined) this.#wasDialled = true;
  }

  observed({ remote, observed, isInbound }: Observation): void {
    const subnet = publicAddressOf(remote)?.subnet;
    const machine = publicAddressOf(observed)?.machine;
    if (subnet === undefined || machine === undefined) return;
    note(this.#seen, machine, subnet);
    if (isInbound) note(this.#dialled, withoutPeer(observed), subnet);
  }

  /** `listening`: addresses of our interfaces at which we listen. */
  report(listening: readonly string[]): ReachabilityReport {
    const confirmed = agreed(this.#dialled);
    if (listening.length === 0) return { state: "unreachable", basis: "not-listening", confirmed: [] };
    if (this.#wasDialled) return { state: "reachable", basis: "peers-dialled-us", confirmed };
    const own = new Set(listening.map((address) => publicAddressOf(address)?.machine));
    const seen = agreed(this.#seen);
    const isBehindNat = seen.length > 0 && !seen.some((machine) => own.has(machine));
    if (isBehindNat) return { state: "unreachable", basis: "behind-nat", confirmed };
    return { state: "unknown", basis: "nothing-seen", confirmed };
  }
}

function note(observed: Map<string, Set<string>>, what: string, subnet: string): void {
  const subnets = observed.get(what) ?? new Set();
  observed.delete(what);
  observed.set(what, subnets);
  if (subnets.size < SUBNETS_MAX) subnets.add(subnet);
  const [oldest] = observed.keys();
  if (observed.size > OBSERVED_MAX && oldest !== undefined) observed.delete(oldest);
}

function agreed(observed: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  return [...observed].filter(([, subnets]) => subnets.size >= SUBNETS_MIN).map(([what]) => what);
}

function withoutPeer(address: string): string {
  return address.split("/p2p/")[0] ?? address;
}
