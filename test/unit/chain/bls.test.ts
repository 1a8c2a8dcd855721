/**
 * BLS: what signs verifies, every kind of bad bytes is `false` and never a throw, batches find the bad sets.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import {
  aggregateSignatures,
  BATCH_SETS_MAX,
  isValidPublicKey,
  publicKeyOf,
  SecretKey,
  type SignatureSet,
  sign,
  sumSecretKeys,
  verifyAggregate,
  verifyBatch,
  verifyEach,
} from "../../../src/chain/bls.ts";

const keys = [1, 2, 3].map((seed) => SecretKey.fromSeed(new Uint8Array(32).fill(seed)));
const publicKeys = keys.map(publicKeyOf);
const root = new Uint8Array(32).fill(9);
const aggregate = aggregateSignatures(keys.map((key) => sign(key, root)))!;

const infinityKey = Uint8Array.from({ length: 48 }, (_, i) => (i === 0 ? 0xc0 : 0));
const infinitySignature = Uint8Array.from({ length: 96 }, (_, i) => (i === 0 ? 0xc0 : 0));

function setFor(index: number, isGood = true): SignatureSet {
  const signingRoot = new Uint8Array(32).fill(index);
  const signed = isGood ? signingRoot : new Uint8Array(32).fill(index + 1);
  return { publicKeys, signingRoot, signature: sign(sumSecretKeys(keys), signed) };
}

describe("SecretKey", () => {
  it("is deterministic from a seed and survives its bytes", () => {
    const again = SecretKey.fromSeed(new Uint8Array(32).fill(1));
    assert.deepEqual(again.publicKey, publicKeys[0]);
    assert.deepEqual(SecretKey.fromBytes(again.toBytes())!.publicKey, publicKeys[0]);
  });

  it("has the public key of Alys's development key for the scalar 1", () => {
    const one = Uint8Array.from({ length: 32 }, (_, i) => (i === 31 ? 1 : 0));
    assert.equal(
      Buffer.from(SecretKey.fromBytes(one)!.publicKey).toString("hex"),
      "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb",
    );
  });

  it("refuses zero, the group order and above, and wrong lengths", () => {
    assert.equal(SecretKey.fromBytes(new Uint8Array(32)), undefined);
    assert.equal(SecretKey.fromBytes(new Uint8Array(32).fill(255)), undefined);
    assert.equal(SecretKey.fromBytes(new Uint8Array(31).fill(1)), undefined);
    assert.throws(() => SecretKey.fromSeed(new Uint8Array(31)), RangeError);
  });

  it("does not show its scalar when it is printed", () => {
    const key = keys[0]!;
    assert.ok(!inspect(key, { depth: 9, showHidden: true }).includes(inspect(key.toBytes())));
    assert.ok(!JSON.stringify(key).includes(Buffer.from(key.toBytes()).toString("hex")));
  });
});

describe("verifyAggregate", () => {
  it("accepts the aggregate of all keys and the signature of their sum, which are the same bytes", () => {
    assert.equal(verifyAggregate(publicKeys, root, aggregate), true);
    assert.deepEqual(sign(sumSecretKeys(keys), root), aggregate);
  });

  it("refuses a missing key, another root, another signature", () => {
    assert.equal(verifyAggregate(publicKeys.slice(1), root, aggregate), false);
    assert.equal(verifyAggregate(publicKeys, new Uint8Array(32), aggregate), false);
    assert.equal(verifyAggregate(publicKeys, root, sign(keys[0]!, root)), false);
    assert.equal(verifyAggregate([], root, aggregate), false);
  });

  it("answers false, never throws, for bytes that are no point, infinity, or of a wrong length", () => {
    for (const bad of [
      new Uint8Array(96),
      new Uint8Array(96).fill(255),
      infinitySignature,
      new Uint8Array(5),
    ]) {
      assert.equal(verifyAggregate(publicKeys, root, bad), false);
    }
    for (const bad of [new Uint8Array(48), new Uint8Array(48).fill(255), infinityKey, new Uint8Array(5)]) {
      assert.equal(verifyAggregate([bad], root, aggregate), false);
      assert.equal(isValidPublicKey(bad), false);
    }
    assert.equal(verifyAggregate(publicKeys, new Uint8Array(31), aggregate), false);
  });

  it("refuses keys that cancel out under the infinity signature", () => {
    const order = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
    const scalar = BigInt(`0x${Buffer.from(keys[0]!.toBytes()).toString("hex")}`);
    const negated = SecretKey.fromBytes(Buffer.from((order - scalar).toString(16).padStart(64, "0"), "hex"))!;
    assert.equal(verifyAggregate([publicKeys[0]!, negated.publicKey], root, infinitySignature), false);
    assert.throws(() => sumSecretKeys([keys[0]!, negated]), RangeError);
  });
});

describe("aggregateSignatures", () => {
  it("has no answer for nothing or for a bad point", () => {
    assert.equal(aggregateSignatures([]), undefined);
    assert.equal(aggregateSignatures([aggregate, infinitySignature]), undefined);
  });
});

describe("verifyBatch and verifyEach", () => {
  it("accept a full batch of good sets and the empty one", () => {
    assert.equal(verifyBatch([]), true);
    assert.equal(verifyBatch(Array.from({ length: BATCH_SETS_MAX }, (_, i) => setFor(i))), true);
  });

  it("refuse a batch with one bad set and name it", () => {
    const sets = Array.from({ length: 9 }, (_, i) => setFor(i, i !== 6));
    assert.equal(verifyBatch(sets), false);
    assert.deepEqual(verifyEach(sets), [true, true, true, true, true, true, false, true, true]);
  });

  it("name a bad point and swapped signatures, across batch borders", () => {
    const sets = Array.from({ length: 66 }, (_, i) => setFor(i));
    const last = sets[65]!;
    sets[65] = { ...last, signature: infinitySignature };
    const [first, second] = sets as [SignatureSet, SignatureSet];
    sets[0] = { ...first, signature: second.signature };
    sets[1] = { ...second, signature: first.signature };
    const bad = verifyEach(sets).flatMap((holds, index) => (holds ? [] : [index]));
    assert.deepEqual(bad, [0, 1, 65]);
  });

  it("tell sets of different signers apart that share keys", () => {
    const pair = setFor(0);
    const alone = { ...setFor(1), publicKeys: pair.publicKeys.slice(0, 1) };
    const turned = { ...setFor(2), publicKeys: pair.publicKeys.toReversed() };
    assert.deepEqual(verifyEach([pair, alone, turned, setFor(3)]), [true, false, true, true]);
  });

  it("refuse to be called with more than a batch", () => {
    assert.throws(
      () => verifyBatch(Array.from({ length: BATCH_SETS_MAX + 1 }, (_, i) => setFor(i))),
      RangeError,
    );
  });
});
