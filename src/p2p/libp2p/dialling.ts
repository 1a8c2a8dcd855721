/**
 * A dial: each address is judged by itself, names are resolved, and what is left is tried with head starts. libp2p's own queue
 * would try the addresses in series, six seconds each; here its transports are asked one address at a time.
 */

import type { Connection } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { asError, Failure } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import { FAULT_TEXTS, type JudgedAddress, judgeAddress, type Reach } from "../dial-address.ts";
import { type HostFailureReason, hostFailure } from "../failures.ts";
import type { DialAttempt } from "../port.ts";
import { staggered } from "../staggered.ts";
import { placesOf, type Resolve } from "./names.ts";
import type { Transports } from "./node.ts";

export interface DialParts {
  readonly clock: Clock;
  readonly transports: Transports;
  readonly reach: Reach;
  readonly resolve: Resolve;
  /** Asked before anything is sent to an address. */
  readonly allows: (address: string) => boolean;
}

export interface DialOrder {
  /** Undefined: whoever answers. */
  readonly peerId: string | undefined;
  /** Best first. */
  readonly addresses: readonly string[];
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly onAttempt: (attempt: DialAttempt) => void;
}

/** Head start of one address before the next, as RFC 8305 has it: longer than most round trips. */
const STAGGER_MS = 250;

/** Addresses of one peer that are tried at a time; the others wait until one failed. */
const ADDRESSES_PARALLEL_MAX = 4;

/** Of one name, beside those. */
const PLACES_PARALLEL_MAX = 2;

/** Share of a dial's time in which every address gets its turn, however many swallow what is sent to them. */
const ROUNDS_SHARE = 0.8;

export function reachAll(parts: DialParts, order: DialOrder): Promise<Connection> {
  const { peerId, addresses, deadlineMs, signal, onAttempt } = order;
  const usable: { readonly given: string; readonly judged: JudgedAddress }[] = [];
  const refusals: Failure[] = [];
  for (const given of addresses) {
    // The PeerActor has judged by source; here everything counts that a transport can do.
    const judged = judgeAddress(given, peerId, true, parts.reach);
    if (judged.ok) {
      usable.push({ given, judged: judged.value });
      continue;
    }
    const cause = hostFailure("ADDRESS_INVALID", `${given.slice(0, 128)}: ${FAULT_TEXTS[judged.fault]}`);
    refusals.push(cause);
    onAttempt({ address: given, cause });
  }
  if (usable.length === 0)
    return Promise.reject(refusals[0] ?? hostFailure("ADDRESS_INVALID", "there is no address to dial"));
  const rounds = Math.ceil(usable.length / ADDRESSES_PARALLEL_MAX);
  const attemptMs = rounds === 1 ? deadlineMs : (ROUNDS_SHARE * deadlineMs) / rounds;
  const options = { clock: parts.clock, staggerMs: STAGGER_MS, attemptMs };
  return staggered(
    usable,
    ({ judged }, own) => reachOne(parts, judged, attemptMs, own),
    { ...options, parallelMax: ADDRESSES_PARALLEL_MAX, signal },
    ({ given }, cause) =>
      onAttempt({ address: given, cause: cause === undefined ? undefined : dialFailure(cause) }),
  );
}

async function reachOne(
  parts: DialParts,
  judged: JudgedAddress,
  attemptMs: number,
  signal: AbortSignal,
): Promise<Connection> {
  const places = await placesOf(judged, parts.resolve, signal);
  const connect = async (place: string, own: AbortSignal): Promise<Connection> => {
    if (!parts.allows(place)) throw hostFailure("GATE_REFUSED", `the gate refuses ${place}`);
    return parts.transports.dial(multiaddr(place), { signal: own });
  };
  const [only] = places;
  if (places.length === 1 && only !== undefined) return connect(only, signal);
  const options = { clock: parts.clock, staggerMs: STAGGER_MS, attemptMs };
  return staggered(places, connect, { ...options, parallelMax: PLACES_PARALLEL_MAX, signal });
}

const DIAL_REASONS: Readonly<Record<string, HostFailureReason>> = {
  DialDeniedError: "GATE_REFUSED",
  ConnectionInterceptedError: "GATE_REFUSED",
  ConnectionDeniedError: "GATE_REFUSED",
  NoValidAddressesError: "ADDRESS_INVALID",
  TransportUnavailableError: "ADDRESS_INVALID",
  InvalidMultiaddrError: "ADDRESS_INVALID",
  InvalidPeerIdError: "ADDRESS_INVALID",
  InvalidParametersError: "ADDRESS_INVALID",
};

export function dialFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const error = asError(thrown);
  return hostFailure(DIAL_REASONS[error.name] ?? "DIAL_FAILED", error.message);
}
