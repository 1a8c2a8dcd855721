/**
 * The two federation messages of voting, in and out of their protobuf form. The envelope's fields (sequence, expiry)
 * belong to the NetworkActor; what comes in is untrusted and checked for form here.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FederationMessageSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";

/** An approval as it travels. */
export interface Approval {
  /** 32 bytes. */
  readonly blockHash: Uint8Array;
  readonly height: number;
  readonly slot: number;
  readonly authorityIndex: number;
  /** 96 bytes. */
  readonly signature: Uint8Array;
}

export type Decoded =
  | { readonly kind: "proposal"; readonly block: Uint8Array }
  | { readonly kind: "approval"; readonly approval: Approval }
  /** A message of others: the bridge's. */
  | { readonly kind: "other" }
  | { readonly kind: "malformed" };

export function encodeProposal(block: Uint8Array): Uint8Array {
  const message = create(FederationMessageSchema, { payload: { case: "proposal", value: { block } } });
  return toBinary(FederationMessageSchema, message);
}

export function encodeApprovalReply(approval: Approval): Uint8Array {
  const { blockHash, authorityIndex, signature } = approval;
  const value = {
    blockHash,
    height: BigInt(approval.height),
    slot: BigInt(approval.slot),
    authorityIndex,
    signature,
  };
  const message = create(FederationMessageSchema, { payload: { case: "approvalReply", value } });
  return toBinary(FederationMessageSchema, message);
}

export function decodeFederation(payload: Uint8Array): Decoded {
  let message: ReturnType<typeof read>;
  try {
    message = read(payload);
  } catch {
    // protobuf-es throws plain errors on bytes that are no message.
    return { kind: "malformed" };
  }
  switch (message.payload.case) {
    case "proposal":
      return { kind: "proposal", block: message.payload.value.block };
    case "approvalReply": {
      const { blockHash, height, slot, authorityIndex, signature } = message.payload.value;
      return {
        kind: "approval",
        // Numbers beyond 2^53 lose their last bits and then match no block of ours: the reply is dropped.
        approval: { blockHash, height: Number(height), slot: Number(slot), authorityIndex, signature },
      };
    }
    case "opaque":
      return { kind: "other" };
    default:
      return { kind: "malformed" };
  }
}

function read(payload: Uint8Array) {
  return fromBinary(FederationMessageSchema, payload);
}
