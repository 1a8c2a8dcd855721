/**
 * Parsers of option values for commander: durations, whole numbers, hex. A bad value is a wrong call, exit
 * status 64.
 */
import { InvalidArgumentError } from "commander";
import { PUBLIC_KEY_LENGTH } from "../chain/body-layout.ts";
import { fromHex } from "../chain/hex.ts";
import { isRequestId } from "../control/request-ids.ts";

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** "500ms", "5s", "2m", "12h", "7d" in milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const unitMs = UNITS_MS[match?.[2] ?? ""];
  const ms = Math.round(Number(match?.[1]) * (unitMs ?? Number.NaN));
  if (!Number.isSafeInteger(ms) || ms <= 0) {
    throw new InvalidArgumentError("Not a duration such as 500ms, 5s, 2m, 12h or 7d.");
  }
  return ms;
}

/** A whole number of a range. */
export function parseWhole(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
    const upTo = max === Number.MAX_SAFE_INTEGER ? "" : ` and at most ${max}`;
    throw new InvalidArgumentError(`Not a whole number of at least ${min}${upTo}.`);
  };
}

/** A height or other number of 64 bits. */
export function parseUint64(text: string): bigint {
  const value = /^\d{1,20}$/.test(text) ? BigInt(text) : -1n;
  if (value >= 0n && value < 2n ** 64n) return value;
  throw new InvalidArgumentError("Not a whole number of 64 bits.");
}

/** Bytes of hex text, with or without 0x. */
export function parseHex(text: string): Uint8Array {
  try {
    return fromHex(text);
  } catch {
    throw new InvalidArgumentError("Not hexadecimal.");
  }
}

/** The key of a member: 48 bytes of hex. */
export function parseMemberKey(text: string): Uint8Array {
  const key = parseHex(text);
  if (key.length !== PUBLIC_KEY_LENGTH) throw new InvalidArgumentError("Not 48 bytes of hex.");
  return key;
}

/** A caller's name for its call, as x-request-id takes it. */
export function parseRequestId(text: string): string {
  if (isRequestId(text)) return text;
  throw new InvalidArgumentError("Not 1 to 128 letters, digits and _.:/@+-.");
}

/** HOST:PORT, or unix:PATH; a bare path of a socket is taken as one. */
export function parseAddress(text: string): string {
  if (text.startsWith("unix:") && text.length > 5) return text;
  if (text.startsWith("/") || text.startsWith("./")) return `unix:${text}`;
  if (/^(\[[0-9a-fA-F:.]+\]|[^:/\s]+):\d{1,5}$/.test(text)) return text;
  throw new InvalidArgumentError("Not HOST:PORT or unix:PATH.");
}
