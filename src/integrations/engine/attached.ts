/**
 * AttachedEngine: asks the attached EngineActor when there is one, the embedded twin otherwise. What the embedded check
 * refuses reaches nobody. The NetworkActor sees one engine and never learns which.
 */

import {
  type ProvidePayloadResult,
  type ValidateTransactionResult,
  TransactionVerdict as Verdict,
} from "../../../gen/alys/integration/v1/integration_pb.ts";
import type { AttachHub } from "../attach/hub.ts";
import type {
  EngineCoordination,
  EngineNotice,
  EnginePort,
  PayloadNote,
  TransactionVerdict,
} from "./port.ts";

/** What is known of a peer beside its id. */
export interface PeerDescription {
  /** Multiaddr; empty when unknown. */
  readonly address: string;
  /** 0 is clean, negative is penalised. */
  readonly reputation: number;
}

const VERDICTS: Readonly<Record<Verdict, TransactionVerdict>> = {
  // A verdict that this node does not know forwards nothing and blames nobody.
  [Verdict.UNSPECIFIED]: "ignore",
  [Verdict.ACCEPT]: "accept",
  [Verdict.IGNORE]: "ignore",
  [Verdict.REJECT]: "reject",
};

/** For the EngineActor's word on payloads; half of it is the way there and back between members. */
const PAYLOAD_MS_MAX = 1_000;

export class AttachedEngine implements EnginePort, EngineCoordination {
  readonly #hub: AttachHub;
  readonly #embedded: EnginePort & EngineCoordination;
  readonly #describe: (peerId: string) => PeerDescription | undefined;

  constructor(
    hub: AttachHub,
    embedded: EnginePort & EngineCoordination,
    describe: (peerId: string) => PeerDescription | undefined = () => undefined,
  ) {
    this.#hub = hub;
    this.#embedded = embedded;
    this.#describe = describe;
  }

  async validateTransaction(
    transaction: Uint8Array,
    deadlineMs: number,
    peerId?: string,
  ): Promise<TransactionVerdict> {
    const verdict = await this.#embedded.validateTransaction(transaction, deadlineMs);
    if (verdict !== "accept" || !this.#hub.isAttached) return verdict;
    const source = peerId === undefined ? undefined : { peerId, ...this.#describe(peerId) };
    const call = { transaction, ...(source && { source }) };
    const answer = await this.#hub.call("validateTransaction", call, transaction.length, deadlineMs);
    return VERDICTS[(answer as ValidateTransactionResult).verdict] ?? "ignore";
  }

  async receivePayload(note: PayloadNote): Promise<void> {
    if (!this.#hub.isAttached) return await this.#embedded.receivePayload(note);
    await this.#hub.call("receivePayload", { ...note }, note.payload.length, PAYLOAD_MS_MAX);
  }

  async providePayload(memberKey: Uint8Array, payloadHash: Uint8Array): Promise<Uint8Array> {
    if (!this.#hub.isAttached) return await this.#embedded.providePayload(memberKey, payloadHash);
    const call = { memberKey, payloadHash };
    const answer = await this.#hub.call("providePayload", call, payloadHash.length, PAYLOAD_MS_MAX);
    return (answer as ProvidePayloadResult).payload;
  }

  tell({ kind, value }: EngineNotice): void {
    this.#hub.notify(kind, value);
  }

  close(): Promise<void> {
    return this.#embedded.close();
  }
}
