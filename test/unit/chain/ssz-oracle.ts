/**
 * The chain's objects declared with @chainsafe/ssz: the reference that tests hold the offset code against.
 * Nothing but tests imports it.
 */

import {
  BitArray,
  BitListType,
  ByteListType,
  ByteVectorType,
  ContainerType,
  ListCompositeType,
  UintNumberType,
} from "@chainsafe/ssz";
import { type AggregateApproval, indexesOf } from "../../../src/chain/approval.ts";
import type { AuthorityChange, BlockBody } from "../../../src/chain/block.ts";
import type { BlockHeader } from "../../../src/chain/header.ts";

const bytes20 = new ByteVectorType(20);
const bytes32 = new ByteVectorType(32);
const bytes48 = new ByteVectorType(48);
const bytes96 = new ByteVectorType(96);
const uint32 = new UintNumberType(4);
const uint64 = new UintNumberType(8);

export const blockHeaderType = new ContainerType({
  parentHash: bytes32,
  height: uint64,
  slot: uint64,
  timestampMs: uint64,
  stateRoot: bytes32,
  bodyRoot: bytes32,
  authoritiesRoot: bytes32,
  historyRoot: bytes32,
});

export const approvalType = new ContainerType({ aggregationBits: new BitListType(15), signature: bytes96 });

const auxPowHeaderType = new ContainerType({
  rangeStart: bytes32,
  rangeEnd: bytes32,
  bits: uint32,
  chainId: uint32,
  height: uint64,
  feeRecipient: bytes20,
  auxpow: new ByteListType(2 ** 16),
});

export const authoritySetType = new ContainerType({ keys: new ListCompositeType(bytes48, 15) });

const authorityChangeType = new ContainerType({
  set: authoritySetType,
  proofs: new ListCompositeType(bytes96, 15),
});

export const blockBodyType = new ContainerType({
  parentApproval: new ListCompositeType(approvalType, 1),
  transactions: new ListCompositeType(new ByteListType(2 ** 20), 2 ** 16),
  pegins: new ListCompositeType(new ContainerType({ txid: bytes32, blockHash: bytes32 }), 2 ** 10),
  pegoutProposal: new ListCompositeType(new ByteListType(2 ** 17), 1),
  finalizedPegouts: new ListCompositeType(new ByteListType(2 ** 17), 2 ** 6),
  auxpow: new ListCompositeType(auxPowHeaderType, 1),
  nextAuthorities: new ListCompositeType(authorityChangeType, 1),
});

export const signedBlockType = new ContainerType({
  header: blockHeaderType,
  body: blockBodyType,
  approval: approvalType,
});

export const signingDataType = new ContainerType({ objectRoot: bytes32, domain: bytes32 });

export function oracleApproval(approval: AggregateApproval): {
  aggregationBits: BitArray;
  signature: Uint8Array;
} {
  const aggregationBits = BitArray.fromBitLen(approval.length);
  for (const index of indexesOf(approval.bits)) aggregationBits.set(index, true);
  return { aggregationBits, signature: approval.signature };
}

function oracleChange(change: AuthorityChange): {
  set: { keys: Uint8Array[] };
  proofs: Uint8Array[];
} {
  return { set: { keys: [...change.keys] }, proofs: [...change.proofs] };
}

function optional<T, U>(value: T | undefined, map: (value: T) => U): U[] {
  return value === undefined ? [] : [map(value)];
}

export function oracleBody(body: BlockBody) {
  return {
    parentApproval: optional(body.parentApproval, oracleApproval),
    transactions: [...body.transactions],
    pegins: [...body.pegins],
    pegoutProposal: optional(body.pegoutProposal, (bytes) => bytes),
    finalizedPegouts: [...body.finalizedPegouts],
    auxpow: optional(body.auxpow, (header) => header),
    nextAuthorities: optional(body.nextAuthorities, oracleChange),
  };
}

export function oracleBlock(header: BlockHeader, body: BlockBody, approval: AggregateApproval) {
  return { header, body: oracleBody(body), approval: oracleApproval(approval) };
}
