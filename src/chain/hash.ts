/**
 * SHA-256, twice: `sha256` for single messages (OpenSSL through node:crypto) and `hashPairs` for tree levels
 * (SIMD through @chainsafe/hashtree, 15 million pairs a second and core). Where the native module does not
 * load, `hashPairs` is @noble/hashes: thirty times slower, the same bytes.
 */

import { hash } from "node:crypto";
import { createRequire } from "node:module";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";

/** Hashes each 64-byte pair of `input` to 32 bytes of `output`, which must not overlap it. */
export type HashPairs = (input: Uint8Array, output: Uint8Array) => void;

/** The portable form of `hashPairs`, which tests compare the native one against. */
export const hashPairsPortable: HashPairs = (input, output) => {
  for (let offset = 0; offset < input.length; offset += 64) {
    output.set(nobleSha256(input.subarray(offset, offset + 64)), offset / 2);
  }
};

/**
 * Loads it without awaiting: a thread that is ended while a module of its waits at the top level takes the whole process
 * with it (nodejs/node 43182, 60755), and each validation worker and the store's writer import this file.
 */
function loadNative(): HashPairs | undefined {
  try {
    const { hashInto }: typeof import("@chainsafe/hashtree") = createRequire(import.meta.url)(
      "@chainsafe/hashtree",
    );
    return hashInto;
  } catch {
    // No prebuilt binary for this platform: the portable form takes over, and `hashBackend` says so.
    return undefined;
  }
}

const native = loadNative();

/** Which implementation `hashPairs` is, for the node's information page. */
export const hashBackend: "hashtree" | "noble" = native === undefined ? "noble" : "hashtree";

/** `input.length` is a multiple of 64 and `output.length` half of it. An empty input does nothing. */
export const hashPairs: HashPairs = native ?? hashPairsPortable;

/** SHA-256 of one message: 32 bytes. */
export function sha256(message: Uint8Array): Uint8Array {
  const digest = hash("sha256", message, "buffer");
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.length);
}
