/** Reading Bitcoin's serialization: real AuxPoWs and coinbases, every form, and damage of every kind. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { branchRoot, parentHash, readAuxPow } from "../../../../src/chain/auxpow/auxpow.ts";
import { BitcoinReader } from "../../../../src/chain/auxpow/bitcoin-reader.ts";
import { checkCommitment, checkProof } from "../../../../src/chain/auxpow/check-auxpow.ts";
import { findHeaders } from "../../../../src/chain/auxpow/merged-mining.ts";
import { mineAuxPow } from "../../../../src/chain/auxpow/mine.ts";
import { powFactsOf } from "../../../../src/chain/auxpow/pow-facts.ts";
import { readTransaction } from "../../../../src/chain/auxpow/transaction.ts";
import { concatBytes } from "../../../../src/chain/bytes.ts";
import { forgeParameters } from "../../../../src/chain/forge.ts";
import { fromHex, toHex } from "../../../../src/chain/hex.ts";
import { MalformedError } from "../../../../src/chain/malformed.ts";
import { seededRandom } from "../../../../src/kernel/ports/random.ts";
import { COORDINATE_COINBASE, MARATHON_COINBASE, NAMECOIN_19200 } from "./real-chain.ts";

const EASY = 0x2100_ffff;
const COMMITMENT = new Uint8Array(32).fill(7);
const branch = { hashes: [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)], sideMask: 2 };

test("readAuxPow: Namecoin's block 19200, mined with Bitcoin, passes every check", () => {
  const auxpow = readAuxPow(fromHex(NAMECOIN_19200.auxpow));
  assert.equal(auxpow.coinbaseBranch.hashes.length, 5);
  assert.equal(auxpow.chainBranch.hashes.length, 0);
  const facts = { ...powFactsOf(forgeParameters([])), chainId: 1, placement: "COINBASE_SCRIPT" } as const;
  const header = {
    rangeStart: COMMITMENT,
    rangeEnd: COMMITMENT,
    bits: NAMECOIN_19200.bits,
    chainId: 1,
    height: 1,
    feeRecipient: new Uint8Array(20),
    auxpow: fromHex(NAMECOIN_19200.auxpow),
  };
  assert.equal(checkProof(header, auxpow, facts), undefined);
  assert.equal(checkCommitment(fromHex(NAMECOIN_19200.blockHash), auxpow, facts), undefined);
  assert.equal(checkCommitment(COMMITMENT, auxpow, facts)?.code, "INVALID_AUXPOW");
  const outputs = { ...facts, placement: "COINBASE_OUTPUTS" } as const;
  assert.equal(checkProof(header, auxpow, outputs)?.code, "INVALID_AUXPOW");
});

test("findHeaders: reads the coinbases of pools that write it to an output, with witnesses and without", () => {
  for (const { bytes, root } of [MARATHON_COINBASE, COORDINATE_COINBASE]) {
    const reader = new BitcoinReader(fromHex(bytes));
    const transaction = readTransaction(reader);
    assert.equal(reader.remaining, 0);
    const headers = findHeaders(transaction, "COINBASE_OUTPUTS");
    assert(typeof headers !== "string");
    assert.deepEqual(
      headers.map((header) => [toHex(header.root), header.size]),
      [[root, 1]],
    );
  }
});

test("readTransaction: the id leaves the witnesses out", () => {
  const make = (hasWitness: boolean) =>
    readAuxPow(mineAuxPow(COMMITMENT, { bits: EASY, placement: "COINBASE_OUTPUTS", hasWitness })).coinbase;
  assert.deepEqual(make(true).id, make(false).id);
  assert.deepEqual(make(true).outputScripts, make(false).outputScripts);
});

test("readTransaction: a coinbase without inputs, as Alys's own miner makes it, is read", () => {
  const bytes = concatBytes([
    Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 1),
    new Uint8Array(8),
    Uint8Array.of(1, 0x51),
    new Uint8Array(4),
  ]);
  const transaction = readTransaction(new BitcoinReader(bytes));
  assert.equal(transaction.scriptSig, undefined);
  assert.equal(findHeaders(transaction, "COINBASE_SCRIPT"), "COINBASE_NO_INPUTS");
  assert.equal(findHeaders(transaction, "COINBASE_OUTPUTS"), "COINBASE_INVALID_OUTPUTS");
});

test("readTransaction: what is not the exact form is malformed", () => {
  const input = concatBytes([new Uint8Array(36), Uint8Array.of(0), new Uint8Array(4)]);
  const forms: Readonly<Record<string, Uint8Array>> = {
    "unknown witness flag": Uint8Array.of(1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0),
    "empty witnesses": concatBytes([
      Uint8Array.of(1, 0, 0, 0, 0, 1, 1),
      input,
      Uint8Array.of(0, 0, 0, 0, 0, 0),
    ]),
    "more inputs than bytes": Uint8Array.of(1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0),
    "a number of 64 bits": Uint8Array.of(1, 0, 0, 0, 0xff, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    "a number not in its shortest form": concatBytes([
      Uint8Array.of(1, 0, 0, 0, 0xfd, 1, 0),
      input,
      Uint8Array.of(0, 0, 0, 0, 0),
    ]),
  };
  for (const [name, bytes] of Object.entries(forms)) {
    assert.throws(() => readTransaction(new BitcoinReader(bytes)), MalformedError, name);
  }
});

test("readAuxPow: every cut, and every byte too many, is malformed", () => {
  const bytes = mineAuxPow(COMMITMENT, { bits: EASY, placement: "COINBASE_OUTPUTS", chainBranch: branch });
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => readAuxPow(bytes.subarray(0, length)), MalformedError);
  }
  assert.throws(() => readAuxPow(concatBytes([bytes, new Uint8Array(1)])), MalformedError);
  readAuxPow(bytes);
});

test("readAuxPow: damage is read or malformed, never anything else", () => {
  const samples = [
    fromHex(NAMECOIN_19200.auxpow),
    mineAuxPow(COMMITMENT, { bits: EASY, placement: "COINBASE_OUTPUTS", chainBranch: branch }),
    mineAuxPow(COMMITMENT, { bits: EASY, placement: "COINBASE_SCRIPT", coinbaseBranch: branch }),
  ];
  const damage = fc.record({
    sample: fc.nat(samples.length - 1),
    bytes: fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { minLength: 1, maxLength: 8 }),
    cut: fc.option(fc.nat(2000)),
  });
  const random = seededRandom(3);
  const facts = powFactsOf(forgeParameters([]));
  const survive = (bytes: Uint8Array): void => {
    try {
      const auxpow = readAuxPow(bytes);
      for (const placement of ["COINBASE_OUTPUTS", "COINBASE_SCRIPT"] as const) {
        const header = {
          rangeStart: COMMITMENT,
          rangeEnd: COMMITMENT,
          bits: EASY,
          chainId: facts.chainId,
          height: 1,
          feeRecipient: new Uint8Array(20),
          auxpow: bytes,
        };
        if (checkProof(header, auxpow, { ...facts, placement }) === undefined) {
          checkCommitment(COMMITMENT, auxpow, { ...facts, placement });
        }
      }
    } catch (error) {
      assert(error instanceof MalformedError, String(error));
    }
  };
  fc.assert(
    fc.property(damage, ({ sample, bytes, cut }) => {
      const damaged = (samples[sample] as Uint8Array).slice(0, cut ?? undefined);
      for (const [at, value] of bytes) if (damaged.length > 0) damaged[at % damaged.length] = value;
      survive(damaged);
    }),
    { numRuns: 2000 },
  );
  for (let length = 0; length < 400; length++) survive(random.bytes(length));
});

test("branchRoot: each bit of the mask turns one pair round", () => {
  const leaf = new Uint8Array(32).fill(9);
  const roots = [0, 1, 2, 3].map((sideMask) => toHex(branchRoot(leaf, { ...branch, sideMask })));
  assert.equal(new Set(roots).size, 4);
  assert.deepEqual(branchRoot(leaf, { hashes: [], sideMask: 0 }), leaf);
  assert.throws(() => branchRoot(leaf, { hashes: new Array(33).fill(leaf), sideMask: 0 }), MalformedError);
});

test("mineAuxPow: the same options give the same bytes, and the work is there", () => {
  const options = { bits: 0x2000_ffff, placement: "COINBASE_OUTPUTS" } as const;
  const bytes = mineAuxPow(COMMITMENT, options);
  assert.deepEqual(mineAuxPow(COMMITMENT, options), bytes);
  assert.equal(parentHash(readAuxPow(bytes).parentHeader)[31], 0);
});
