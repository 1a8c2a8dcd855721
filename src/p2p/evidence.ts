/**
 * Evidence: what is kept of bytes that broke a rule. First the SHA-256 digest of all of them, by which two cases are told
 * apart, then as many of the bytes themselves as help a person to see what was wrong.
 */

import { createHash } from "node:crypto";

/** Bytes of the digest that every piece of evidence begins with. */
export const DIGEST_LENGTH = 32;

/** Of the bytes themselves only the first ones are kept: with the digest half of what a ban's record takes. */
const EXCERPT_BYTES_MAX = 480;

/** The digest and the first bytes. */
export function evidenceOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const excerpt = bytes.subarray(0, EXCERPT_BYTES_MAX);
  const evidence = new Uint8Array(DIGEST_LENGTH + excerpt.length);
  evidence.set(createHash("sha256").update(bytes).digest(), 0);
  evidence.set(excerpt, DIGEST_LENGTH);
  return evidence;
}

/** The digest, in hex; undefined for evidence that has none: then nobody can be shown to have sent the same. */
export function digestIn(evidence: Uint8Array): string | undefined {
  if (evidence.length < DIGEST_LENGTH) return undefined;
  return Buffer.from(evidence.subarray(0, DIGEST_LENGTH)).toString("hex");
}
