/**
 * The file that hands a delegation to a node without the authority key, a member's sentry: JSON of the genesis hash, the
 * SSZ Delegation and its signature, both in hex. Pure.
 */
import { type Failure, failure } from "../kernel/errors.ts";
import { SIGNATURE_LENGTH } from "./approval.ts";
import { type SecretKey, verifyAggregate } from "./bls.ts";
import { equalBytes } from "./bytes.ts";
import {
  type Delegation,
  decodeDelegation,
  delegationSigningRoot,
  encodeDelegation,
  ROLE_SENTRY,
  signDelegation,
} from "./delegation.ts";
import { fromHex, toHex } from "./hex.ts";
import { MalformedError } from "./malformed.ts";

/** A delegation that holds: its signature was verified. */
export interface SignedDelegation {
  readonly delegation: Delegation;
  /** SSZ. */
  readonly bytes: Uint8Array;
  /** 96 bytes. */
  readonly signature: Uint8Array;
}

/** A full file has some 600 bytes. */
export const DELEGATION_FILE_BYTES_MAX = 8_192;

/** The text for a sentry with this peer id (binary form), until `expiryMs`. */
export function encodeDelegationFile(
  key: SecretKey,
  peerId: Uint8Array,
  expiryMs: number,
  genesisHash: Uint8Array,
): string {
  const delegation = { publicKey: key.publicKey, peerId, role: ROLE_SENTRY, expiryMs } as const;
  const file = {
    genesisHash: `0x${toHex(genesisHash)}`,
    member: `0x${toHex(key.publicKey)}`,
    expires: new Date(expiryMs).toISOString(),
    delegation: `0x${toHex(encodeDelegation(delegation))}`,
    signature: `0x${toHex(signDelegation(key, delegation, genesisHash))}`,
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/**
 * INVALID_ARGUMENT/DELEGATION_FILE_INVALID for a bad form, another chain, another peer, another role than a sentry's, or a
 * signature that does not verify. One that has ended is read all the same: whoever shows it says so.
 */
export function readDelegationFile(
  text: string,
  peerId: Uint8Array,
  genesisHash: Uint8Array,
): SignedDelegation | Failure {
  const file = parse(text);
  const chain = hexOf(file["genesisHash"]);
  const bytes = hexOf(file["delegation"]);
  const signature = hexOf(file["signature"]);
  if (chain === undefined || bytes === undefined || signature?.length !== SIGNATURE_LENGTH)
    return invalid("it has no genesisHash, delegation and signature in hex");
  if (!equalBytes(chain, genesisHash)) return invalid(`it is for chain ${toHex(chain)}`);
  try {
    const delegation = decodeDelegation(bytes);
    if (!equalBytes(delegation.peerId, peerId)) return invalid("it is for another peer id than this node's");
    if (delegation.role !== ROLE_SENTRY)
      return invalid("it makes this node a member, which needs the authority key itself");
    const root = delegationSigningRoot(delegation, genesisHash);
    if (!verifyAggregate([delegation.publicKey], root, signature)) return invalid("its signature is bad");
    return { delegation, bytes, signature };
  } catch (error) {
    if (error instanceof MalformedError) return invalid(error.message);
    throw error;
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function hexOf(value: unknown): Uint8Array | undefined {
  if (typeof value !== "string" || !/^(0x)?([0-9a-fA-F]{2})+$/.test(value)) return undefined;
  return fromHex(value.replace(/^0x/, ""));
}

function invalid(why: string): Failure {
  return failure("INVALID_ARGUMENT", "DELEGATION_FILE_INVALID", `the delegation is of no use: ${why}`);
}
