/**
 * The exact serialized form of a BlockBody, by offsets: every offset, limit and length is checked and nothing
 * is copied. The decoder, the body root and the segment check read bodies through this; a body that passes is
 * exactly what its decoded form would encode to.
 */

import { AUTHORITIES_MAX, decodeApproval, SIGNATURE_LENGTH } from "./approval.ts";
import { readUint32, readUint64 } from "./little-endian.ts";
import { MalformedError } from "./malformed.ts";

/** Bytes of a transaction in a body; a body with a larger one is malformed. */
export const TRANSACTION_BYTES_MAX = 2 ** 20;
/** Transactions in a body; a body with more is malformed. */
export const TRANSACTIONS_MAX = 2 ** 16;
/** Peg-ins in a body; a body with more is malformed. */
export const PEGINS_MAX = 2 ** 10;
/** txid and block hash, 32 bytes each. */
export const PEGIN_LENGTH = 64;
/** Bytes of the pegout proposal of a body; a larger one is malformed. */
export const PEGOUT_BYTES_MAX = 2 ** 17;
/** Finalized pegouts of a body; more are malformed. */
export const FINALIZED_PEGOUTS_MAX = 2 ** 6;
/** Bytes of a serialized AuxPoW; a larger one is malformed. */
export const AUXPOW_BYTES_MAX = 2 ** 16;
/**
 * range_start 32, range_end 32, bits 4, chain_id 4, height 8, fee_recipient 20, offset of the last field 4.
 */
export const AUXPOW_FIXED_LENGTH = 104;
export const PUBLIC_KEY_LENGTH = 48;

const FIELD_COUNT = 7;
/** Seven offsets of four bytes. The empty body is these and nothing else. */
export const BODY_FIXED_LENGTH = FIELD_COUNT * 4;

/** Position of each field in the body. */
export const BODY_FIELD = {
  parentApproval: 0,
  transactions: 1,
  pegins: 2,
  pegoutProposal: 3,
  finalizedPegouts: 4,
  auxpow: 5,
  nextAuthorities: 6,
} as const;

/**
 * Field i of the body lies in `bytes` from `boundaries[i]` to `boundaries[i + 1]`; the last boundary is the
 * end.
 */
export interface BodyLayout {
  readonly bytes: Uint8Array;
  readonly boundaries: readonly number[];
}

/** Where the field begins and ends in `layout.bytes`. */
export function fieldRange(layout: BodyLayout, field: number): readonly [start: number, end: number] {
  return [layout.boundaries[field] as number, layout.boundaries[field + 1] as number];
}

export function isFieldEmpty(layout: BodyLayout, field: number): boolean {
  return layout.boundaries[field] === layout.boundaries[field + 1];
}

/** Number of elements of a list of variable-size elements that has been checked. */
export function elementCount(bytes: Uint8Array, start: number, end: number): number {
  return start === end ? 0 : readUint32(bytes, start) / 4;
}

/** End of element `index` of a checked list of `count` variable-size elements between `start` and `end`. */
export function elementEnd(
  bytes: Uint8Array,
  start: number,
  end: number,
  index: number,
  count: number,
): number {
  return index + 1 < count ? start + readUint32(bytes, start + 4 * (index + 1)) : end;
}

/** Views on the elements of a checked list of variable-size elements. */
export function elementViews(bytes: Uint8Array, start: number, end: number): Uint8Array[] {
  const count = elementCount(bytes, start, end);
  const views: Uint8Array[] = [];
  for (let index = 0, from = start + 4 * count; index < count; index++) {
    const to = elementEnd(bytes, start, end, index, count);
    views.push(bytes.subarray(from, to));
    from = to;
  }
  return views;
}

/** Checks the body between `start` and `end`. Throws MalformedError unless it is exactly one. */
export function layOutBody(bytes: Uint8Array, start: number, end: number): BodyLayout {
  if (end - start < BODY_FIXED_LENGTH) throw new MalformedError(`body has ${end - start} bytes`);
  const boundaries: number[] = [];
  let previous = start + BODY_FIXED_LENGTH;
  for (let field = 0; field < FIELD_COUNT; field++) {
    const boundary = start + readUint32(bytes, start + 4 * field);
    const isInOrder = field === 0 ? boundary === previous : boundary >= previous;
    if (!isInOrder || boundary > end) throw new MalformedError(`body has a wrong offset of field ${field}`);
    boundaries.push(boundary);
    previous = boundary;
  }
  boundaries.push(end);
  const layout: BodyLayout = { bytes, boundaries };
  checkFields(layout);
  return layout;
}

function checkFields(layout: BodyLayout): void {
  const { bytes } = layout;
  const [approvalStart, approvalEnd] = fieldRange(layout, BODY_FIELD.parentApproval);
  checkList(bytes, approvalStart, approvalEnd, 1, "parent_approval", (from, to) => {
    decodeApproval(bytes.subarray(from, to));
  });
  const [transactionsStart, transactionsEnd] = fieldRange(layout, BODY_FIELD.transactions);
  checkByteLists(
    bytes,
    transactionsStart,
    transactionsEnd,
    TRANSACTIONS_MAX,
    TRANSACTION_BYTES_MAX,
    "transactions",
  );
  const [peginsStart, peginsEnd] = fieldRange(layout, BODY_FIELD.pegins);
  checkPacked(peginsStart, peginsEnd, PEGIN_LENGTH, PEGINS_MAX, "pegins");
  const [proposalStart, proposalEnd] = fieldRange(layout, BODY_FIELD.pegoutProposal);
  checkByteLists(bytes, proposalStart, proposalEnd, 1, PEGOUT_BYTES_MAX, "pegout_proposal");
  const [pegoutsStart, pegoutsEnd] = fieldRange(layout, BODY_FIELD.finalizedPegouts);
  checkByteLists(
    bytes,
    pegoutsStart,
    pegoutsEnd,
    FINALIZED_PEGOUTS_MAX,
    PEGOUT_BYTES_MAX,
    "finalized_pegouts",
  );
  const [auxpowStart, auxpowEnd] = fieldRange(layout, BODY_FIELD.auxpow);
  checkList(bytes, auxpowStart, auxpowEnd, 1, "auxpow", (from, to) => checkAuxpow(bytes, from, to));
  const [changeStart, changeEnd] = fieldRange(layout, BODY_FIELD.nextAuthorities);
  checkList(bytes, changeStart, changeEnd, 1, "next_authorities", (from, to) => checkChange(bytes, from, to));
}

/** A list of variable-size elements: offsets first, the first telling the count, none going back. */
function checkList(
  bytes: Uint8Array,
  start: number,
  end: number,
  limit: number,
  field: string,
  checkElement: (from: number, to: number) => void,
): void {
  const length = end - start;
  if (length === 0) return;
  if (length < 4) throw new MalformedError(`${field} has no room for an offset`);
  const first = readUint32(bytes, start);
  if (first === 0 || first % 4 !== 0 || first > length)
    throw new MalformedError(`${field} has a wrong first offset`);
  const count = first / 4;
  if (count > limit) throw new MalformedError(`${field} has ${count} elements of at most ${limit}`);
  for (let index = 0, from = first; index < count; index++) {
    const to = index + 1 < count ? readUint32(bytes, start + 4 * (index + 1)) : length;
    if (to < from || to > length) throw new MalformedError(`${field} has a wrong offset of element ${index}`);
    checkElement(start + from, start + to);
    from = to;
  }
}

function checkByteLists(
  bytes: Uint8Array,
  start: number,
  end: number,
  limit: number,
  lengthMax: number,
  field: string,
): void {
  checkList(bytes, start, end, limit, field, (from, to) => {
    if (to - from > lengthMax) throw new MalformedError(`${field} has an element of ${to - from} bytes`);
  });
}

/** A list of elements of one fixed size. */
function checkPacked(start: number, end: number, elementLength: number, limit: number, field: string): void {
  const length = end - start;
  if (length % elementLength !== 0) throw new MalformedError(`${field} has a part of an element`);
  if (length / elementLength > limit) throw new MalformedError(`${field} has more than ${limit} elements`);
}

function checkAuxpow(bytes: Uint8Array, start: number, end: number): void {
  const length = end - start;
  if (length < AUXPOW_FIXED_LENGTH) throw new MalformedError(`auxpow header has ${length} bytes`);
  if (readUint32(bytes, start + AUXPOW_FIXED_LENGTH - 4) !== AUXPOW_FIXED_LENGTH) {
    throw new MalformedError("auxpow header has a wrong offset");
  }
  if (length - AUXPOW_FIXED_LENGTH > AUXPOW_BYTES_MAX) throw new MalformedError("auxpow is too long");
  readUint64(bytes, start + 72, "auxpow height");
}

/**
 * AuthorityChange: set and proofs by offset; the set is a container of one list, so has an offset of its own.
 */
function checkChange(bytes: Uint8Array, start: number, end: number): void {
  const length = end - start;
  if (length < 12) throw new MalformedError(`authority change has ${length} bytes`);
  const proofs = readUint32(bytes, start + 4);
  if (readUint32(bytes, start) !== 8 || proofs < 12 || proofs > length) {
    throw new MalformedError("authority change has a wrong offset");
  }
  if (readUint32(bytes, start + 8) !== 4) throw new MalformedError("authority set has a wrong offset");
  checkPacked(start + 12, start + proofs, PUBLIC_KEY_LENGTH, AUTHORITIES_MAX, "authority set");
  checkPacked(start + proofs, end, SIGNATURE_LENGTH, AUTHORITIES_MAX, "proofs of possession");
}
