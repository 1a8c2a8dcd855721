/**
 * Reads a file of proofs of possession: keys and proofs in the file's order. It looks at the form alone; the node, or
 * `alysctl keys proofs`, verifies the proofs. Pure.
 */
import { SIGNATURE_LENGTH } from "../chain/approval.ts";
import { PUBLIC_KEY_LENGTH } from "../chain/body-layout.ts";
import { fromHex, toHex } from "../chain/hex.ts";
import { type Failure, failure } from "../kernel/errors.ts";

export interface Possession {
  /** 48 bytes. */
  readonly key: Uint8Array;
  /** 96 bytes. */
  readonly proof: Uint8Array;
}

/** What the file's text says for the chain; a Failure INVALID_ARGUMENT with the field's path otherwise. */
export function readPossessions(text: string, genesisHash: Uint8Array): Possession[] | Failure {
  const { genesisHash: named, proofs } = objectOf(parse(text));
  const chain = hexOf(named, genesisHash.length);
  if (chain === undefined) return bad("genesisHash", "genesisHash is not 32 bytes of hex");
  if (toHex(chain) !== toHex(genesisHash)) {
    return bad(
      "genesisHash",
      `these proofs are for chain ${toHex(chain)}, the node's is ${toHex(genesisHash)}`,
    );
  }
  if (!Array.isArray(proofs)) return bad("proofs", "proofs is not a list");
  const read: Possession[] = [];
  for (const [index, entry] of proofs.entries()) {
    const { authority, proof: signature } = objectOf(entry);
    const key = hexOf(authority, PUBLIC_KEY_LENGTH);
    const proof = hexOf(signature, SIGNATURE_LENGTH);
    if (key === undefined)
      return bad(`proofs[${index}].authority`, `authority ${index} is not 48 bytes of hex`);
    if (proof === undefined) return bad(`proofs[${index}].proof`, `proof ${index} is not 96 bytes of hex`);
    read.push({ key, proof });
  }
  return read;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function hexOf(value: unknown, length: number): Uint8Array | undefined {
  if (typeof value !== "string" || !/^(0x)?[0-9a-fA-F]*$/.test(value)) return undefined;
  const digits = value.replace(/^0x/, "");
  return digits.length === length * 2 ? fromHex(digits) : undefined;
}

function bad(field: string, message: string): Failure {
  return failure("INVALID_ARGUMENT", "POSSESSION_FILE_INVALID", message, { field });
}
