/**
 * The audit log of a node: what changed state in one file, summaries of what was refused in another beside it, and the
 * head of the first told elsewhere, so that whoever shortens or rewrites the file has to do it in those places, too. Owns
 * both files.
 */
import { existsSync, readFileSync } from "node:fs";
import { parse } from "node:path";
import { asError } from "../kernel/errors.ts";
import type { Clock, TimerHandle } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { writeFileAtomic } from "../storage/files.ts";
import type { AuditEntry, AuditSink } from "./audit.ts";
import { type ChainHead, parseHead, textOfHead } from "./audit-chain.ts";
import { type AuditFile, type AuditFileOptions, openAuditFile } from "./audit-file.ts";
import { RefusalSummaries } from "./audit-refusals.ts";

export interface AuditLogOptions extends AuditFileOptions {
  /** Where the head is written, too; empty for nowhere. Best on another disk or machine. */
  readonly headFile: string;
}

/** A head that moved is told within this time. */
const HEAD_MS = 60_000;
/** Full files of refusals that are kept: their lines are summaries, and few. */
const REFUSED_FILES_MAX = 2;

/** Opens both files. Rejects with Failure FAILED_PRECONDITION/AUDIT_FILE. */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const file = await openAuditFile(options);
  try {
    const path = refusedPathOf(options.path);
    const refused = await openAuditFile({ ...options, path, filesMax: REFUSED_FILES_MAX });
    return new AuditLog(options, file, refused);
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/** "audit.refused.jsonl" beside "audit.jsonl". */
export function refusedPathOf(path: string): string {
  const { ext } = parse(path);
  return `${path.slice(0, path.length - ext.length)}.refused${ext}`;
}

export class AuditLog implements AuditSink {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #headFile: string;
  readonly #file: AuditFile;
  readonly #refused: AuditFile;
  readonly #summaries: RefusalSummaries;
  #told: string;
  #timer: TimerHandle | undefined;
  #telling: Promise<void> = Promise.resolve();

  /** Made by `openAuditLog`. */
  constructor({ clock, log, headFile }: AuditLogOptions, file: AuditFile, refused: AuditFile) {
    this.#clock = clock;
    this.#log = log;
    this.#headFile = headFile;
    this.#file = file;
    this.#refused = refused;
    this.#summaries = new RefusalSummaries(clock, (summary) =>
      refused.write({ event: "refused", ...summary }),
    );
    this.#told = "";
    this.#checkNoted();
    this.#tell();
    this.#arm();
  }

  /** Where the chain of what changed state stands. */
  get head(): ChainHead {
    return this.#file.head;
  }

  get isBehind(): boolean {
    return this.#file.isBehind;
  }

  append(entry: AuditEntry): void {
    this.#file.append(entry);
  }

  refuse(entry: AuditEntry): void {
    this.#summaries.count(entry);
  }

  /** Writes what waits, tells the last head and closes. Idempotent. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#summaries.flush();
    await Promise.all([this.#file.close(), this.#refused.close()]);
    this.#tell();
    await this.#telling;
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(HEAD_MS, () => {
      this.#tell();
      this.#arm();
    });
  }

  #tell(): void {
    const { head } = this.#file;
    const text = textOfHead(head);
    if (text === this.#told) return;
    this.#told = text;
    this.#log.info("head of the audit log", { head: text });
    if (this.#headFile === "") return;
    this.#telling = this.#telling
      .then(() => writeFileAtomic(this.#headFile, new TextEncoder().encode(`${text}\n`)))
      .catch((thrown: unknown) => {
        this.#log.error("the head of the audit log cannot be written", { error: asError(thrown) });
      });
  }

  /** A log that is shorter than its noted head was cut, or is another one. */
  #checkNoted(): void {
    const noted = this.#noted();
    // The line that says that the log was opened is one more than what stood there.
    if (noted === undefined || noted.sequence < this.#file.head.sequence) return;
    this.#log.error("the audit log ends before the head that was noted: lines are missing", {
      noted: textOfHead(noted),
      head: textOfHead(this.#file.head),
    });
  }

  #noted(): ChainHead | undefined {
    if (this.#headFile === "" || !existsSync(this.#headFile)) return undefined;
    try {
      return parseHead(readFileSync(this.#headFile, "utf8").trim());
    } catch {
      return undefined;
    }
  }
}
