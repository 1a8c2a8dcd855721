/**
 * Proofs of possession: a key's signature over itself, without which a set of keys admits rogue-key
 * forgeries. Also the side file that brings the proofs of a chain specification's own authorities, because
 * Alys's JSON has none.
 */
import { type Failure, failure } from "../kernel/errors.ts";
import { SIGNATURE_LENGTH } from "./approval.ts";
import { type SecretKey, sign, verifyAggregate } from "./bls.ts";
import { PUBLIC_KEY_LENGTH } from "./body-layout.ts";
import { equalBytes } from "./bytes.ts";
import { fromHex, toHex } from "./hex.ts";
import { byteVectorRoot } from "./merkle.ts";
import { DOMAIN_PROOF_OF_POSSESSION, domain, signingRoot } from "./signing.ts";
import type { SignatureCheck } from "./validator.ts";

/** The proof (96 bytes) that the holder of `secretKey` gives for its public key on one chain. */
export function provePossession(secretKey: SecretKey, genesisHash: Uint8Array): Uint8Array {
  return sign(secretKey, possessionSigningRoot(secretKey.publicKey, genesisHash));
}

/** Whether `proof` is the signature of `publicKey` (48 bytes) over itself; never throws. About 1.4 ms. */
export function verifyPossession(publicKey: Uint8Array, proof: Uint8Array, genesisHash: Uint8Array): boolean {
  return verifyAggregate([publicKey], possessionSigningRoot(publicKey, genesisHash), proof);
}

/** The same as a statement for a batch. */
export function possessionCheck(
  publicKey: Uint8Array,
  proof: Uint8Array,
  genesisHash: Uint8Array,
): SignatureCheck {
  return {
    publicKeys: [publicKey],
    signingRoot: possessionSigningRoot(publicKey, genesisHash),
    signature: proof,
  };
}

/** Text of a side file with the proofs of these keys. */
export function encodePossessionFile(secretKeys: readonly SecretKey[], genesisHash: Uint8Array): string {
  const proofs = secretKeys.map((key) => ({ key: key.publicKey, proof: provePossession(key, genesisHash) }));
  return encodePossessions(proofs, genesisHash);
}

/** The same of proofs that were made elsewhere. */
export function encodePossessions(
  list: readonly { readonly key: Uint8Array; readonly proof: Uint8Array }[],
  genesisHash: Uint8Array,
): string {
  const proofs = list.map(({ key, proof }) => ({ authority: `0x${toHex(key)}`, proof: `0x${toHex(proof)}` }));
  return `${JSON.stringify({ genesisHash: `0x${toHex(genesisHash)}`, proofs }, undefined, 2)}\n`;
}

/**
 * Checks the side file's text against a chain's authorities. Answers the authorities for which it has no
 * proof (empty: all proven). INVALID_ARGUMENT with the field's path: bad form, another chain, a proof that
 * does not verify.
 */
export function checkPossessionFile(
  text: string,
  authorities: readonly Uint8Array[],
  genesisHash: Uint8Array,
): Uint8Array[] | Failure {
  const file = parseObject(text);
  if (file === undefined) return invalid("", "the file of proofs of possession is not a JSON object");
  const named = hexOf(file["genesisHash"], 32);
  if (named === undefined) return invalid("genesisHash", "genesisHash is not 32 bytes of hex");
  if (!equalBytes(named, genesisHash)) {
    return invalid("genesisHash", `these proofs are for chain ${toHex(named)}, not ${toHex(genesisHash)}`);
  }
  const { proofs } = file;
  if (!Array.isArray(proofs)) return invalid("proofs", "proofs is not a list");
  const unproven = [...authorities];
  for (const [index, entry] of proofs.entries()) {
    const field = `proofs[${index}]`;
    const { authority, proof } = isObject(entry) ? entry : {};
    const key = hexOf(authority, PUBLIC_KEY_LENGTH);
    const signature = hexOf(proof, SIGNATURE_LENGTH);
    if (key === undefined) return invalid(`${field}.authority`, `${field}.authority is not 48 bytes of hex`);
    if (signature === undefined) return invalid(`${field}.proof`, `${field}.proof is not 96 bytes of hex`);
    const position = unproven.findIndex((candidate) => equalBytes(candidate, key));
    if (position < 0) return invalid(`${field}.authority`, `${field} is for no authority, or a second time`);
    if (!verifyPossession(key, signature, genesisHash)) {
      return invalid(`${field}.proof`, `${field} does not prove possession of ${toHex(key)}`);
    }
    unproven.splice(position, 1);
  }
  return unproven;
}

function possessionSigningRoot(publicKey: Uint8Array, genesisHash: Uint8Array): Uint8Array {
  return signingRoot(byteVectorRoot(publicKey), domain(DOMAIN_PROOF_OF_POSSESSION, genesisHash));
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hexOf(value: unknown, length: number): Uint8Array | undefined {
  if (typeof value !== "string" || !/^(0x)?[0-9a-fA-F]*$/.test(value)) return undefined;
  const digits = value.replace(/^0x/, "");
  return digits.length === length * 2 ? fromHex(digits) : undefined;
}

function invalid(field: string, message: string): Failure {
  return failure("INVALID_ARGUMENT", "POSSESSION_FILE_INVALID", message, { field });
}
