/**
 * The trace of a run: everything that happens, line by line, hashed as it comes. Equal hashes mean equal runs. Kept in
 * full only for the replay of one seed; else the newest lines, for the report of a failure.
 */

import { createHash } from "node:crypto";
import type { Fields, Log, LogRecord } from "../../src/kernel/ports/log.ts";

/** Lines kept for the report of a failure; at the bound the oldest go. */
const LINES_KEPT = 400;

export class Trace {
  readonly #hash = createHash("sha256");
  readonly #nowMs: () => number;
  readonly #isWhole: boolean;
  readonly #print: ((line: string) => void) | undefined;
  readonly lines: string[] = [];
  count = 0;

  constructor(nowMs: () => number, options: { readonly isWhole?: boolean; print?(line: string): void } = {}) {
    this.#nowMs = nowMs;
    this.#isWhole = options.isWhole ?? false;
    this.#print = options.print;
  }

  add(who: string, what: string): void {
    const line = `${this.#nowMs().toFixed(0).padStart(7)} ${who.padEnd(9)} ${what}`;
    this.#hash.update(line).update("\n");
    this.count += 1;
    this.#print?.(line);
    if (!this.#isWhole && this.lines.length >= LINES_KEPT) this.lines.shift();
    this.lines.push(line);
  }

  digest(): string {
    return this.#hash.copy().digest("hex").slice(0, 32);
  }
}

/** A log whose lines go to the trace and to whoever listens; debug lines are left out. */
export class TraceLog implements Log {
  readonly #write: (record: LogRecord) => void;
  readonly #fields: Fields;

  constructor(write: (record: LogRecord) => void, fields: Fields = {}) {
    this.#write = write;
    this.#fields = fields;
  }

  debug(): void {}
  info(message: string, fields?: Fields): void {
    this.#write({ level: "info", message, fields: { ...this.#fields, ...fields } });
  }
  warn(message: string, fields?: Fields): void {
    this.#write({ level: "warn", message, fields: { ...this.#fields, ...fields } });
  }
  error(message: string, fields?: Fields): void {
    this.#write({ level: "error", message, fields: { ...this.#fields, ...fields } });
  }
  child(fields: Fields): Log {
    return new TraceLog(this.#write, { ...this.#fields, ...fields });
  }
}

/** The fields of a line on one line, the same for the same values in any process. */
export function fieldsText(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(" ");
}

function valueText(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex").slice(0, 16);
  if (value instanceof Error) return JSON.stringify(value.message);
  // A stack names folders of this machine, and a list of events is long: their number says enough.
  if (Array.isArray(value)) return `[${value.length}]`;
  if (typeof value === "object" && value !== null) return `{${fieldsText(value as Fields)}}`;
  if (typeof value === "string") return value.includes(" ") ? JSON.stringify(value) : value;
  return String(value);
}
