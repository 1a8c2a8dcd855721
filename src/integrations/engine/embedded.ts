/**
 * EmbeddedEngine: the stateless transaction check that a node without an attached EngineActor makes. It knows no
 * accounts and no balances: only what can never be carried by a block is refused. Of the payloads of other engines it
 * keeps the newest few, so that members without one can still hand them on.
 */

import { toHex } from "../../chain/hex.ts";
import { failure } from "../../kernel/errors.ts";
import {
  type EngineCoordination,
  type EngineNotice,
  type EnginePort,
  type PayloadNote,
  TRANSACTION_BYTES_MAX,
  type TransactionVerdict,
} from "./port.ts";

/** Payloads that are kept, 8 MiB at most; one more takes the oldest one's place. */
const PAYLOADS_MAX = 8;

export class EmbeddedEngine implements EnginePort, EngineCoordination {
  readonly #payloads = new Map<string, Uint8Array>();

  /** Accepts 1 byte to 1 MiB, rejects everything else. */
  validateTransaction(transaction: Uint8Array, _deadlineMs: number): Promise<TransactionVerdict> {
    const { length } = transaction;
    return Promise.resolve(length >= 1 && length <= TRANSACTION_BYTES_MAX ? "accept" : "reject");
  }

  receivePayload({ payloadHash, payload }: PayloadNote): Promise<void> {
    const name = toHex(payloadHash);
    this.#payloads.delete(name);
    this.#payloads.set(name, payload.slice());
    for (const oldest of this.#payloads.keys()) {
      if (this.#payloads.size <= PAYLOADS_MAX) break;
      this.#payloads.delete(oldest);
    }
    return Promise.resolve();
  }

  providePayload(_memberKey: Uint8Array, payloadHash: Uint8Array): Promise<Uint8Array> {
    const payload = this.#payloads.get(toHex(payloadHash));
    return payload === undefined ? Promise.reject(UNKNOWN) : Promise.resolve(payload);
  }

  tell(_notice: EngineNotice): void {
    // It executes nothing, so where the chain stands is nothing to it.
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const UNKNOWN = failure("NOT_FOUND", "PAYLOAD_UNKNOWN", "there is no payload of this name");
