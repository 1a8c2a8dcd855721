/** Blocks by hash on the wire: requests within their limits, answers in order, side blocks and gaps. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  BlocksByHashRequestSchema,
  BlocksByHashResponseSchema,
} from "../../../../gen/alys/wire/v1/wire_pb.ts";
import {
  answerHashes,
  decodeHashAnswer,
  decodeHashRequest,
  encodeHashRequest,
  HASHES_MAX,
} from "../../../../src/actors/network/by-hash.ts";
import { ChainForge } from "../../../../src/chain/forge.ts";
import { HEADER_LENGTH, headerHash } from "../../../../src/chain/header.ts";
import { toHex } from "../../../../src/chain/hex.ts";

const forge = new ChainForge();
const blocks = Array.from({ length: 4 }, () => forge.next());
const hashes = blocks.map((block) => headerHash(block.subarray(0, HEADER_LENGTH)));
const hash = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

/** Has these blocks, the odd ones beside the chain. */
const chain = {
  readBlockByHash: (wanted: Uint8Array) => {
    const index = hashes.findIndex((each) => toHex(each) === toHex(wanted));
    const bytes = blocks[index];
    return bytes && { height: index + 1, bytes, isCanonical: index % 2 === 0 };
  },
};

function requestOf(...list: Uint8Array[]): Uint8Array {
  return toBinary(BlocksByHashRequestSchema, create(BlocksByHashRequestSchema, { hashes: list }));
}

function chunkOf(...list: Uint8Array[]): Uint8Array {
  return toBinary(BlocksByHashResponseSchema, create(BlocksByHashResponseSchema, { blocks: list }));
}

test("decodeHashRequest() takes 1 to 64 different hashes and nothing else", () => {
  assert.deepEqual(decodeHashRequest(encodeHashRequest(hashes)), hashes);
  const many = Array.from({ length: HASHES_MAX }, (_, index) => hash(index));
  assert.equal(decodeHashRequest(requestOf(...many))?.length, HASHES_MAX);
  assert.equal(decodeHashRequest(requestOf(...many, hash(200))), undefined);
  assert.equal(decodeHashRequest(requestOf()), undefined);
  assert.equal(decodeHashRequest(requestOf(hash(1), hash(1))), undefined);
  assert.equal(decodeHashRequest(requestOf(new Uint8Array(31))), undefined);
  assert.equal(decodeHashRequest(Uint8Array.of(255, 255)), undefined);
});

test("answerHashes() serves what it has, on the chain and beside it, in order", () => {
  const chunks = [...answerHashes(chain, [hashes[2]!, hash(9), hashes[1]!])];
  assert.equal(chunks.length, 2);
  assert.deepEqual(decodeHashAnswer(chunks, [hashes[2]!, hash(9), hashes[1]!]), [blocks[2], blocks[1]]);
});

test("answerHashes() ends before an answer would be too large", () => {
  const large = new Uint8Array(1_500_000);
  const big = { readBlockByHash: () => ({ height: 1, bytes: large, isCanonical: true }) };
  assert.equal([...answerHashes(big, [hash(1), hash(2)])].length, 1);
});

test("decodeHashAnswer() refuses what was not asked for, what is out of order or twice, and garbage", () => {
  assert.deepEqual(decodeHashAnswer([], hashes), []);
  assert.equal(decodeHashAnswer([chunkOf(blocks[0]!)], [hashes[1]!]), undefined);
  assert.equal(decodeHashAnswer([chunkOf(blocks[1]!), chunkOf(blocks[0]!)], hashes), undefined);
  assert.equal(decodeHashAnswer([chunkOf(blocks[0]!, blocks[0]!)], hashes), undefined);
  assert.equal(decodeHashAnswer([chunkOf(new Uint8Array(20))], hashes), undefined);
  assert.equal(decodeHashAnswer([Uint8Array.of(255)], hashes), undefined);
});
