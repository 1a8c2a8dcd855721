/** Makes what tells one chain of messages from another: correlation ids and W3C trace contexts. */
import type { Random } from "./ports/random.ts";

/** Makes correlation ids: a random prefix for the process and a counter. Cheap, unique, easy to search for. */
export class CorrelationIds {
  readonly #prefix: string;
  #next = 0;

  constructor(random: Random) {
    this.#prefix = Buffer.from(random.bytes(4)).toString("hex");
  }

  next(): string {
    this.#next += 1;
    return `${this.#prefix}-${this.#next.toString(36)}`;
  }
}

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The value if it is a well-formed W3C traceparent of version 00, undefined otherwise. */
export function parseTraceparent(value: string): string | undefined {
  return TRACEPARENT.test(value) ? value : undefined;
}

/** Starts a trace; the sampled flag is set. */
export function newTraceparent(random: Random): string {
  return `00-${nonZeroHex(random, 16)}-${nonZeroHex(random, 8)}-01`;
}

/** A new span in the same trace. */
export function childTraceparent(parent: string, random: Random): string {
  return `${parent.slice(0, 36)}${nonZeroHex(random, 8)}${parent.slice(52)}`;
}

function nonZeroHex(random: Random, length: number): string {
  const bytes = random.bytes(length);
  // The specification forbids an id of zeros only.
  if (bytes.every((byte) => byte === 0)) bytes[length - 1] = 1;
  return Buffer.from(bytes).toString("hex");
}
