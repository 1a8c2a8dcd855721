/** Which addresses of a dial in memory are of use, and what is told of each. */

import { judgeAddress } from "../dial-address.ts";
import { hostFailure, toHostFailure } from "../failures.ts";
import type { ConnectionInfo, DialOptions } from "../port.ts";

const REACH = { privateNetwork: true, tcp: false, quic: false, memory: true };

type OnAttempt = DialOptions["onAttempt"];

/** Those that can be dialled; throws when there are none. */
export function usableAddresses(
  peerId: string | undefined,
  addresses: readonly string[],
  onAttempt: OnAttempt,
): readonly string[] {
  const usable = addresses.filter((address) => judgeAddress(address, peerId, true, REACH).ok);
  const cause = hostFailure("ADDRESS_INVALID", "no transport for this address");
  for (const address of addresses) if (!usable.includes(address)) onAttempt?.({ address, cause });
  if (usable.length === 0) throw cause;
  return usable;
}

/** Runs a dial and tells of its addresses: of the one where the peer was reached, or of all that failed. */
export async function toldOf(
  addresses: readonly string[],
  onAttempt: OnAttempt,
  dial: () => Promise<ConnectionInfo>,
): Promise<ConnectionInfo> {
  try {
    const connection = await dial();
    const place = placeOf(connection.remoteAddress);
    const address = addresses.find((each) => placeOf(each) === place);
    if (address !== undefined) onAttempt?.({ address, cause: undefined });
    return connection;
  } catch (thrown) {
    const cause = toHostFailure(thrown, "DIAL_FAILED");
    for (const address of addresses) onAttempt?.({ address, cause });
    throw cause;
  }
}

const placeOf = (address: string): string | undefined => address.split("/p2p/")[0];
