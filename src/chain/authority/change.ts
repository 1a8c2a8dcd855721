/**
 * The rules of a change of the authorities: one key more or one less, each key distinct and a valid point that is not
 * infinity, a proof of possession for each, and 64 blocks between two changes. Successive quorums thus always share a
 * member. The workers check set and proofs, the ordered stage the distance.
 */

import { AUTHORITIES_MAX } from "../approval.ts";
import type { AuthorityChange } from "../block.ts";
import { type AuthorityChangeFault, type BlockFault, blockFault } from "../block-fault.ts";
import { isValidPublicKey } from "../bls.ts";
import { equalBytes } from "../bytes.ts";
import type { AuthoritySetFacts } from "../facts.ts";
import { possessionCheck } from "../possession.ts";
import type { SignatureCheck } from "../validator.ts";

/** Blocks from one change to the next at least. */
export const AUTHORITY_CHANGE_DISTANCE = 64;

/** Everything but the proofs' signatures and the distance. */
export function checkChange(change: AuthorityChange, inForce: AuthoritySetFacts): BlockFault | undefined {
  const { keys, proofs } = change;
  if (keys.length === 0 || keys.length > AUTHORITIES_MAX) return invalid("EMPTY_SET");
  if (hasRepetition(keys)) return invalid("REPEATED_KEY");
  const isOneKey = differsByOne(keys, inForce.keys) || differsByOne(inForce.keys, keys);
  if (!isOneKey) return invalid("NOT_ONE_KEY");
  // Keys that are in force already are in the cache of valid ones.
  if (!keys.every(isValidPublicKey)) return invalid("INVALID_KEY");
  return proofs.length === keys.length ? undefined : invalid("PROOF_COUNT");
}

/** A statement for each key that has to hold; `change` passed checkChange. */
export function possessionChecks(change: AuthorityChange, genesisHash: Uint8Array): SignatureCheck[] {
  return change.keys.map((key, index) =>
    possessionCheck(key, change.proofs[index] as Uint8Array, genesisHash),
  );
}

/** What is wrong when one of them does not. */
export function badProof(): BlockFault {
  return invalid("BAD_PROOF");
}

/** `lastChangeHeight` is that of the block with the change before; undefined when there was none. */
export function checkChangeDistance(
  lastChangeHeight: number | undefined,
  height: number,
): BlockFault | undefined {
  return height >= lowestChangeHeight(lastChangeHeight) ? undefined : invalid("TOO_SOON");
}

/** Height of the lowest block that may carry the next change. */
export function lowestChangeHeight(lastChangeHeight: number | undefined): number {
  return lastChangeHeight === undefined ? 1 : lastChangeHeight + AUTHORITY_CHANGE_DISTANCE;
}

/** Whether `longer` is `shorter` with one key put in somewhere. */
function differsByOne(longer: readonly Uint8Array[], shorter: readonly Uint8Array[]): boolean {
  if (longer.length !== shorter.length + 1) return false;
  let skipped = 0;
  for (const [index, key] of shorter.entries()) {
    if (skipped === 0 && !equalBytes(longer[index] as Uint8Array, key)) skipped = 1;
    if (!equalBytes(longer[index + skipped] as Uint8Array, key)) return false;
  }
  return true;
}

function hasRepetition(keys: readonly Uint8Array[]): boolean {
  return keys.some((key, index) => keys.slice(index + 1).some((later) => equalBytes(key, later)));
}

function invalid(reason: AuthorityChangeFault): BlockFault {
  return blockFault("INVALID_AUTHORITY_CHANGE", { reason });
}
