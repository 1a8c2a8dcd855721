/**
 * What lmdb-store.ts and its writer thread say to each other. Requests are answered in their order; failures cross as facts,
 * because an Error loses its class on the way.
 */
import { asError, Failure, failure, type StatusCode } from "../kernel/errors.ts";
import type { ChainState } from "./lmdb-layout.ts";
import type { WriteRequest } from "./writes.ts";

export interface WriterOptions {
  readonly folder: string;
  readonly genesisHash: Uint8Array;
  readonly mapBytes: number;
  readonly runBlocks: number;
}

export type ToWriter = { readonly id: number; readonly request: WriteRequest } | { readonly close: true };

export interface FailureFacts {
  readonly code: StatusCode;
  readonly reason: string;
  readonly message: string;
}

export type WriteResult =
  | { readonly id: number; readonly value: number; readonly bytes: Uint8Array | undefined }
  | { readonly id: number; readonly failure: FailureFacts };

export type FromWriter =
  | { readonly kind: "opened"; readonly state: ChainState }
  | { readonly kind: "refused"; readonly failure: FailureFacts }
  | {
      readonly kind: "written";
      readonly results: readonly WriteResult[];
      readonly state: ChainState;
      /** Transactions flushed since the thread started. */
      readonly flushes: number;
    };

/** Errors of the operating system and the database that mean there is no room: ENOSPC, EFBIG, EDQUOT, map full. */
const NO_ROOM = /no space left|file too large|disk quota|MDB_MAP_FULL/i;
const CORRUPT = /MDB_CORRUPTED|MDB_PAGE_NOTFOUND|MDB_INVALID|MDB_PANIC|MDB_VERSION_MISMATCH/;

/** EIO: the disk failed, or it filled up in the middle of a page, which LMDB reports like that. */
const IO_ERROR = /input\/output error/i;

/** Any thrown value as what can be sent between threads. */
export function factsOf(thrown: unknown): FailureFacts {
  if (thrown instanceof Failure) return { code: thrown.code, reason: thrown.reason, message: thrown.message };
  const { message } = asError(thrown);
  if (NO_ROOM.test(message)) return diskFull(message);
  if (CORRUPT.test(message)) return { code: "DATA_LOSS", reason: "DATABASE_CORRUPT", message };
  if (IO_ERROR.test(message)) {
    const text = `the disk of the chain does not read or write, nothing was written (${cause(message)})`;
    return { code: "DATA_LOSS", reason: "DISK_FAILED", message: text };
  }
  return { code: "INTERNAL", reason: "STORE_FAILED", message };
}

export function diskFull(message: string): FailureFacts {
  const text = `the disk of the chain is full, nothing was written (${cause(message)})`;
  return { code: "RESOURCE_EXHAUSTED", reason: "DISK_FULL", message: text };
}

/** The library appends whatever it noted last, of another call too: after the first colon nothing is of this one. */
function cause(message: string): string {
  return message.split(":", 1)[0] ?? "";
}

export function failureOf({ code, reason, message }: FailureFacts): Failure {
  return failure(code, reason, message);
}
