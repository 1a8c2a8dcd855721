/** What to dial, in libp2p's words, and what its errors mean in ours. */

import type { PeerId } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { asError, type Failure } from "../../kernel/errors.ts";
import { type HostFailureReason, hostFailure, toHostFailure } from "../failures.ts";

/** Addresses with the peer's id appended, so that whoever else answers there is refused. */
export function dialTarget(peerId: string | undefined, addresses: readonly string[]): PeerId | Multiaddr[] {
  try {
    const peer = peerId === undefined ? undefined : peerIdFromString(peerId);
    const parsed = addresses.map((address) => {
      const isComplete = peerId === undefined || address.includes("/p2p/");
      return multiaddr(isComplete ? address : `${address}/p2p/${peerId}`);
    });
    if (parsed.length > 0) return parsed;
    if (peer !== undefined) return peer;
  } catch (thrown) {
    throw toHostFailure(thrown, "ADDRESS_INVALID");
  }
  throw hostFailure("ADDRESS_INVALID", "neither a peer nor an address");
}

/** The peers that a dial may end at: the one that is meant, and those that the addresses name. */
export function peersOf(peerId: string | undefined, addresses: readonly string[]): string[] {
  const named = addresses.flatMap((address) => address.split("/p2p/").slice(1));
  return [...new Set(peerId === undefined ? named : [peerId, ...named])];
}

const DIAL_REASONS: Readonly<Record<string, HostFailureReason>> = {
  DialDeniedError: "GATE_REFUSED",
  ConnectionInterceptedError: "GATE_REFUSED",
  NoValidAddressesError: "ADDRESS_INVALID",
  TransportUnavailableError: "ADDRESS_INVALID",
  InvalidMultiaddrError: "ADDRESS_INVALID",
  InvalidPeerIdError: "ADDRESS_INVALID",
  InvalidParametersError: "ADDRESS_INVALID",
};

export function dialFailure(thrown: unknown): Failure {
  const error = asError(thrown);
  if (error.message === "Dial queue is full") return hostFailure("HOST_BUSY", error.message);
  return hostFailure(DIAL_REASONS[error.name] ?? "DIAL_FAILED", error.message);
}
