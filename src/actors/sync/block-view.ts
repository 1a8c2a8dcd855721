/**
 * BlockView: a block decoded for people, beside the bytes that decide.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { BlockViewSchema } from "../../../gen/alys/chain/v1/chain_pb.ts";
import { indexesOf } from "../../chain/approval.ts";
import { parseBlock } from "../../chain/block.ts";
import { BODY_FIELD, elementCount, fieldRange } from "../../chain/body-layout.ts";
import { HEADER_LENGTH, headerHash } from "../../chain/header.ts";

/** The view of a serialized SignedBlock that was validated before. */
export function blockView(bytes: Uint8Array, isFinal: boolean): MessageInitShape<typeof BlockViewSchema> {
  const { header, body, approval } = parseBlock(bytes);
  const [start, end] = fieldRange(body, BODY_FIELD.transactions);
  return {
    hash: headerHash(bytes.subarray(0, HEADER_LENGTH)),
    parentHash: header.parentHash,
    height: BigInt(header.height),
    slot: BigInt(header.slot),
    timestampMs: BigInt(header.timestampMs),
    stateRoot: header.stateRoot,
    bodyRoot: header.bodyRoot,
    authoritiesRoot: header.authoritiesRoot,
    historyRoot: header.historyRoot,
    approvedBy: indexesOf(approval.bits),
    transactionCount: elementCount(body.bytes, start, end),
    serializedBytes: bytes.length,
    isFinal,
  };
}
