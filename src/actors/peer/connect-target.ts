/** Whom ConnectToPeer means, when it names addresses alone; and what is said of those that name nobody. Pure. */

import { type Failure, failure } from "../../kernel/errors.ts";

/** The peer id at the end of the first address that has one. */
export function peerIdIn(addresses: readonly string[]): string | undefined {
  for (const address of addresses) {
    const peerId = /\/p2p\/([^/]+)$/.exec(address)?.[1];
    if (peerId !== undefined) return peerId;
  }
  return undefined;
}

export function namesNobody(addresses: readonly string[]): Failure {
  const [first] = addresses;
  const message =
    first === undefined
      ? "a peer id, or an address that ends in /p2p/PEER-ID, is needed"
      : `"${first}" does not say whom to expect there: an address ends in /p2p/PEER-ID, as /ip4/192.0.2.1/tcp/55444/p2p/12D3…`;
  return failure("INVALID_ARGUMENT", "ADDRESS_NAMES_NOBODY", message, { field: "addresses" });
}

export function noMultiaddr(address: string): Failure {
  const message = `"${address}" is no multiaddr, as /ip4/192.0.2.1/tcp/55444 is one`;
  return failure("INVALID_ARGUMENT", "ADDRESS_INVALID", message, { field: "addresses" });
}
