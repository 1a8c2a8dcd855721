/** The vector files are what the code computes, and the SSZ reference reads the same roots out of their bytes. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeVectors, VECTORS_FOLDER } from "../../../scripts/make-vectors.ts";
import { fromHex, toHex } from "../../../src/chain/hex.ts";
import { approvalType, blockBodyType, blockHeaderType, signedBlockType } from "./ssz-oracle.ts";

interface ObjectVector {
  readonly serialized: string;
  readonly root?: string;
  readonly hash?: string;
}

function read(name: string): readonly ObjectVector[] {
  return JSON.parse(readFileSync(join(VECTORS_FOLDER, `${name}.json`), "utf8")) as ObjectVector[];
}

test("vectors: the files are exactly what the code computes", () => {
  const vectors = makeVectors();
  assert.deepEqual(
    readdirSync(VECTORS_FOLDER).sort(),
    [...vectors.keys()].map((name) => `${name}.json`).sort(),
  );
  for (const [name, text] of vectors) {
    assert.equal(readFileSync(join(VECTORS_FOLDER, `${name}.json`), "utf8"), text, name);
  }
});

test("vectors: the reference finds the same roots in the serialized objects", () => {
  for (const { serialized, root } of read("block-header")) {
    assert.equal(toHex(blockHeaderType.hashTreeRoot(blockHeaderType.deserialize(fromHex(serialized)))), root);
  }
  for (const { serialized, root } of read("aggregate-approval")) {
    assert.equal(toHex(approvalType.hashTreeRoot(approvalType.deserialize(fromHex(serialized)))), root);
  }
  for (const { serialized, root } of read("block-body")) {
    assert.equal(toHex(blockBodyType.hashTreeRoot(blockBodyType.deserialize(fromHex(serialized)))), root);
  }
  for (const { serialized, hash } of read("signed-block")) {
    const block = signedBlockType.deserialize(fromHex(serialized));
    assert.equal(toHex(blockHeaderType.hashTreeRoot(block.header)), hash);
  }
});
