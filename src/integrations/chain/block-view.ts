/**
 * BlockView: a block decoded for people, beside the bytes that decide.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { BlockViewSchema, BlockHeader as HeaderMessage } from "../../../gen/alys/chain/v1/chain_pb.ts";
import { indexesOf } from "../../chain/approval.ts";
import { parseBlock } from "../../chain/block.ts";
import { BODY_FIELD, elementCount, fieldRange, isFieldEmpty, PEGIN_LENGTH } from "../../chain/body-layout.ts";
import { HEADER_LENGTH, headerHash, type ReadHeader, readHeader } from "../../chain/header.ts";

/** The view of genesis, which is a header alone: it is final, and nobody approved it. */
export function genesisView(headerBytes: Uint8Array): MessageInitShape<typeof BlockViewSchema> {
  return { ...headerMessage(readHeader(headerBytes)), isFinal: true };
}

/** The view of a serialized SignedBlock that was validated before. */
export function blockView(bytes: Uint8Array, isFinal: boolean): MessageInitShape<typeof BlockViewSchema> {
  const { header, body, approval } = parseBlock(bytes);
  const count = (field: number): number => elementCount(body.bytes, ...fieldRange(body, field));
  const [peginsStart, peginsEnd] = fieldRange(body, BODY_FIELD.pegins);
  return {
    ...headerMessage({ header, hash: headerHash(bytes.subarray(0, HEADER_LENGTH)) }),
    approvedBy: indexesOf(approval.bits),
    transactionCount: count(BODY_FIELD.transactions),
    pegInCount: (peginsEnd - peginsStart) / PEGIN_LENGTH,
    pegOutCount: count(BODY_FIELD.pegoutProposal) + count(BODY_FIELD.finalizedPegouts),
    hasAuxpow: !isFieldEmpty(body, BODY_FIELD.auxpow),
    changesAuthorities: !isFieldEmpty(body, BODY_FIELD.nextAuthorities),
    serializedBytes: bytes.length,
    isFinal,
  };
}

/** A header that was read, as actors hand it on. */
export function headerMessage({ header, hash }: ReadHeader) {
  return {
    hash,
    parentHash: header.parentHash,
    height: BigInt(header.height),
    slot: BigInt(header.slot),
    timestampMs: BigInt(header.timestampMs),
    stateRoot: header.stateRoot,
    bodyRoot: header.bodyRoot,
    authoritiesRoot: header.authoritiesRoot,
    historyRoot: header.historyRoot,
  };
}

/** What `headerMessage` made. */
export function headerOf(message: HeaderMessage): ReadHeader {
  const { hash, parentHash, stateRoot, bodyRoot, authoritiesRoot, historyRoot } = message;
  const numbers = {
    height: Number(message.height),
    slot: Number(message.slot),
    timestampMs: Number(message.timestampMs),
  };
  return { hash, header: { parentHash, ...numbers, stateRoot, bodyRoot, authoritiesRoot, historyRoot } };
}
