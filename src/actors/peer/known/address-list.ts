/**
 * The addresses of one peer: each with who named it and what became of it, in the order in which they are dialled. What the
 * operator named and where the peer was reached stays, whatever is claimed; a claim that fails is forgotten. Pure.
 */

import { AddressSource } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import type { JudgedAddress } from "../../../p2p/dial-address.ts";
import { ADDRESSES_MAX } from "../config.ts";

export interface KnownAddress {
  /** Multiaddr that ends in the peer's id. */
  readonly address: string;
  /** What is connected to there, whatever peer is expected: transport, host and port. */
  readonly target: string;
  readonly source: AddressSource;
  /** When the peer was last reached there, Unix milliseconds; 0: never. */
  readonly reachedMs: number;
  /** Dials there that failed in a row. */
  readonly failures: number;
  /** When it was last named, Unix milliseconds. */
  readonly namedMs: number;
}

/** Addresses at which a peer was reached, kept of one peer: those of the latest connections. Older ones go. */
export const REACHED_MAX = 4;

/** Dials at a claimed address that fail in a row; then it is forgotten. With the waits between dials that is two minutes. */
export const CLAIM_FAILURES_MAX = 8;

/** How far a source is believed: the higher comes first, and is what is kept when there are too many. */
const RANKS: Readonly<Record<AddressSource, number>> = {
  [AddressSource.WORKED]: 5,
  [AddressSource.CONFIGURED]: 4,
  [AddressSource.SEEN]: 3,
  [AddressSource.MDNS]: 2,
  [AddressSource.IDENTIFY]: 1,
  [AddressSource.DHT]: 0,
  [AddressSource.UNSPECIFIED]: 0,
};

/** Whether somebody else claimed it, and nothing proved it: then it is bounded, metered and forgotten. */
export const isClaim = ({ source, reachedMs }: Pick<KnownAddress, "source" | "reachedMs">): boolean =>
  source !== AddressSource.CONFIGURED && reachedMs === 0;

/** Where the peer was reached, then what the operator named, then claims by who makes them. */
export const rankOf = ({ source, reachedMs }: Pick<KnownAddress, "source" | "reachedMs">): number =>
  reachedMs > 0 ? RANKS[AddressSource.WORKED] : (RANKS[source] ?? 0);

/** The operator's word is kept though the peer was reached there: it is what keeps the address for good. */
const believes = (source: AddressSource): number =>
  source === AddressSource.CONFIGURED ? Number.MAX_SAFE_INTEGER : rankOf({ source, reachedMs: 0 });

/** With one more, or named anew. The better source counts. */
export function named(
  list: readonly KnownAddress[],
  { address, target }: JudgedAddress,
  source: AddressSource,
  nowMs: number,
): readonly KnownAddress[] {
  const before = list.find((known) => known.address === address);
  const entry: KnownAddress = {
    ...{ address, target, namedMs: nowMs },
    source: before !== undefined && believes(before.source) >= believes(source) ? before.source : source,
    reachedMs: before?.reachedMs ?? 0,
    failures: before?.failures ?? 0,
  };
  return bounded([...list.filter((known) => known !== before), entry]);
}

/** The peer was reached there. */
export function reached(
  list: readonly KnownAddress[],
  place: JudgedAddress,
  nowMs: number,
): readonly KnownAddress[] {
  return bounded(
    named(list, place, AddressSource.WORKED, nowMs).map((known) =>
      known.address === place.address ? { ...known, reachedMs: nowMs, failures: 0 } : known,
    ),
  );
}

/** A dial there failed. */
export function failed(list: readonly KnownAddress[], address: string): readonly KnownAddress[] {
  return bounded(
    list
      .map((known) => (known.address === address ? { ...known, failures: known.failures + 1 } : known))
      .filter((known) => !isClaim(known) || known.failures < CLAIM_FAILURES_MAX),
  );
}

/** Sorted, and not too many: what the operator named, the places of the latest connections, and then claims. */
export function bounded(list: readonly KnownAddress[]): readonly KnownAddress[] {
  const sorted = [...list].sort(order);
  let reachedCount = 0;
  const kept = sorted.filter((known) => {
    if (known.reachedMs === 0 || known.source === AddressSource.CONFIGURED) return true;
    reachedCount++;
    return reachedCount <= REACHED_MAX;
  });
  if (kept.length <= ADDRESSES_MAX) return kept;
  const worth = (known: KnownAddress): number => (known.source === AddressSource.CONFIGURED ? 1 : 0);
  const best = [...kept].sort((left, right) => worth(right) - worth(left)).slice(0, ADDRESSES_MAX);
  return kept.filter((known) => best.includes(known));
}

function order(left: KnownAddress, right: KnownAddress): number {
  return (
    rankOf(right) - rankOf(left) ||
    left.failures - right.failures ||
    right.reachedMs - left.reachedMs ||
    right.namedMs - left.namedMs ||
    (left.address < right.address ? -1 : 1)
  );
}
