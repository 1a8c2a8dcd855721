/** Whom ConnectToPeer means, when it names addresses alone; and what is said of those that name nobody. Pure. */

import { type Failure, failure } from "../../kernel/errors.ts";
import { type AddressFault, FAULT_TEXTS } from "../../p2p/dial-address.ts";

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

/**
 * Why a call with these addresses is refused: one is no multiaddr, or none is of use. Otherwise those that are of none are left
 * out.
 */
export function uselessAddress(
  addresses: readonly string[],
  faultOf: (address: string) => AddressFault | undefined,
): Failure | undefined {
  const faulty = addresses.flatMap((address) => {
    const fault = faultOf(address);
    return fault === undefined ? [] : [{ address, fault }];
  });
  const wrong =
    faulty.find(({ fault }) => fault === "malformed") ??
    (faulty.length === addresses.length ? faulty[0] : undefined);
  if (wrong === undefined) return undefined;
  const message = `"${wrong.address}" is not dialled: ${FAULT_TEXTS[wrong.fault]}`;
  return failure("INVALID_ARGUMENT", "ADDRESS_INVALID", message, { field: "addresses" });
}
