/**
 * Roots of block bodies, many at once: the transactions of all bodies of a segment go through the trees level
 * by level together, so do the approvals of parents and the bodies themselves. What is rare (pegins, pegouts,
 * AuxPoW, authority changes) is hashed one by one.
 */

import { AUTHORITIES_MAX, decodeApproval } from "./approval.ts";
import { authoritySetRoot } from "./authorities.ts";
import {
  type AuthorityChange,
  type AuxPowHeader,
  carriedAuxPow,
  carriedChange,
  parentApprovalBytes,
} from "./block.ts";
import type { BodyLayout } from "./body-layout.ts";
import {
  AUXPOW_BYTES_MAX,
  BODY_FIELD,
  elementCount,
  elementEnd,
  elementViews,
  FINALIZED_PEGOUTS_MAX,
  fieldRange,
  isFieldEmpty,
  layOutBody,
  PEGIN_LENGTH,
  PEGINS_MAX,
  PEGOUT_BYTES_MAX,
  TRANSACTION_BYTES_MAX,
  TRANSACTIONS_MAX,
} from "./body-layout.ts";
import { hashPairs } from "./hash.ts";
import { ListRootBatch } from "./list-root-batch.ts";
import { readUint32 } from "./little-endian.ts";
import {
  byteListRoot,
  byteVectorRoot,
  CHUNK_LENGTH,
  containerRoot,
  depthOf,
  hashFixedTrees,
  listRoot,
  uint64Chunk,
} from "./merkle.ts";

/**
 * Bodies are hashed in rounds of at most this much transaction data, or one body alone, so that the working
 * memory stays in the processor's cache and below 16 MiB in all (one body of 2^16 tiny transactions takes 64
 * bytes for each).
 */
const ROUND_BYTES_MAX = 256 * 1024;

const CHUNKS_PER_BODY = 8;
const transactionBatch = new ListRootBatch(depthOf(TRANSACTION_BYTES_MAX / CHUNK_LENGTH));
const listBatch = new ListRootBatch(depthOf(TRANSACTIONS_MAX));
const EMPTY_ROOTS: ReadonlyMap<number, Uint8Array> = new Map([
  [BODY_FIELD.parentApproval, listRoot([], 1)],
  [BODY_FIELD.pegins, listRoot([], PEGINS_MAX)],
  [BODY_FIELD.pegoutProposal, listRoot([], 1)],
  [BODY_FIELD.finalizedPegouts, listRoot([], FINALIZED_PEGOUTS_MAX)],
  [BODY_FIELD.auxpow, listRoot([], 1)],
  [BODY_FIELD.nextAuthorities, listRoot([], 1)],
]);

/** Hash tree root of one serialized body. Throws MalformedError when it is none. */
export function bodyRoot(bytes: Uint8Array): Uint8Array {
  return bodyRoots([layOutBody(bytes, 0, bytes.length)]);
}

/** Hash tree roots of bodies whose form is checked: 32 bytes each, in order. */
export function bodyRoots(bodies: readonly BodyLayout[]): Uint8Array {
  return hashFixedTrees(bodyLeaves(bodies), 3);
}

/** The eight leaves of one body's tree, 32 bytes each: the roots of its fields, and a zero. */
export function bodyFieldRoots(body: BodyLayout): Uint8Array {
  return bodyLeaves([body]);
}

function bodyLeaves(bodies: readonly BodyLayout[]): Uint8Array {
  const leaves = new Uint8Array(bodies.length * CHUNKS_PER_BODY * CHUNK_LENGTH);
  writeTransactionRoots(bodies, leaves);
  writeApprovalRoots(bodies, leaves);
  for (const [index, body] of bodies.entries()) writeOtherRoots(body, leaves, index);
  return leaves;
}

/** Where the leaf of a field of the body at `index` lies. */
function leafOffset(index: number, field: number): number {
  return (index * CHUNKS_PER_BODY + field) * CHUNK_LENGTH;
}

function writeTransactionRoots(bodies: readonly BodyLayout[], leaves: Uint8Array): void {
  for (let next = 0; next < bodies.length; ) {
    const first = next;
    const counts: number[] = [];
    do {
      counts.push(addTransactions(bodies[next] as BodyLayout));
      next++;
    } while (next < bodies.length && transactionBatch.size < ROUND_BYTES_MAX);
    const roots = transactionBatch.finish();
    let start = 0;
    for (const count of counts) {
      const end = start + count * CHUNK_LENGTH;
      listBatch.add(roots, start, end, count);
      start = end;
    }
    const lists = listBatch.finish();
    for (let list = 0; list < counts.length; list++) {
      const at = leafOffset(first + list, BODY_FIELD.transactions);
      leaves.set(lists.subarray(list * CHUNK_LENGTH, (list + 1) * CHUNK_LENGTH), at);
    }
  }
}

/** Returns how many transactions the body has. */
function addTransactions(body: BodyLayout): number {
  const { bytes } = body;
  const [start, end] = fieldRange(body, BODY_FIELD.transactions);
  const count = elementCount(bytes, start, end);
  if (count === 0) return 0;
  for (let index = 0, from = start + readUint32(bytes, start); index < count; index++) {
    const to = elementEnd(bytes, start, end, index, count);
    transactionBatch.add(bytes, from, to, to - from);
    from = to;
  }
  return count;
}

/**
 * List[AggregateApproval, 1] of each body that has one. The bits and their length make one pair, the
 * signature two more; four calls then climb from there to the list's root.
 */
function writeApprovalRoots(bodies: readonly BodyLayout[], leaves: Uint8Array): void {
  const carriers: number[] = [];
  for (const [index, body] of bodies.entries()) {
    if (isFieldEmpty(body, BODY_FIELD.parentApproval)) {
      leaves.set(emptyRoot(BODY_FIELD.parentApproval), leafOffset(index, BODY_FIELD.parentApproval));
    } else carriers.push(index);
  }
  const count = carriers.length;
  const bottom = new Uint8Array(count * 192);
  for (const [position, index] of carriers.entries()) {
    const { bits, length, signature } = decodeApproval(
      parentApprovalBytes(bodies[index] as BodyLayout) as Uint8Array,
    );
    const at = position * 192;
    bottom[at] = bits;
    bottom[at + 1] = bits >>> 8;
    bottom[at + 32] = length;
    bottom.set(signature, at + 64);
  }
  const folded = new Uint8Array(count * 96);
  hashPairs(bottom, folded);
  const signaturePairs = new Uint8Array(count * 64);
  for (let position = 0; position < count; position++) {
    signaturePairs.set(folded.subarray(position * 96 + 32, position * 96 + 96), position * 64);
  }
  const signatureRoots = new Uint8Array(count * 32);
  hashPairs(signaturePairs, signatureRoots);
  const pairs = new Uint8Array(count * 64);
  for (let position = 0; position < count; position++) {
    pairs.set(folded.subarray(position * 96, position * 96 + 32), position * 64);
    pairs.set(signatureRoots.subarray(position * 32, position * 32 + 32), position * 64 + 32);
  }
  const approvalRoots = new Uint8Array(count * 32);
  hashPairs(pairs, approvalRoots);
  pairs.fill(0);
  for (let position = 0; position < count; position++) {
    pairs.set(approvalRoots.subarray(position * 32, position * 32 + 32), position * 64);
    pairs[position * 64 + 32] = 1;
  }
  hashPairs(pairs, approvalRoots);
  for (const [position, index] of carriers.entries()) {
    const root = approvalRoots.subarray(position * 32, position * 32 + 32);
    leaves.set(root, leafOffset(index, BODY_FIELD.parentApproval));
  }
}

function writeOtherRoots(body: BodyLayout, leaves: Uint8Array, index: number): void {
  for (let field: number = BODY_FIELD.pegins; field <= BODY_FIELD.nextAuthorities; field++) {
    const root = isFieldEmpty(body, field) ? emptyRoot(field) : rareRoot(body, field);
    leaves.set(root, leafOffset(index, field));
  }
}

function emptyRoot(field: number): Uint8Array {
  return EMPTY_ROOTS.get(field) as Uint8Array;
}

function rareRoot(body: BodyLayout, field: number): Uint8Array {
  const [start, end] = fieldRange(body, field);
  switch (field) {
    case BODY_FIELD.pegins:
      return peginsRoot(body.bytes.subarray(start, end));
    case BODY_FIELD.pegoutProposal:
      return byteListsRoot(elementViews(body.bytes, start, end), 1);
    case BODY_FIELD.finalizedPegouts:
      return byteListsRoot(elementViews(body.bytes, start, end), FINALIZED_PEGOUTS_MAX);
    case BODY_FIELD.auxpow:
      return listRoot([auxpowHeaderRoot(carriedAuxPow(body) as AuxPowHeader)], 1);
    default:
      return listRoot([authorityChangeRoot(carriedChange(body) as AuthorityChange)], 1);
  }
}

function byteListsRoot(elements: readonly Uint8Array[], limit: number): Uint8Array {
  return listRoot(
    elements.map((element) => byteListRoot(element, PEGOUT_BYTES_MAX)),
    limit,
  );
}

function peginsRoot(packed: Uint8Array): Uint8Array {
  const roots = new Uint8Array(packed.length / 2);
  // A pegin is two whole leaves, so that hashing the pairs of the packed list gives the roots of its
  // elements.
  hashPairs(packed, roots);
  const elements: Uint8Array[] = [];
  for (let at = 0; at < roots.length; at += PEGIN_LENGTH / 2) elements.push(roots.subarray(at, at + 32));
  return listRoot(elements, PEGINS_MAX);
}

/** Hash tree root of an AuxPowHeader. */
export function auxpowHeaderRoot(header: AuxPowHeader): Uint8Array {
  return containerRoot([
    header.rangeStart,
    header.rangeEnd,
    uint64Chunk(header.bits),
    uint64Chunk(header.chainId),
    uint64Chunk(header.height),
    byteVectorRoot(header.feeRecipient),
    byteListRoot(header.auxpow, AUXPOW_BYTES_MAX),
  ]);
}

/** Hash tree root of an AuthorityChange. */
export function authorityChangeRoot(change: AuthorityChange): Uint8Array {
  return containerRoot([
    authoritySetRoot(change.keys),
    listRoot(change.proofs.map(byteVectorRoot), AUTHORITIES_MAX),
  ]);
}
