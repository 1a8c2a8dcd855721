/**
 * Structured logging with pino behind the kernel's Log port. Owns the destination and the level of every actor; the
 * composition root makes it, everyone else holds a child. Bytes are logged as hex, bigints as strings, errors with
 * their stack, so that a message never spoils a line. Writing a line neither throws nor waits: a full disk, or a pipe that nobody reads, costs
 * lines, not an actor.
 */

import { chmodSync, statSync } from "node:fs";
import { type Logger, pino, stdTimeFunctions } from "pino";
import { asError, failure } from "../kernel/errors.ts";
import type { Fields, Log } from "../kernel/ports/log.ts";
import { standardError } from "../kernel/ports/standard-error.ts";
import { LogStream } from "./log-stream.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Mode of the file: its owner writes, its group (whoever collects logs) reads, others do neither. */
const FILE_MODE = 0o640;

/** Hex digits of a byte array that a line shows; the rest is only counted. */
const HEX_DIGITS_MAX = 64;

export interface LogOptions {
  readonly level: LogLevel;
  /** File to append to; undefined means standard error. */
  readonly file: string | undefined;
  /** On every line. */
  readonly fields: Fields;
}

/** The root of all logs, with the power to change levels and to flush. */
export interface RootLog extends Log {
  /** Sets the level of one actor, or of all; answers the level before. */
  setLevel(actor: string | undefined, level: LogLevel): LogLevel;
  /** Writes out what is buffered, as far as it can be written. */
  flush(): void;
  /** Opens the file again by its name, for whoever renamed it; if that fails, goes on with the one it has and says so. */
  reopen(): void;
}

/** Actors are few and named in code; the bound only guards against a mistake. */
const ACTORS_MAX = 64;

/** Lines that cannot be written wait, so many bytes of them; later ones are dropped, and counted in a line afterwards. */
const WAITING_BYTES_MAX = 1_048_576;

/** Throws INVALID_ARGUMENT/CONFIG_INVALID when the file cannot be opened. */
export function openLog(options: LogOptions): RootLog {
  const destination = openDestination(options.file);
  const logger = pino(
    {
      level: options.level,
      base: options.fields,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  let lost = 0;
  destination.on("drop", () => lost++);
  // A line is out again: say how many are missing. If that one is dropped too, the next line that is out says it.
  destination.on("write", () => {
    if (lost === 0) return;
    const lines = lost;
    lost = 0;
    logger.warn({ lines }, "lines of this log were lost, it could not be written");
    if (lost > 0) lost = lines;
  });
  const actors = new Map<string, Logger>();
  const remember = (fields: Fields, child: Logger): void => {
    const actor = fields["actor"];
    if (typeof actor === "string" && actors.size < ACTORS_MAX) actors.set(actor, child);
  };
  return {
    ...wrap(logger, remember),
    setLevel: (actor, level) => {
      if (actor === undefined) {
        const before = logger.level as LogLevel;
        for (const each of [logger, ...actors.values()]) each.level = level;
        return before;
      }
      const child = actors.get(actor);
      const before = (child ?? logger).level as LogLevel;
      if (child !== undefined) child.level = level;
      return before;
    },
    // Lines are written at once; only those that could not be are tried again. flushSync() would try for ever.
    flush: () => void destination.write(""),
    reopen: () => {
      try {
        destination.reopen();
        restrict(options.file);
      } catch (error) {
        logger.warn({ error: plainValue(error) }, "the log file cannot be opened again");
      }
    },
  };
}

function openDestination(file: string | undefined) {
  try {
    const shared = file === undefined && standardError().kind === "shared";
    const destination = shared
      ? new LogStream(standardError().fd, WAITING_BYTES_MAX)
      : pino.destination({
          dest: file ?? standardError().fd,
          sync: true,
          mkdir: true,
          maxLength: WAITING_BYTES_MAX,
          mode: FILE_MODE,
          // A full pipe is not waited for: the line is tried again with the next one.
          retryEAGAIN: () => false,
        });
    restrict(file);
    // Without a listener the error would be thrown at whoever logs. The line waits and is tried again with the next one.
    destination.on("error", () => {});
    return destination;
  } catch (error) {
    const text = `telemetry.log_file: ${file} cannot be opened: ${asError(error).message}`;
    throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", text, { field: "telemetry.log_file" });
  }
}

/** The umask may have taken rights from a new file, and an older version may have left too many on an old one. */
function restrict(file: string | undefined): void {
  if (file !== undefined && statSync(file).isFile()) chmodSync(file, FILE_MODE);
}

function wrap(logger: Logger, remember: (fields: Fields, child: Logger) => void): Log {
  const at =
    (level: "debug" | "info" | "warn" | "error") =>
    (message: string, fields?: Fields): void => {
      if (logger.isLevelEnabled(level)) logger[level](fields === undefined ? {} : plain(fields), message);
    };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => {
      const child = logger.child(plain(fields));
      remember(fields, child);
      return wrap(child, remember);
    },
  };
}

function plain(fields: Fields): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) result[name] = plainValue(value);
  return result;
}

function plainValue(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) {
    const hex = Buffer.from(value.subarray(0, HEX_DIGITS_MAX / 2)).toString("hex");
    return value.length * 2 > HEX_DIGITS_MAX ? `${hex}… (${value.length} bytes)` : hex;
  }
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack };
  return value;
}
