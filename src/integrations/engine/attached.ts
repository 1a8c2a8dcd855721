/**
 * AttachedEngine: asks the attached EngineActor when there is one, the embedded check otherwise. What the embedded check
 * refuses reaches nobody. The NetworkActor sees one engine and never learns which.
 */

import {
  type ValidateTransactionResult,
  TransactionVerdict as Verdict,
} from "../../../gen/alys/integration/v1/integration_pb.ts";
import type { AttachHub } from "../attach/hub.ts";
import type { EnginePort, TransactionVerdict } from "./port.ts";

const VERDICTS: Readonly<Record<Verdict, TransactionVerdict>> = {
  // A verdict that this node does not know forwards nothing and blames nobody.
  [Verdict.UNSPECIFIED]: "ignore",
  [Verdict.ACCEPT]: "accept",
  [Verdict.IGNORE]: "ignore",
  [Verdict.REJECT]: "reject",
};

export class AttachedEngine implements EnginePort {
  readonly #hub: AttachHub;
  readonly #embedded: EnginePort;

  constructor(hub: AttachHub, embedded: EnginePort) {
    this.#hub = hub;
    this.#embedded = embedded;
  }

  async validateTransaction(transaction: Uint8Array, deadlineMs: number): Promise<TransactionVerdict> {
    const verdict = await this.#embedded.validateTransaction(transaction, deadlineMs);
    if (verdict !== "accept" || !this.#hub.isAttached) return verdict;
    const answer = await this.#hub.call(
      "validateTransaction",
      { transaction },
      transaction.length,
      deadlineMs,
    );
    return VERDICTS[(answer as ValidateTransactionResult).verdict] ?? "ignore";
  }

  close(): Promise<void> {
    return this.#embedded.close();
  }
}
