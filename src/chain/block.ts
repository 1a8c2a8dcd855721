/**
 * SignedBlock and BlockBody: taking blocks apart without copying, putting them together, and the decoded
 * body. Header and body bytes are kept as they came, so that splitting and joining is what the hot path does;
 * decoding is for building blocks and for showing them to people. Everything that does not fit exactly is a
 * MalformedError.
 */

import type { AggregateApproval } from "./approval.ts";
import { decodeApproval, encodeApproval, SIGNATURE_LENGTH } from "./approval.ts";
import type { BodyLayout } from "./body-layout.ts";
import {
  AUXPOW_FIXED_LENGTH,
  BODY_FIELD,
  BODY_FIXED_LENGTH,
  elementViews,
  fieldRange,
  layOutBody,
  PEGIN_LENGTH,
  PUBLIC_KEY_LENGTH,
} from "./body-layout.ts";
import { concatBytes } from "./bytes.ts";
import type { BlockHeader } from "./header.ts";
import { decodeHeader, HEADER_LENGTH } from "./header.ts";
import { readUint32, readUint64, writeUint32, writeUint64 } from "./little-endian.ts";
import { MalformedError } from "./malformed.ts";

/** A larger SignedBlock is malformed, whatever it holds. */
export const BLOCK_BYTES_MAX = 2 * 1024 * 1024;
/** The header and the offsets of body and approval. */
export const BLOCK_FIXED_LENGTH = HEADER_LENGTH + 8;

/** A block in its three parts, which are views on the bytes that were split. */
export interface BlockParts {
  readonly header: Uint8Array;
  readonly body: Uint8Array;
  readonly approval: Uint8Array;
}

/** A block taken apart and read as far as the rules need. */
export interface ParsedBlock {
  readonly bytes: Uint8Array;
  readonly header: BlockHeader;
  readonly body: BodyLayout;
  readonly approval: AggregateApproval;
  /** Where the approval begins in `bytes`. */
  readonly approvalOffset: number;
}

interface Pegin {
  readonly txid: Uint8Array;
  readonly blockHash: Uint8Array;
}

export interface AuxPowHeader {
  readonly rangeStart: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly bits: number;
  readonly chainId: number;
  readonly height: number;
  /** 20 bytes. */
  readonly feeRecipient: Uint8Array;
  /** Bitcoin's serialization of the AuxPoW. */
  readonly auxpow: Uint8Array;
}

export interface AuthorityChange {
  /** 48 bytes each. */
  readonly keys: readonly Uint8Array[];
  /** Proof of possession of each key, 96 bytes each, same order. */
  readonly proofs: readonly Uint8Array[];
}

/** `undefined` stands for the empty list where at most one element is allowed. */
export interface BlockBody {
  readonly parentApproval: AggregateApproval | undefined;
  readonly transactions: readonly Uint8Array[];
  readonly pegins: readonly Pegin[];
  readonly pegoutProposal: Uint8Array | undefined;
  readonly finalizedPegouts: readonly Uint8Array[];
  readonly auxpow: AuxPowHeader | undefined;
  readonly nextAuthorities: AuthorityChange | undefined;
}

/** The body of genesis and of a block that carries nothing. */
export const EMPTY_BODY: BlockBody = {
  parentApproval: undefined,
  transactions: [],
  pegins: [],
  pegoutProposal: undefined,
  finalizedPegouts: [],
  auxpow: undefined,
  nextAuthorities: undefined,
};

/** Checks the exact form of a serialized SignedBlock and reads header, body layout and approval. */
export function parseBlock(bytes: Uint8Array): ParsedBlock {
  if (bytes.length > BLOCK_BYTES_MAX) throw new MalformedError(`block has ${bytes.length} bytes`);
  if (bytes.length < BLOCK_FIXED_LENGTH) throw new MalformedError(`block has ${bytes.length} bytes`);
  const bodyOffset = readUint32(bytes, HEADER_LENGTH);
  const approvalOffset = readUint32(bytes, HEADER_LENGTH + 4);
  if (bodyOffset !== BLOCK_FIXED_LENGTH || approvalOffset < bodyOffset || approvalOffset > bytes.length) {
    throw new MalformedError("block has a wrong offset");
  }
  return {
    bytes,
    header: decodeHeader(bytes.subarray(0, HEADER_LENGTH)),
    body: layOutBody(bytes, bodyOffset, approvalOffset),
    approval: decodeApproval(bytes.subarray(approvalOffset)),
    approvalOffset,
  };
}

/** The parts of a SignedBlock as views, after the whole form check of parseBlock. */
export function splitBlock(bytes: Uint8Array): BlockParts {
  const { approvalOffset } = parseBlock(bytes);
  return {
    header: bytes.subarray(0, HEADER_LENGTH),
    body: bytes.subarray(BLOCK_FIXED_LENGTH, approvalOffset),
    approval: bytes.subarray(approvalOffset),
  };
}

/** A SignedBlock from its serialized parts, in fresh memory. */
export function joinBlock(header: Uint8Array, body: Uint8Array, approval: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(BLOCK_FIXED_LENGTH + body.length + approval.length);
  bytes.set(header, 0);
  writeUint32(bytes, HEADER_LENGTH, BLOCK_FIXED_LENGTH);
  writeUint32(bytes, HEADER_LENGTH + 4, BLOCK_FIXED_LENGTH + body.length);
  bytes.set(body, BLOCK_FIXED_LENGTH);
  bytes.set(approval, BLOCK_FIXED_LENGTH + body.length);
  return bytes;
}

/** Serialized approval of the parent that a body carries, as a view; undefined when it carries none. */
export function parentApprovalBytes(layout: BodyLayout): Uint8Array | undefined {
  const [start, end] = fieldRange(layout, BODY_FIELD.parentApproval);
  return start === end ? undefined : layout.bytes.subarray(start + 4, end);
}

/** The AuxPoW that a body carries, undefined when it carries none. Views on the body. */
export function carriedAuxPow(layout: BodyLayout): AuxPowHeader | undefined {
  const [auxpow] = elementViews(layout.bytes, ...fieldRange(layout, BODY_FIELD.auxpow));
  return auxpow === undefined ? undefined : decodeAuxpow(auxpow);
}

/** The change of the authorities that a body carries, undefined when it carries none. Views on the body. */
export function carriedChange(layout: BodyLayout): AuthorityChange | undefined {
  const [change] = elementViews(layout.bytes, ...fieldRange(layout, BODY_FIELD.nextAuthorities));
  return change === undefined ? undefined : decodeChange(change);
}

/** Byte arrays inside are views on `bytes`. Throws MalformedError unless `bytes` are exactly one body. */
export function decodeBody(bytes: Uint8Array): BlockBody {
  const layout = layOutBody(bytes, 0, bytes.length);
  const views = (field: number): Uint8Array[] => elementViews(bytes, ...fieldRange(layout, field));
  const approval = parentApprovalBytes(layout);
  return {
    parentApproval: approval === undefined ? undefined : decodeApproval(approval),
    transactions: views(BODY_FIELD.transactions),
    pegins: decodePegins(bytes.subarray(...fieldRange(layout, BODY_FIELD.pegins))),
    pegoutProposal: views(BODY_FIELD.pegoutProposal)[0],
    finalizedPegouts: views(BODY_FIELD.finalizedPegouts),
    auxpow: carriedAuxPow(layout),
    nextAuthorities: carriedChange(layout),
  };
}

/** The caller keeps the limits; a body above them would not decode again. */
export function encodeBody(body: BlockBody): Uint8Array {
  const { parentApproval, pegoutProposal, auxpow, nextAuthorities } = body;
  const fields = [
    encodeElements(parentApproval === undefined ? [] : [encodeApproval(parentApproval)]),
    encodeElements(body.transactions),
    concatBytes(body.pegins.flatMap((pegin) => [pegin.txid, pegin.blockHash])),
    encodeElements(pegoutProposal === undefined ? [] : [pegoutProposal]),
    encodeElements(body.finalizedPegouts),
    encodeElements(auxpow === undefined ? [] : [encodeAuxpow(auxpow)]),
    encodeElements(nextAuthorities === undefined ? [] : [encodeChange(nextAuthorities)]),
  ];
  const fixed = new Uint8Array(BODY_FIXED_LENGTH);
  let offset = BODY_FIXED_LENGTH;
  for (const [index, field] of fields.entries()) {
    writeUint32(fixed, 4 * index, offset);
    offset += field.length;
  }
  return concatBytes([fixed, ...fields]);
}

/** A list of variable-size elements: their offsets, then the elements. */
function encodeElements(elements: readonly Uint8Array[]): Uint8Array {
  const offsets = new Uint8Array(4 * elements.length);
  let offset = offsets.length;
  for (const [index, element] of elements.entries()) {
    writeUint32(offsets, 4 * index, offset);
    offset += element.length;
  }
  return concatBytes([offsets, ...elements]);
}

/** Cuts packed elements of one size. */
function cut(bytes: Uint8Array, length: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += length)
    parts.push(bytes.subarray(start, start + length));
  return parts;
}

function decodePegins(bytes: Uint8Array): Pegin[] {
  return cut(bytes, PEGIN_LENGTH).map((pegin) => ({
    txid: pegin.subarray(0, 32),
    blockHash: pegin.subarray(32, 64),
  }));
}

function decodeAuxpow(bytes: Uint8Array): AuxPowHeader {
  return {
    rangeStart: bytes.subarray(0, 32),
    rangeEnd: bytes.subarray(32, 64),
    bits: readUint32(bytes, 64),
    chainId: readUint32(bytes, 68),
    height: readUint64(bytes, 72, "auxpow height"),
    feeRecipient: bytes.subarray(80, 100),
    auxpow: bytes.subarray(AUXPOW_FIXED_LENGTH),
  };
}

function encodeAuxpow(header: AuxPowHeader): Uint8Array {
  const bytes = new Uint8Array(AUXPOW_FIXED_LENGTH + header.auxpow.length);
  bytes.set(header.rangeStart, 0);
  bytes.set(header.rangeEnd, 32);
  writeUint32(bytes, 64, header.bits);
  writeUint32(bytes, 68, header.chainId);
  writeUint64(bytes, 72, header.height);
  bytes.set(header.feeRecipient, 80);
  writeUint32(bytes, 100, AUXPOW_FIXED_LENGTH);
  bytes.set(header.auxpow, AUXPOW_FIXED_LENGTH);
  return bytes;
}

function decodeChange(bytes: Uint8Array): AuthorityChange {
  const proofs = readUint32(bytes, 4);
  return {
    keys: cut(bytes.subarray(12, proofs), PUBLIC_KEY_LENGTH),
    proofs: cut(bytes.subarray(proofs), SIGNATURE_LENGTH),
  };
}

function encodeChange(change: AuthorityChange): Uint8Array {
  const fixed = new Uint8Array(12);
  writeUint32(fixed, 0, 8);
  writeUint32(fixed, 4, 12 + change.keys.length * PUBLIC_KEY_LENGTH);
  writeUint32(fixed, 8, 4);
  return concatBytes([fixed, ...change.keys, ...change.proofs]);
}
