/**
 * AuxPoWs on forged chains: what is valid under both policies and placements, and for each check a block that fails it
 * alone.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readAuxPow } from "../../../../src/chain/auxpow/auxpow.ts";
import type { AuxPowBend } from "../../../../src/chain/auxpow/auxpow-forge.ts";
import { checkCommitment, checkProof } from "../../../../src/chain/auxpow/check-auxpow.ts";
import { genesisAuxPow, judgeAuxPow } from "../../../../src/chain/auxpow/last-auxpow.ts";
import {
  encodeMergedMiningHeader,
  expectedIndex,
  findHeaders,
} from "../../../../src/chain/auxpow/merged-mining.ts";
import { mineAuxPow } from "../../../../src/chain/auxpow/mine.ts";
import { type MergedMiningPlacement, powFactsOf } from "../../../../src/chain/auxpow/pow-facts.ts";
import { type AuxPowHeader, carriedAuxPow, parseBlock } from "../../../../src/chain/block.ts";
import { describeFault } from "../../../../src/chain/block-fault.ts";
import { concatBytes } from "../../../../src/chain/bytes.ts";
import { checkSegment } from "../../../../src/chain/check-segment.ts";
import { ChainForge, forgeParameters, forgeSecretKeys } from "../../../../src/chain/forge.ts";
import type { Policy } from "../../../../src/chain/validator.ts";
import { ChainFollower, type Found, hashesOf } from "../follow-chain.ts";

const PLACEMENTS: readonly MergedMiningPlacement[] = ["COINBASE_OUTPUTS", "COINBASE_SCRIPT"];
const POLICIES: readonly Policy[] = ["SEGMENT", "EVERY_BLOCK"];
const CHAIN_ID = 263_634;
const EASY = 0x2100_ffff;
const OTHER = new Uint8Array(32).fill(0xee);

/** A coinbase whose header is not where the chain looks for it. */
const PLACED_WRONGLY: Readonly<Record<MergedMiningPlacement, Readonly<Record<string, AuxPowBend>>>> = {
  COINBASE_OUTPUTS: {
    "MISSING_HEADER in the fifth output": { output: 4 },
    "COINBASE_INVALID_OUTPUTS with the header in the second": { output: 1 },
    "COINBASE_INVALID_OUTPUTS with the header in the script": { placement: "COINBASE_SCRIPT" },
  },
  COINBASE_SCRIPT: { "MISSING_HEADER in the script": { placement: "COINBASE_OUTPUTS" } },
};

function forgeOf(
  placement: MergedMiningPlacement,
  more: { auxpowEvery?: number; max?: number } = {},
): ChainForge {
  const { auxpowEvery = 10, max = 50_000 } = more;
  return new ChainForge({ members: 2, auxpowEvery, placement, maxBlocksWithoutPow: max });
}

function run(forge: ChainForge, count: number): Uint8Array[] {
  return Array.from({ length: count }, () => forge.next());
}

/** 14 blocks with an AuxPoW at 10, then one whose AuxPoW is bent. */
function judge(placement: MergedMiningPlacement, auxpow: AuxPowBend, policy: Policy): Found | undefined {
  const forge = forgeOf(placement);
  const follower = new ChainFollower(forge);
  assert.equal(follower.follow(run(forge, 14), policy), undefined);
  return follower.follow([forge.next({ auxpow })], policy);
}

function branchOf(levels: number, nonce: number) {
  const hashes = Array.from({ length: levels }, (_, level) => new Uint8Array(32).fill(level + 1));
  return { hashes, sideMask: expectedIndex(nonce, CHAIN_ID, levels) };
}

for (const placement of PLACEMENTS) {
  for (const policy of POLICIES) {
    test(`${placement} ${policy}: AuxPoWs are followed, however often they come`, () => {
      for (const auxpowEvery of [1, 4, 10, 13, 64]) {
        const forge = forgeOf(placement, { auxpowEvery, max: 2 * auxpowEvery });
        const follower = new ChainFollower(forge);
        assert.equal(follower.follow(run(forge, 140), policy), undefined);
        assert.deepEqual(follower.state.lineage.auxpows.at(-1), forge.lineage.auxpows.at(-1));
      }
    });
  }

  test(`${placement}: a range may end below the parent, and the next one begins above it`, () => {
    const forge = forgeOf(placement);
    const follower = new ChainFollower(forge);
    const blocks = [...run(forge, 14), forge.next({ auxpow: { covers: 2 } }), ...run(forge, 30)];
    assert.equal(follower.follow(blocks, "EVERY_BLOCK"), undefined);
    assert.deepEqual(
      follower.state.lineage.auxpows.map((auxpow) => [auxpow.carrierHeight, auxpow.rangeEndHeight]),
      [
        [0, 0],
        [10, 9],
        [15, 11],
        [20, 19],
        [30, 29],
        [40, 39],
      ],
    );
  });

  test(`${placement}: valid at a leaf of its own among other chains, and deep in the parent's tree`, () => {
    for (const levels of [0, 1, 5, 30]) {
      const nonce = 77;
      const chainBranch = branchOf(levels, nonce);
      const bend = { chainBranch, header: { nonce }, coinbaseBranch: branchOf(12, 1) };
      assert.equal(judge(placement, bend, "EVERY_BLOCK"), undefined, String(levels));
    }
  });

  const inWorker: Readonly<Record<string, AuxPowBend>> = {
    WRONG_AUXPOW_CHAIN_ID: { fields: { chainId: 1 } },
    AUXPOW_WORK_MISSING: { accepts: (hash) => hash[31] === 0xff && hash[30] === 0xff },
    MALFORMED: { fields: { auxpow: new Uint8Array(100) } },
    "MERKLE_BRANCH_TOO_LONG of chains": { chainBranch: branchOf(31, 0) },
    ...PLACED_WRONGLY[placement],
  };
  for (const [name, bend] of Object.entries(inWorker)) {
    test(`${placement}: ${name} is found from the bytes alone`, () => {
      for (const policy of POLICIES) assertFound(judge(placement, bend, policy), "segment", name);
    });
  }

  const inOrder: Readonly<Record<string, AuxPowBend>> = {
    "WRONG_AUXPOW_RANGE that begins elsewhere": { fields: { rangeStart: OTHER } },
    "WRONG_AUXPOW_RANGE that ends nowhere": { fields: { rangeEnd: OTHER } },
    WRONG_AUXPOW_BITS: { bits: 0x2000_ffff, fields: { bits: 0x2000_ffff } },
    "MISSING_MERKLE_ROOT of another range": { header: { root: OTHER } },
    INVALID_MERKLE_SIZE: { header: { size: 2 } },
    "WRONG_INDEX among the chains": {
      chainBranch: { ...branchOf(5, 3), sideMask: branchOf(5, 3).sideMask ^ 1 },
      header: { nonce: 3 },
    },
  };
  for (const [name, bend] of Object.entries(inOrder)) {
    test(`${placement}: ${name} is found in order`, () => {
      for (const policy of POLICIES) assertFound(judge(placement, bend, policy), "sequence", name);
    });
  }

  test(`${placement}: a range that goes back to what is covered already is WRONG_AUXPOW_RANGE`, () => {
    const forge = forgeOf(placement);
    const follower = new ChainFollower(forge);
    const blocks = run(forge, 14);
    follower.follow(blocks, "EVERY_BLOCK");
    const hashes = hashesOf(blocks);
    for (const fields of [{ rangeStart: hashes[8]! }, { rangeEnd: hashes[8]! }]) {
      const block = forge.fork().next({ auxpow: { fields } });
      assertFound(follower.follow([block], "EVERY_BLOCK"), "sequence", "WRONG_AUXPOW_RANGE");
    }
    // The block itself is none of its ancestors.
    const rangeEnd = forge.fork();
    const self = rangeEnd.next();
    const [hash] = hashesOf([self]);
    const block = forge.fork().next({ auxpow: { fields: { rangeEnd: hash! } } });
    assertFound(follower.follow([block], "EVERY_BLOCK"), "sequence", "WRONG_AUXPOW_RANGE");
  });

  test(`${placement}: AUXPOW_OVERDUE counts from the end of the last range`, () => {
    const forge = forgeOf(placement, { auxpowEvery: 10, max: 15 });
    const follower = new ChainFollower(forge);
    assert.equal(follower.follow(run(forge, 19), "EVERY_BLOCK"), undefined);
    // The last range ended at 9: block 24 may be without, block 25 may not.
    const without = () => forge.next({ auxpow: "none" });
    assert.equal(follower.follow([without(), ...run(forge, 4)], "EVERY_BLOCK"), undefined);
    const late = forge.fork().next();
    assertFound(follower.follow([late], "EVERY_BLOCK"), "sequence", "AUXPOW_OVERDUE");
    assert.equal(follower.follow([forge.next({ auxpow: {} })], "EVERY_BLOCK"), undefined);
  });
}

/** On a chain whose id a parent could have: the forged ones' does not fit into a parent's version. */
function proofOf(bytes: Uint8Array, placement: MergedMiningPlacement) {
  const facts = { ...powFactsOf(forgeParameters([])), chainId: 9, placement };
  const header = {
    rangeStart: OTHER,
    rangeEnd: OTHER,
    bits: EASY,
    chainId: 9,
    height: 1,
    feeRecipient: new Uint8Array(20),
    auxpow: bytes,
  };
  return checkProof(header, readAuxPow(bytes), facts);
}

for (const placement of PLACEMENTS) {
  test(`checkProof ${placement}: a parent with our chain id is PARENT_HAS_CHAIN_ID`, () => {
    const mine = (parentVersion: number) => mineAuxPow(OTHER, { bits: EASY, placement, parentVersion });
    assert.equal(proofOf(mine((8 << 16) | 4), placement), undefined);
    const fault = proofOf(mine((9 << 16) | 4), placement);
    assert.equal(fault?.code === "INVALID_AUXPOW" && fault.check, "PARENT_HAS_CHAIN_ID");
  });

  test(`checkProof ${placement}: a coinbase that is not in the parent is MERKLE_ROOT_INCORRECT`, () => {
    const bytes = mineAuxPow(OTHER, { bits: EASY, placement });
    // The first byte is the coinbase's version.
    bytes[0] = 9;
    const fault = proofOf(bytes, placement);
    assert.equal(fault?.code === "INVALID_AUXPOW" && fault.check, "MERKLE_ROOT_INCORRECT");
  });

  test(`checkProof ${placement}: a coinbase branch of more than 32 hashes is MERKLE_BRANCH_TOO_LONG`, () => {
    const bytes = mineAuxPow(OTHER, { bits: EASY, placement });
    const { coinbaseBranch, ...rest } = readAuxPow(bytes);
    const long = { ...rest, coinbaseBranch: { ...coinbaseBranch, hashes: new Array(33).fill(OTHER) } };
    const facts = { ...powFactsOf(forgeParameters([])), placement };
    const header = { bits: EASY, chainId: facts.chainId } as AuxPowHeader;
    const fault = checkProof(header, long, facts);
    assert.equal(fault?.code === "INVALID_AUXPOW" && fault.check, "MERKLE_BRANCH_TOO_LONG");
  });
}

test("findHeaders: two headers in the script are MULTIPLE_HEADERS, what follows a broken push does not count", () => {
  const header = encodeMergedMiningHeader({ root: OTHER, size: 1, nonce: 0 });
  const push = concatBytes([Uint8Array.of(44), header]);
  const find = (...parts: Uint8Array[]) =>
    findHeaders({ id: OTHER, scriptSig: concatBytes(parts), outputScripts: [] }, "COINBASE_SCRIPT");
  assert.equal(find(push, push), "MULTIPLE_HEADERS");
  assert.equal(find(header), "MISSING_HEADER");
  assert.equal(find(Uint8Array.of(75), push), "MISSING_HEADER");
  for (const opcode of [
    [0x4c, 44],
    [0x4d, 44, 0],
    [0x4e, 44, 0, 0, 0],
  ]) {
    const found = find(Uint8Array.of(0x51, 0), Uint8Array.from(opcode), header);
    assert(typeof found !== "string" && found.length === 1);
  }
});

test("findHeaders: of two outputs with a header the one that commits to the range counts", () => {
  const wrong = encodeMergedMiningHeader({ root: new Uint8Array(32), size: 1, nonce: 0 });
  const right = encodeMergedMiningHeader({ root: OTHER, size: 1, nonce: 0 });
  const empty = new Uint8Array(0);
  const coinbase = { id: OTHER, scriptSig: undefined, outputScripts: [empty, empty, wrong, right] };
  const auxpow = readAuxPow(mineAuxPow(OTHER, { bits: EASY, placement: "COINBASE_OUTPUTS" }));
  const facts = powFactsOf(forgeParameters([]));
  assert.equal(checkCommitment(OTHER, { ...auxpow, coinbase }, facts), undefined);
  const first = { ...coinbase, outputScripts: [right, right, wrong, wrong] };
  const fault = checkCommitment(OTHER, { ...auxpow, coinbase: first }, facts);
  assert.equal(fault?.code === "INVALID_AUXPOW" && fault.check, "MISSING_MERKLE_ROOT");
});

test("judgeAuxPow: a range whose hashes are not held is nobody's fault", () => {
  const forge = forgeOf("COINBASE_OUTPUTS");
  run(forge, 9);
  const auxpow = carriedAuxPow(parseBlock(forge.next()).body);
  const none = { heightOf: () => undefined, hashAt: () => undefined, hashes: () => [] };
  const verdict = judgeAuxPow(genesisAuxPow(forge.facts()), { height: 10, auxpow }, forge.facts(), none);
  assert(!verdict.ok);
  assert.deepEqual([verdict.fault.code, verdict.fault.isInvalid], ["AUXPOW_RANGE_UNKNOWN", false]);
});

function assertFound(found: Found | undefined, stage: Found["stage"], name: string): void {
  assert(found !== undefined, `${name} was accepted`);
  const { fault } = found;
  const code = fault.code === "INVALID_AUXPOW" ? fault.check : fault.code;
  assert.deepEqual(
    [found.stage, code, fault.isInvalid],
    [stage, name.split(" ")[0], true],
    describeFault(fault),
  );
}

test("checkSegment: damage to a block with AuxPoW and change is a verdict, never a throw", () => {
  const four = forgeSecretKeys(4);
  const forge = new ChainForge({ members: 3, auxpowEvery: 3, authorityChanges: [{ height: 3, set: four }] });
  const [first, second] = [forge.next(), forge.next()];
  const block = forge.next();
  const follower = new ChainFollower(forge);
  assert.equal(follower.follow([first, second], "EVERY_BLOCK"), undefined);
  const { authorities } = follower.state;
  const header = 184;
  const damage = fc.array(fc.tuple(fc.integer({ min: header, max: block.length - 1 }), fc.nat(255)), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(damage, fc.constantFrom(...PLACEMENTS), (changes, placement) => {
      const bytes = block.slice();
      for (const [at, value] of changes) bytes[at] = value;
      const facts = { ...forge.facts(), pow: { ...forge.facts().pow, placement } };
      const input = {
        blocks: [bytes],
        policy: "EVERY_BLOCK",
        authorities,
        nowMs: 1_800_000_000_000,
      } as const;
      const verdict = checkSegment(facts, input);
      if (!verdict.ok) describeFault(verdict.fault);
      else assert.equal(placement, "COINBASE_OUTPUTS");
    }),
    { numRuns: 500 },
  );
});
