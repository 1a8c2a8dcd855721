/**
 * The port of the EngineActor: whether a transaction that came by gossip or from a client is fit to be forwarded.
 * The NetworkActor asks it before it forwards; it asks nobody.
 */

/** accept: forward. ignore: neither forward nor blame. reject: do not forward, and blame who sent it. */
export type TransactionVerdict = "accept" | "ignore" | "reject";

/** Bytes of the largest transaction; a larger one is rejected before anyone is asked. */
export const TRANSACTION_BYTES_MAX = 1024 * 1024;

export interface EnginePort {
  /** Answers within `deadlineMs` (relative) or rejects with a Failure UNAVAILABLE, which counts as ignore. */
  validateTransaction(transaction: Uint8Array, deadlineMs: number): Promise<TransactionVerdict>;
  close(): Promise<void>;
}
