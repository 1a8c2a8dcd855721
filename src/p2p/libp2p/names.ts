/**
 * Names in addresses, resolved by the system's resolver before anything is dialled: libp2p's transports resolve them in ways of
 * their own, and QUIC's not at all.
 */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { asError } from "../../kernel/errors.ts";
import type { JudgedAddress } from "../dial-address.ts";
import { hostFailure } from "../failures.ts";

export interface ResolvedName {
  readonly address: string;
  readonly family: number;
}

export type Resolve = (name: string, family: 0 | 4 | 6) => Promise<readonly ResolvedName[]>;

/** Addresses taken of one name; the resolver has put the better ones first. */
const ADDRESSES_PER_NAME_MAX = 4;

export const systemResolve: Resolve = (name, family) => lookup(name, { all: true, family });

/** What to dial for a judged address: itself, or the addresses of its name. Does not wait longer than the signal says. */
export async function placesOf(
  { address, host, nameFamily }: JudgedAddress,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (nameFamily === undefined) return [address];
  const rest = address.split("/").slice(3).join("/");
  const found = await orAborted(resolve(host, nameFamily), signal).catch((thrown: unknown) => {
    if (signal.aborted) throw signal.reason;
    throw hostFailure("DIAL_FAILED", `the name ${host} is not resolved: ${asError(thrown).message}`);
  });
  const places = found
    .filter(({ address: ip }) => isIP(ip) !== 0)
    .map(({ address: ip }) => `/ip${isIP(ip)}/${ip}/${rest}`);
  if (places.length === 0) throw hostFailure("DIAL_FAILED", `the name ${host} has no address`);
  return [...new Set(places)].slice(0, ADDRESSES_PER_NAME_MAX);
}

/** The resolver cannot be cancelled: what it answers later is not waited for. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(asError(signal.reason));
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
