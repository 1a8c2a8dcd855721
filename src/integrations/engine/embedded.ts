/**
 * EmbeddedEngine: the stateless transaction check that a node without an attached EngineActor makes. It knows no
 * accounts and no balances: only what can never be carried by a block is refused.
 */

import { type EnginePort, TRANSACTION_BYTES_MAX, type TransactionVerdict } from "./port.ts";

/** Accepts 1 byte to 1 MiB, rejects everything else. */
export class EmbeddedEngine implements EnginePort {
  validateTransaction(transaction: Uint8Array, _deadlineMs: number): Promise<TransactionVerdict> {
    const { length } = transaction;
    return Promise.resolve(length >= 1 && length <= TRANSACTION_BYTES_MAX ? "accept" : "reject");
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
