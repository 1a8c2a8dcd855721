/**
 * Who this node is: an ed25519 key, kept in a file that only its owner may read, and the peer id made of it. Written with
 * node:crypto alone, so that the in-memory host has true peer ids and signatures too. The file holds libp2p's
 * serialization of the private key in base64, as other libp2p nodes keep theirs.
 */

import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { chmod, open, readFile, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { assert, type Failure, failure } from "../kernel/errors.ts";
import { makeFolder } from "../kernel/ports/folder.ts";
import type { Random } from "../kernel/ports/random.ts";
import { peerIdOf, publicKeyOfPeer } from "./peer-id.ts";

const SEED_LENGTH = 32;
const KEY_LENGTH = 32;
const SIGNATURE_LENGTH = 64;

/** Protobuf of a private key: type = 1 (ed25519), data = 64 bytes (seed, public key). */
const PRIVATE_PREFIX = Uint8Array.of(0x08, 0x01, 0x12, 0x40);

export interface Identity {
  readonly peerId: string;
  /** 32 bytes. Secret. */
  readonly seed: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** ed25519, 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function privateKeyOf(seed: Uint8Array): KeyObject {
  // PKCS#8 of an ed25519 seed is this prefix and the seed; a JWK would need the public key beforehand.
  const prefix = Buffer.from("302e020100300506032b657004220420", "hex");
  return createPrivateKey({ key: Buffer.concat([prefix, seed]), format: "der", type: "pkcs8" });
}

export function identityFromSeed(seed: Uint8Array): Identity {
  assert(seed.length === SEED_LENGTH, "an ed25519 seed has 32 bytes");
  const privateKey = privateKeyOf(seed);
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  assert(typeof x === "string", "an ed25519 key has a public part");
  const publicKey = new Uint8Array(Buffer.from(x, "base64url"));
  return {
    peerId: peerIdOf(publicKey),
    seed: seed.slice(),
    publicKey,
    sign: (bytes) => new Uint8Array(sign(null, bytes, privateKey)),
  };
}

/** True only for a signature by the key of that peer id; malformed ids and signatures are false. */
export function verifyPeerSignature(peerId: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  const publicKey = publicKeyOfPeer(peerId);
  if (publicKey === undefined || signature.length !== SIGNATURE_LENGTH) return false;
  try {
    const key = createPublicKey({
      format: "jwk",
      key: { kty: "OKP", crv: "Ed25519", x: base64Url(publicKey) },
    });
    return verify(null, bytes, key, signature);
  } catch {
    // Bytes that are no point of the curve: nobody can have signed with them.
    return false;
  }
}

/** Loads the key file, or makes one (0600, written beside and renamed). Rejects with a Failure. */
export async function loadOrCreateIdentity(path: string, random: Random): Promise<Identity> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) throw keyFileFailure("IDENTITY_EXPOSED", path, "others can read it; chmod 600");
    return parseIdentity(await readFile(path, "utf8"), path);
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;
  }
  const identity = identityFromSeed(random.bytes(SEED_LENGTH));
  await writeIdentity(path, identity);
  return identity;
}

async function writeIdentity(path: string, identity: Identity): Promise<void> {
  makeFolder(dirname(path), 0o700);
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(`${serializeIdentity(identity)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(temporary, 0o600);
  await rename(temporary, path);
}

/** libp2p's private key protobuf, base64. */
export function serializeIdentity(identity: Identity): string {
  return Buffer.concat([PRIVATE_PREFIX, identity.seed, identity.publicKey]).toString("base64");
}

/** Throws a Failure when the text is no ed25519 key, or its halves do not belong together. */
function parseIdentity(text: string, path: string): Identity {
  const bytes = new Uint8Array(Buffer.from(text.trim(), "base64"));
  const isKey =
    bytes.length === PRIVATE_PREFIX.length + SEED_LENGTH + KEY_LENGTH &&
    PRIVATE_PREFIX.every((byte, index) => bytes[index] === byte);
  if (!isKey) throw keyFileFailure("IDENTITY_MALFORMED", path, "it is no ed25519 key");
  const seedEnd = PRIVATE_PREFIX.length + SEED_LENGTH;
  const identity = identityFromSeed(bytes.subarray(PRIVATE_PREFIX.length, seedEnd));
  if (Buffer.compare(identity.publicKey, bytes.subarray(seedEnd)) !== 0) {
    throw keyFileFailure("IDENTITY_MALFORMED", path, "its public key is another's");
  }
  return identity;
}

function keyFileFailure(reason: string, path: string, problem: string): Failure {
  return failure("FAILED_PRECONDITION", reason, `identity key ${path}: ${problem}`);
}
