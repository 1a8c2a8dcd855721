/**
 * The port of the EngineActor: whether a transaction that came by gossip or from a client is fit to be forwarded, and what
 * the engines of the members exchange. The NetworkActor asks it before it forwards; it asks nobody.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  EngineHeadNoticeSchema,
  HeadNoticeSchema,
  SyncNoticeSchema,
} from "../../../gen/alys/integration/v1/notice_pb.ts";

/** accept: forward. ignore: neither forward nor blame. reject: do not forward, and blame who sent it. */
export type TransactionVerdict = "accept" | "ignore" | "reject";

/** Bytes of the largest transaction; a larger one is rejected before anyone is asked. */
export const TRANSACTION_BYTES_MAX = 1024 * 1024;

export interface EnginePort {
  /**
   * Answers within `deadlineMs` (relative) or rejects with a Failure UNAVAILABLE, which counts as ignore. `peerId` is whom
   * the transaction came from; undefined for one of our own clients.
   */
  validateTransaction(
    transaction: Uint8Array,
    deadlineMs: number,
    peerId?: string,
  ): Promise<TransactionVerdict>;
  close(): Promise<void>;
}

/** An execution payload as engines hand it around. */
export interface PayloadNote {
  /** BLS key of the member whose engine sent it, 48 bytes. */
  readonly memberKey: Uint8Array;
  /** How engines name it, 32 bytes; the node does not check it. */
  readonly payloadHash: Uint8Array;
  /** At most 1 MiB, opaque to the node. */
  readonly payload: Uint8Array;
}

export type EngineNotice =
  | { readonly kind: "head"; readonly value: MessageInitShape<typeof HeadNoticeSchema> }
  | { readonly kind: "sync"; readonly value: MessageInitShape<typeof SyncNoticeSchema> }
  | { readonly kind: "engineHead"; readonly value: MessageInitShape<typeof EngineHeadNoticeSchema> };

/** The other half of the port, which the federation's channel uses. */
export interface EngineCoordination {
  /** Hands over another engine's payload. Rejects with a Failure when it was not taken. */
  receivePayload(note: PayloadNote): Promise<void>;
  /** The payload of this name. Rejects NOT_FOUND/PAYLOAD_UNKNOWN when the engine does not have it. */
  providePayload(memberKey: Uint8Array, payloadHash: Uint8Array): Promise<Uint8Array>;
  /** Wants no answer. */
  tell(notice: EngineNotice): void;
}
