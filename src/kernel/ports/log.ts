/**
 * The port of structured logging. The telemetry floor implements it; the kernel and the actors only see this. Also its
 * twins: one that is silent and one that remembers, for tests.
 */

/** Structured fields of a log line, named in camelCase; values must be cheap to serialize. An `Error` goes under `error`. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A log whose every line carries these fields too. */
  child(fields: Fields): Log;
}

function nothing(): void {}

/** Says nothing. */
export const silentLog: Log = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLog,
};

export interface LogRecord {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Fields;
}

/** Lines that a MemoryLog keeps; at the bound the oldest go. */
const RECORDS_MAX = 10_000;

/** Remembers its lines. Children write into the same list. */
export class MemoryLog implements Log {
  readonly records: LogRecord[];
  readonly #fields: Fields;

  constructor(fields: Fields = {}, records: LogRecord[] = []) {
    this.#fields = fields;
    this.records = records;
  }

  debug(message: string, fields?: Fields): void {
    this.#write("debug", message, fields);
  }
  info(message: string, fields?: Fields): void {
    this.#write("info", message, fields);
  }
  warn(message: string, fields?: Fields): void {
    this.#write("warn", message, fields);
  }
  error(message: string, fields?: Fields): void {
    this.#write("error", message, fields);
  }
  child(fields: Fields): Log {
    return new MemoryLog({ ...this.#fields, ...fields }, this.records);
  }

  #write(level: LogRecord["level"], message: string, fields: Fields | undefined): void {
    if (this.records.length >= RECORDS_MAX) this.records.shift();
    this.records.push({ level, message, fields: { ...this.#fields, ...fields } });
  }
}
