/** Peer ids of ed25519 keys: the base58 text, the binary form, and the public key inside. Pure. */

import { assert } from "../kernel/errors.ts";

const KEY_LENGTH = 32;

/** A peer id is an identity multihash (0x00, 36 bytes) of the protobuf of the public key: type = 1, data = 32 bytes. */
const PEER_ID_PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** No peer id is longer; decoding is quadratic, so longer text is not looked at. */
const PEER_ID_TEXT_MAX = 64;

/** Base58 peer id of an ed25519 public key. */
export function peerIdOf(publicKey: Uint8Array): string {
  assert(publicKey.length === KEY_LENGTH, "an ed25519 public key has 32 bytes");
  return base58Encode(Buffer.concat([PEER_ID_PREFIX, publicKey]));
}

/** The ed25519 key inside a peer id; `undefined` for malformed ids and for those of other key types. */
export function publicKeyOfPeer(peerId: string): Uint8Array | undefined {
  if (peerId.length > PEER_ID_TEXT_MAX) return undefined;
  const bytes = base58Decode(peerId);
  if (bytes?.length !== PEER_ID_PREFIX.length + KEY_LENGTH) return undefined;
  if (!PEER_ID_PREFIX.every((byte, index) => bytes[index] === byte)) return undefined;
  return bytes.subarray(PEER_ID_PREFIX.length);
}

/** The binary form of an ed25519 peer id, 38 bytes, as a delegation carries it; `undefined` as above. */
export function peerIdBytes(peerId: string): Uint8Array | undefined {
  return publicKeyOfPeer(peerId) === undefined ? undefined : base58Decode(peerId);
}

function base58Encode(bytes: Uint8Array): string {
  let value = BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`);
  let text = "";
  while (value > 0n) {
    text = BASE58.charAt(Number(value % 58n)) + text;
    value /= 58n;
  }
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return "1".repeat(zeros === -1 ? bytes.length : zeros) + text;
}

function base58Decode(text: string): Uint8Array | undefined {
  let value = 0n;
  for (const letter of text) {
    const digit = BASE58.indexOf(letter);
    if (digit === -1) return undefined;
    value = value * 58n + BigInt(digit);
  }
  const hex = value === 0n ? "" : value.toString(16);
  const body = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  const zeros = text.length - text.replace(/^1+/, "").length;
  return new Uint8Array(Buffer.concat([Buffer.alloc(zeros), body]));
}
