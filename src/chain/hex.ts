/**
 * Hexadecimal text and bytes. Used where people and JSON meet the chain: chain specifications, logs, test
 * vectors.
 */

import { Buffer } from "node:buffer";
import { MalformedError } from "./malformed.ts";

/** Lower-case hex without a prefix. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Bytes of a hex text, with or without `0x`, in either case. Throws MalformedError on anything else. */
export function fromHex(text: string): Uint8Array {
  const digits = text.startsWith("0x") ? text.slice(2) : text;
  if (digits.length % 2 !== 0) throw new MalformedError("hex text has an odd number of digits");
  if (!/^[0-9a-fA-F]*$/.test(digits))
    throw new MalformedError("hex text has a character that is no hex digit");
  // A copy outside Node's shared pool: callers may transfer or keep the buffer.
  return new Uint8Array(Buffer.from(digits, "hex"));
}
