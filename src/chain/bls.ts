/**
 * BLS12-381 signatures: keys in G1 (48 bytes), signatures in G2 (96 bytes), Ethereum's proof-of-possession
 * ciphersuite. The only file that imports blst. The binding throws on bytes that are no valid point; every
 * call on bytes from outside is wrapped here, so that a bad point is simply `false` (or `undefined`), never a
 * throw. Calls block the calling thread (a batch also uses all cores): on hot paths only validation workers
 * call.
 */
import {
  aggregatePublicKeys,
  SecretKey as BlstSecretKey,
  aggregateSignatures as blstAggregateSignatures,
  fastAggregateVerify,
  PublicKey,
  Signature,
  verifyMultipleAggregateSignatures,
} from "@chainsafe/blst";
import { SIGNATURE_LENGTH } from "./approval.ts";
import { PUBLIC_KEY_LENGTH } from "./body-layout.ts";

/** Bytes of a secret key (scalar, big-endian, 1 … r − 1). */
export const SECRET_KEY_LENGTH = 32;
/** Bytes of a signing root. */
const SIGNING_ROOT_LENGTH = 32;
/**
 * Sets one batch call may verify: the approvals of a full segment and that of its first block's parent, because a set
 * verified alone costs as much as two in a batch. They hold a thread about 30 ms on two cores; larger batches gain
 * little. A larger batch is a programmer's error: `verifyEach` cuts.
 */
export const BATCH_SETS_MAX = 65;
/**
 * Validated public keys kept decoded (validation costs 76 µs each). 1,024 covers many sets of 15; at the
 * bound the key that was added first is dropped and decoded again when next seen. Only valid keys are kept,
 * about 150 B each.
 */
const KEY_CACHE_MAX = 1024;

/**
 * Sums of signers' keys kept: to add ten keys up costs 25 µs. Members take turns as authors and few are away at a time, so
 * that groups come back; at the bound the oldest goes and is added up anew. About 150 B each, and its list.
 */
const SUM_CACHE_MAX = 64;

/** Order of the group; secret keys are integers modulo it. */
const GROUP_ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;

/** One statement to verify: all `publicKeys` signed `signingRoot`, and `signature` is the sum. */
export interface SignatureSet {
  readonly publicKeys: readonly Uint8Array[];
  readonly signingRoot: Uint8Array;
  readonly signature: Uint8Array;
}

/** A secret key. The scalar stays in a private field, so that logging the object shows nothing. */
export class SecretKey {
  readonly #key: BlstSecretKey;
  /** The compressed public key, 48 bytes. */
  readonly publicKey: Uint8Array;

  private constructor(key: BlstSecretKey) {
    this.#key = key;
    this.publicKey = key.toPublicKey().toBytes();
  }

  /** From 32 big-endian bytes; `undefined` if they are no scalar in 1 … r − 1. */
  static fromBytes(bytes: Uint8Array): SecretKey | undefined {
    if (bytes.length !== SECRET_KEY_LENGTH) return undefined;
    try {
      return new SecretKey(BlstSecretKey.fromBytes(bytes));
    } catch {
      return undefined;
    }
  }

  /**
   * The key that 32 or more seed bytes derive (IETF KeyGen). The seed must be secret and uniformly random.
   */
  static fromSeed(seed: Uint8Array): SecretKey {
    if (seed.length < SECRET_KEY_LENGTH) throw new RangeError("a key seed has at least 32 bytes");
    return new SecretKey(BlstSecretKey.fromKeygen(seed));
  }

  /** The 32 big-endian bytes of the scalar, for the key file alone. */
  toBytes(): Uint8Array {
    return this.#key.toBytes();
  }

  /** Signature (96 bytes) over a 32-byte signing root. */
  sign(signingRoot: Uint8Array): Uint8Array {
    if (signingRoot.length !== SIGNING_ROOT_LENGTH) throw new RangeError("a signing root has 32 bytes");
    return this.#key.sign(signingRoot).toBytes();
  }
}

/** Signature (96 bytes) of `secretKey` over a 32-byte signing root. */
export function sign(secretKey: SecretKey, signingRoot: Uint8Array): Uint8Array {
  return secretKey.sign(signingRoot);
}

/** The compressed public key (48 bytes) of a secret key. */
export function publicKeyOf(secretKey: SecretKey): Uint8Array {
  return secretKey.publicKey;
}

/**
 * The secret key whose signature is the aggregate of all the keys' signatures over one root: the sum modulo
 * the group order. For forges and tests that hold every member's key. Throws if the keys cancel out.
 */
export function sumSecretKeys(secretKeys: readonly SecretKey[]): SecretKey {
  let sum = 0n;
  for (const key of secretKeys) sum += BigInt(`0x${Buffer.from(key.toBytes()).toString("hex")}`);
  const hex = (sum % GROUP_ORDER).toString(16).padStart(SECRET_KEY_LENGTH * 2, "0");
  const total = SecretKey.fromBytes(Buffer.from(hex, "hex"));
  if (total === undefined) throw new RangeError("the secret keys sum to zero");
  return total;
}

/** Whether 48 bytes are a compressed point of the right subgroup that is not infinity. */
export function isValidPublicKey(bytes: Uint8Array): boolean {
  return decodePublicKey(bytes) !== undefined;
}

/** Sum of signatures over one root (96 bytes); `undefined` if there is none or one is not a valid point. */
export function aggregateSignatures(signatures: readonly Uint8Array[]): Uint8Array | undefined {
  const points: Signature[] = [];
  for (const bytes of signatures) {
    const point = decodeSignature(bytes);
    if (point === undefined) return undefined;
    points.push(point);
  }
  if (points.length === 0) return undefined;
  try {
    return blstAggregateSignatures(points, false).toBytes();
  } catch {
    return undefined;
  }
}

/**
 * Whether `signature` is the aggregate of every key's signature over `signingRoot` (about 1.4 ms of one
 * thread). Sound only for keys whose proof of possession was verified. No key, an invalid key or point:
 * `false`.
 */
export function verifyAggregate(
  publicKeys: readonly Uint8Array[],
  signingRoot: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (signingRoot.length !== SIGNING_ROOT_LENGTH) return false;
  const keys = decodePublicKeys(publicKeys);
  const point = decodeSignature(signature);
  if (keys === undefined || point === undefined) return false;
  try {
    return fastAggregateVerify(signingRoot, keys, point, false);
  } catch {
    return false;
  }
}

/**
 * Whether every set holds, with random coefficients (a forgery passes with probability 2^-64). At most
 * BATCH_SETS_MAX sets a call; no sets hold trivially. About 330 µs a set with both of two cores.
 */
export function verifyBatch(sets: readonly SignatureSet[]): boolean {
  if (sets.length > BATCH_SETS_MAX) throw new RangeError(`a batch has at most ${BATCH_SETS_MAX} sets`);
  const [first] = sets;
  if (first === undefined) return true;
  if (sets.length === 1) return verifyAggregate(first.publicKeys, first.signingRoot, first.signature);
  try {
    const decoded = [];
    const sums: KeySum<Uint8Array>[] = [];
    for (const { publicKeys, signingRoot, signature } of sets) {
      if (signingRoot.length !== SIGNING_ROOT_LENGTH) return false;
      const pk = sumKeys(publicKeys, sums);
      const sig = decodeSignature(signature);
      if (pk === undefined || sig === undefined) return false;
      decoded.push({ msg: signingRoot, pk, sig });
    }
    return verifyMultipleAggregateSignatures(decoded, false, false);
  } catch {
    return false;
  }
}

/** Keys, and the key that their signatures' sum belongs to. */
interface KeySum<K> {
  readonly keys: readonly K[];
  readonly sum: PublicKey;
}

/**
 * The sum of the keys; `undefined` if one is invalid. Sets of one batch have few signers' groups among them, made of the
 * same arrays, so that sums are looked up in `sums` first, where new ones are put.
 */
function sumKeys(keys: readonly Uint8Array[], sums: KeySum<Uint8Array>[]): PublicKey | undefined {
  const known = findSum(sums, keys);
  if (known !== undefined) return known;
  const decoded = decodePublicKeys(keys);
  if (decoded === undefined) return undefined;
  const sum = sumDecoded(decoded);
  sums.push({ keys, sum });
  return sum;
}

/** Sums of signers' groups, oldest first. */
const sumCache: KeySum<PublicKey>[] = [];

function sumDecoded(keys: readonly PublicKey[]): PublicKey {
  const known = findSum(sumCache, keys);
  if (known !== undefined) return known;
  const sum = aggregatePublicKeys([...keys], false);
  if (sumCache.length >= SUM_CACHE_MAX) sumCache.shift();
  sumCache.push({ keys, sum });
  return sum;
}

/** By the same objects in the same order: cheap, and true only for equal keys. */
function findSum<K>(sums: readonly KeySum<K>[], keys: readonly K[]): PublicKey | undefined {
  const isSame = (known: readonly K[]): boolean =>
    known.length === keys.length && known.every((key, index) => key === keys[index]);
  return sums.find((each) => isSame(each.keys))?.sum;
}

/**
 * Which of the sets hold, in their order. Verifies in batches and halves a failed one until the bad sets
 * stand alone: one bad set costs about twice a good batch, all bad about as much as one by one plus the
 * halvings.
 */
export function verifyEach(sets: readonly SignatureSet[]): boolean[] {
  const verdicts = new Array<boolean>(sets.length).fill(false);
  for (let start = 0; start < sets.length; start += BATCH_SETS_MAX) {
    verifyRange(sets, start, Math.min(start + BATCH_SETS_MAX, sets.length), verdicts);
  }
  return verdicts;
}

function verifyRange(sets: readonly SignatureSet[], start: number, end: number, verdicts: boolean[]): void {
  if (verifyBatch(sets.slice(start, end))) {
    verdicts.fill(true, start, end);
  } else if (end - start > 1) {
    const middle = (start + end) >>> 1;
    verifyRange(sets, start, middle, verdicts);
    verifyRange(sets, middle, end, verdicts);
  }
}

/** Keys by their bytes, oldest insertion first. */
const keyCache = new Map<string, PublicKey>();

function decodePublicKey(bytes: Uint8Array): PublicKey | undefined {
  if (bytes.length !== PUBLIC_KEY_LENGTH) return undefined;
  const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  const cached = keyCache.get(name);
  if (cached !== undefined) return cached;
  let key: PublicKey;
  try {
    key = PublicKey.fromBytes(bytes, true);
  } catch {
    return undefined;
  }
  if (keyCache.size >= KEY_CACHE_MAX) {
    const oldest = keyCache.keys().next();
    if (oldest.done !== true) keyCache.delete(oldest.value);
  }
  keyCache.set(name, key);
  return key;
}

function decodePublicKeys(list: readonly Uint8Array[]): PublicKey[] | undefined {
  if (list.length === 0) return undefined;
  const keys: PublicKey[] = [];
  for (const bytes of list) {
    const key = decodePublicKey(bytes);
    if (key === undefined) return undefined;
    keys.push(key);
  }
  return keys;
}

/** Decompresses and checks subgroup and infinity: neither may be left out for bytes from outside. */
function decodeSignature(bytes: Uint8Array): Signature | undefined {
  if (bytes.length !== SIGNATURE_LENGTH) return undefined;
  try {
    return Signature.fromBytes(bytes, true, true);
  } catch {
    return undefined;
  }
}
