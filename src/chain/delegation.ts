/**
 * Delegation: a member's signed statement that a peer id speaks for it (role member) or relays for it (role
 * sentry) until a time. The transport proves the peer id, so that the statement binds a connection to a
 * member without a challenge. Made by the operator's tools, shown in the status handshake, checked by the
 * peer actor.
 */
import { type SecretKey, sign, verifyAggregate } from "./bls.ts";
import { equalBytes } from "./bytes.ts";
import { readUint32, readUint64, writeUint32, writeUint64 } from "./little-endian.ts";
import { MalformedError } from "./malformed.ts";
import { byteListRoot, byteVectorRoot, containerRoot, uint64Chunk } from "./merkle.ts";
import { DOMAIN_DELEGATION, domain, signingRoot } from "./signing.ts";

/**
 * The peer is the member itself: its federation messages count, and its report of a head counts for a quorum.
 */
export const ROLE_MEMBER = 1;
/** The peer relays for the member and does not hold its authority key. */
export const ROLE_SENTRY = 2;
export type DelegationRole = typeof ROLE_MEMBER | typeof ROLE_SENTRY;

/** Limit of the SSZ type: a peer id of an ed25519 key has 38 bytes, of a hashed key 34. */
const PEER_ID_BYTES_MAX = 64;

/** publicKey: 48 bytes; peerId: 1 to 64 bytes (binary form); expiryMs: Unix time. */
export interface Delegation {
  readonly publicKey: Uint8Array;
  readonly peerId: Uint8Array;
  readonly role: DelegationRole;
  readonly expiryMs: number;
}

/** Why a delegation does not count. Only EXPIRED and NOT_AN_AUTHORITY can happen to an honest peer. */
export type DelegationFault = "MALFORMED" | "OTHER_PEER" | "NOT_AN_AUTHORITY" | "EXPIRED" | "BAD_SIGNATURE";

export type DelegationVerdict =
  | {
      readonly ok: true;
      readonly delegation: Delegation /** Position in the set. */;
      readonly member: number;
    }
  | { readonly ok: false; readonly fault: DelegationFault };

/** What a delegation is judged against. */
export interface DelegationFacts {
  /** The peer id that the transport proved. */
  readonly peerId: Uint8Array;
  /** Keys of the set in force, 48 bytes each. */
  readonly authorities: readonly Uint8Array[];
  readonly genesisHash: Uint8Array;
  readonly nowMs: number;
}

const OFFSET_PEER_ID = 48;
const OFFSET_ROLE = 52;
const OFFSET_EXPIRY = 53;
/** 48 + 4 (offset of the peer id) + 1 + 8. */
const FIXED_LENGTH = 61;

/** SSZ bytes. Throws RangeError on a peer id of a wrong length: our own fault. */
export function encodeDelegation(delegation: Delegation): Uint8Array {
  const { publicKey, peerId, role, expiryMs } = delegation;
  if (publicKey.length !== OFFSET_PEER_ID) throw new RangeError("a public key has 48 bytes");
  if (peerId.length === 0 || peerId.length > PEER_ID_BYTES_MAX)
    throw new RangeError("a peer id has 1 to 64 bytes");
  const bytes = new Uint8Array(FIXED_LENGTH + peerId.length);
  bytes.set(publicKey, 0);
  writeUint32(bytes, OFFSET_PEER_ID, FIXED_LENGTH);
  bytes[OFFSET_ROLE] = role;
  writeUint64(bytes, OFFSET_EXPIRY, expiryMs);
  bytes.set(peerId, FIXED_LENGTH);
  return bytes;
}

/** Throws MalformedError unless `bytes` are exactly one delegation. The arrays are copies. */
export function decodeDelegation(bytes: Uint8Array): Delegation {
  if (bytes.length <= FIXED_LENGTH || bytes.length > FIXED_LENGTH + PEER_ID_BYTES_MAX) {
    throw new MalformedError(`a delegation of ${bytes.length} bytes`);
  }
  if (readUint32(bytes, OFFSET_PEER_ID) !== FIXED_LENGTH) {
    throw new MalformedError("the offset of a delegation's peer id is not 61");
  }
  const role = bytes[OFFSET_ROLE];
  if (role !== ROLE_MEMBER && role !== ROLE_SENTRY)
    throw new MalformedError(`a delegation's role is ${role}`);
  return {
    publicKey: bytes.slice(0, OFFSET_PEER_ID),
    peerId: bytes.slice(FIXED_LENGTH),
    role,
    expiryMs: readUint64(bytes, OFFSET_EXPIRY, "expiry_ms"),
  };
}

/** Hash tree root, 32 bytes. */
export function delegationRoot(delegation: Delegation): Uint8Array {
  return containerRoot([
    byteVectorRoot(delegation.publicKey),
    byteListRoot(delegation.peerId, PEER_ID_BYTES_MAX),
    uint64Chunk(delegation.role),
    uint64Chunk(delegation.expiryMs),
  ]);
}

/** The member's signature (96 bytes) on its delegation. */
export function signDelegation(
  secretKey: SecretKey,
  delegation: Delegation,
  genesisHash: Uint8Array,
): Uint8Array {
  return sign(secretKey, delegationSigningRoot(delegation, genesisHash));
}

/**
 * Judges a delegation (SSZ bytes) and its signature (96 bytes) as they came from a peer; never throws. Cheap
 * checks first, then one signature (about 1.4 ms): the caller limits how often a peer may ask for it.
 */
export function verifyDelegation(
  bytes: Uint8Array,
  signature: Uint8Array,
  facts: DelegationFacts,
): DelegationVerdict {
  let delegation: Delegation;
  try {
    delegation = decodeDelegation(bytes);
  } catch (error) {
    if (error instanceof MalformedError) return { ok: false, fault: "MALFORMED" };
    throw error;
  }
  if (!equalBytes(delegation.peerId, facts.peerId)) return { ok: false, fault: "OTHER_PEER" };
  const member = memberOf(delegation, facts.authorities);
  if (member === undefined) return { ok: false, fault: "NOT_AN_AUTHORITY" };
  if (isExpired(delegation, facts.nowMs)) return { ok: false, fault: "EXPIRED" };
  const root = delegationSigningRoot(delegation, facts.genesisHash);
  if (!verifyAggregate([delegation.publicKey], root, signature)) return { ok: false, fault: "BAD_SIGNATURE" };
  return { ok: true, delegation, member };
}

/** Valid before its expiry, not at it. To be asked again whenever the delegation is relied on. */
export function isExpired(delegation: Delegation, nowMs: number): boolean {
  return nowMs >= delegation.expiryMs;
}

/**
 * Position of the delegating key in a set; `undefined` when it left. To be asked again when the set changes.
 */
export function memberOf(delegation: Delegation, authorities: readonly Uint8Array[]): number | undefined {
  const index = authorities.findIndex((key) => equalBytes(key, delegation.publicKey));
  return index < 0 ? undefined : index;
}

export function delegationSigningRoot(delegation: Delegation, genesisHash: Uint8Array): Uint8Array {
  return signingRoot(delegationRoot(delegation), domain(DOMAIN_DELEGATION, genesisHash));
}
