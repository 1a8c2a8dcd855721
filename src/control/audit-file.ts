/**
 * The file of the audit log: appends chained lines in the order in which calls ended, goes on in a new file at a size,
 * and keeps so many old ones. Owns the file.
 *
 * Durability: a line is handed to the operating system at once, without anybody waiting for it, so it outlives the death
 * of the process but for what the last write still holds (normally less than a millisecond); it is flushed to the disk
 * within SYNC_MS, so a power cut costs at most that. What cannot be written waits, and at the bound calls that change
 * state are refused: nothing is done that is not written down. A file that was moved or removed is noticed with the next line.
 */
import { existsSync } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { asError, failure } from "../kernel/errors.ts";
import type { Clock, TimerHandle } from "../kernel/ports/clock.ts";
import { makeFolder } from "../kernel/ports/folder.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { AuditEntry } from "./audit.ts";
import { CHAIN_START, type ChainHead, chainLine, checkLine } from "./audit-chain.ts";

export interface AuditFileOptions {
  readonly path: string;
  /** Bytes after which it goes on in a new file. */
  readonly bytesMax: number;
  /** Full files that are kept as PATH.1 (newest) to PATH.n. */
  readonly filesMax: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Longest time that a line is only in the operating system's memory. */
const SYNC_MS = 1_000;
/** Pause after a write that failed. */
const RETRY_MS = 1_000;
/** Characters that wait to be written; at the bound calls that change state are refused. 10,000 lines. */
const WAITING_LENGTH_MAX = 4 * 1024 * 1024;
/** What ends meanwhile is written down beyond it, up to this; then it is counted, and the count is written down. */
const WAITING_ENDED_LENGTH_MAX = 2 * WAITING_LENGTH_MAX;
/** The last line is looked for in as many bytes; a line has fewer than 8 KiB. */
const TAIL_BYTES = 64 * 1024;

/** Opens or makes the file and goes on with its chain. Rejects with Failure FAILED_PRECONDITION/AUDIT_FILE. */
export async function openAuditFile(options: AuditFileOptions): Promise<AuditFile> {
  const { path, log } = options;
  try {
    makeFolder(dirname(path), 0o700);
    const handle = await open(path, "a+", 0o600);
    const tail = await readTail(handle);
    // A crash may leave half a line: it was never followed, so cutting it breaks no chain; the next line says so.
    if (tail.tornBytes > 0) await handle.truncate(tail.size);
    let head = tail.last === undefined ? await headOfOlder(`${path}.1`) : headOf(tail.last);
    let size = tail.size;
    const file = new AuditFile(options, handle);
    if (head === undefined) {
      // The end of the file was tampered with: it is kept as it is, for whoever looks into it.
      log.error("the audit log is damaged at its end; a new one begins", { path });
      await file.rotate();
      head = CHAIN_START;
      size = 0;
    }
    file.begin(head, size, tail.tornBytes);
    return file;
  } catch (thrown) {
    const why = asError(thrown).message;
    throw failure("FAILED_PRECONDITION", "AUDIT_FILE", `the audit log ${path} cannot be used: ${why}`);
  }
}

interface Tail {
  /** Bytes up to the last line feed. */
  readonly size: number;
  readonly tornBytes: number;
  readonly last: string | undefined;
}

async function readTail(handle: FileHandle): Promise<Tail> {
  const { size } = await handle.stat();
  const length = Math.min(size, TAIL_BYTES);
  const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length);
  const end = buffer.lastIndexOf(0x0a);
  const tornBytes = length - (end + 1);
  if (end < 0) return { size: size - tornBytes, tornBytes, last: undefined };
  const begin = end === 0 ? 0 : buffer.lastIndexOf(0x0a, end - 1) + 1;
  return { size: size - tornBytes, tornBytes, last: buffer.toString("utf8", begin, end) };
}

function headOf(line: string): ChainHead | undefined {
  const head = checkLine(line, undefined);
  return typeof head === "string" ? undefined : head;
}

/** An empty file goes on where the one before it ended. */
async function headOfOlder(path: string): Promise<ChainHead | undefined> {
  if (!existsSync(path)) return CHAIN_START;
  const handle = await open(path, "r");
  try {
    const { last } = await readTail(handle);
    return last === undefined ? CHAIN_START : headOf(last);
  } finally {
    await handle.close();
  }
}

export class AuditFile {
  readonly #options: AuditFileOptions;
  #handle: FileHandle;
  #head: ChainHead = CHAIN_START;
  #sizeBytes = 0;
  #waiting: string[] = [];
  #waitingLength = 0;
  #suppressed = 0;
  #writing: Promise<void> | undefined;
  #syncTimer: TimerHandle | undefined;
  /** A flush that runs; a handle is closed after it only. */
  #syncing: Promise<void> = Promise.resolve();
  #retryTimer: TimerHandle | undefined;
  #isFailing = false;
  #isClosed = false;

  /** Made by `openAuditFile`. */
  constructor(options: AuditFileOptions, handle: FileHandle) {
    this.#options = options;
    this.#handle = handle;
  }

  /** Says that it was opened. */
  begin(head: ChainHead, sizeBytes: number, tornBytes: number): void {
    this.#head = head;
    this.#sizeBytes = sizeBytes;
    this.#append(tornBytes > 0 ? { event: "opened", tornBytes } : { event: "opened" });
  }

  /** Where the chain stands. */
  get head(): ChainHead {
    return this.#head;
  }

  get isBehind(): boolean {
    return this.#waitingLength >= WAITING_LENGTH_MAX;
  }

  append(entry: AuditEntry): void {
    this.write({ event: "call", ...entry });
  }

  /** A line with these fields. */
  write(fields: object): void {
    if (this.#isClosed) return;
    if (this.#waitingLength >= WAITING_ENDED_LENGTH_MAX) {
      this.#suppressed += 1;
      return;
    }
    if (this.#suppressed > 0) {
      const count = this.#suppressed;
      this.#suppressed = 0;
      this.#append({ event: "suppressed", count });
    }
    this.#append(fields);
  }

  /** Writes what waits, flushes and closes. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#append({ event: "closed" });
    this.#isClosed = true;
    this.#syncTimer?.cancel();
    this.#retryTimer?.cancel();
    await this.#writing;
    // One last try for what a full disk kept back.
    if (this.#waiting.length > 0) await this.#write();
    this.#syncTimer?.cancel();
    await this.#syncing;
    await this.#handle.sync().catch(() => {});
    await this.#handle.close();
  }

  /** Goes on in a new file. */
  async rotate(): Promise<void> {
    const { path, filesMax } = this.#options;
    // What was to be flushed in a second is flushed here; a flush that runs must not find its file closed.
    this.#syncTimer?.cancel();
    this.#syncTimer = undefined;
    await this.#syncing;
    await this.#handle.sync();
    await this.#handle.close();
    try {
      await rm(`${path}.${filesMax}`, { force: true });
      for (let number = filesMax - 1; number >= 1; number--) {
        if (existsSync(`${path}.${number}`)) await rename(`${path}.${number}`, `${path}.${number + 1}`);
      }
      await rename(path, `${path}.1`);
    } finally {
      // Where it could not be moved it goes on in the old one, too large as it is.
      this.#handle = await open(path, "a+", 0o600);
      this.#sizeBytes = (await this.#handle.stat()).size;
    }
  }

  #append(fields: object): void {
    const time = new Date(this.#options.clock.nowMs()).toISOString();
    const { line, head } = chainLine(this.#head, time, fields);
    this.#head = head;
    this.#waiting.push(line);
    this.#waitingLength += line.length + 1;
    if (this.#writing === undefined && this.#retryTimer === undefined) this.#startWriting();
  }

  #startWriting(): void {
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Writes until nothing waits: what comes during one write goes with the next. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#followPath().catch((thrown: unknown) =>
        this.#say("the audit log cannot be begun anew", thrown),
      );
      const lines = this.#waiting;
      const length = this.#waitingLength;
      const bytes = Buffer.from(`${lines.join("\n")}\n`, "utf8");
      this.#waiting = [];
      try {
        await writeWhole(this.#handle, bytes, this.#sizeBytes);
      } catch (thrown) {
        this.#waiting = [...lines, ...this.#waiting];
        this.#failed(thrown);
        return;
      }
      this.#isFailing = false;
      this.#waitingLength -= length;
      this.#sizeBytes += bytes.length;
      this.#scheduleSync();
      if (this.#sizeBytes >= this.#options.bytesMax) {
        await this.rotate().catch((thrown: unknown) => this.#say("the audit log cannot be rotated", thrown));
      }
    }
  }

  /** Whoever moves or removes the file gets no further line: a new one goes on with the chain under the old name. */
  async #followPath(): Promise<void> {
    const { path, log } = this.#options;
    const [named, held] = await Promise.all([stat(path).catch(() => undefined), this.#handle.stat()]);
    if (named?.ino === held.ino && named.dev === held.dev) return;
    const handle = await open(path, "a+", 0o600);
    log.error("the audit log was moved or removed; a new one goes on with its chain", { path });
    await this.#syncing;
    // Whoever moved it keeps what was written, and it is flushed as it would have been.
    await this.#handle.sync().catch(() => {});
    await this.#handle.close().catch(() => {});
    this.#handle = handle;
    this.#sizeBytes = (await handle.stat()).size;
    this.#append({ event: "moved" });
  }

  #failed(thrown: unknown): void {
    if (!this.#isFailing) this.#say("the audit log cannot be written", thrown);
    this.#isFailing = true;
    if (this.#isClosed) return;
    this.#retryTimer = this.#options.clock.setTimer(RETRY_MS, () => {
      this.#retryTimer = undefined;
      this.#startWriting();
    });
  }

  #say(message: string, thrown: unknown): void {
    this.#options.log.error(message, { path: this.#options.path, error: asError(thrown) });
  }

  #scheduleSync(): void {
    if (this.#isClosed) return;
    this.#syncTimer ??= this.#options.clock.setTimer(SYNC_MS, () => {
      this.#syncTimer = undefined;
      this.#syncing = this.#handle
        .sync()
        .catch((thrown: unknown) => this.#say("the audit log cannot be flushed", thrown));
    });
  }
}

/** All bytes or none: a write that was cut short would leave half a line in the middle of the file. */
async function writeWhole(handle: FileHandle, bytes: Buffer, sizeBytes: number): Promise<void> {
  try {
    await handle.appendFile(bytes);
  } catch (thrown) {
    await handle.truncate(sizeBytes).catch(() => {});
    throw thrown;
  }
}
