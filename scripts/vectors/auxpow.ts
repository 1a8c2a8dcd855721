/** Vectors of AuxPoW and of changes of the authorities: targets, retarget, commitments, chains and crafted failures. */

import { authoritySetRoot } from "../../src/chain/authorities.ts";
import type { AuxPowBend } from "../../src/chain/auxpow/auxpow-forge.ts";
import { compactOf, targetOf } from "../../src/chain/auxpow/compact.ts";
import { expectedIndex } from "../../src/chain/auxpow/merged-mining.ts";
import { type MergedMiningPlacement, powFactsOf } from "../../src/chain/auxpow/pow-facts.ts";
import { requiredBits } from "../../src/chain/auxpow/retarget.ts";
import { carriedAuxPow, parseBlock } from "../../src/chain/block.ts";
import { ChainForge, forgeParameters, forgeSecretKeys } from "../../src/chain/forge.ts";
import { toHex } from "../../src/chain/hex.ts";
import { provePossession } from "../../src/chain/possession.ts";
import { encodeChainSpecification } from "../../src/chain/spec.ts";
import { ChainFollower, type Found } from "../../test/unit/chain/follow-chain.ts";

type Json = unknown;
const OTHER = new Uint8Array(32).fill(0xee);
const CHAIN_ID = forgeParameters([]).chainId;

export function auxpowVectors(): Record<string, Json> {
  return {
    "compact-target": compactVectors(),
    retarget: retargetVectors(),
    "merged-mining-index": indexVectors(),
    "auxpow-validity": (["COINBASE_OUTPUTS", "COINBASE_SCRIPT"] as const).map(auxpowChain),
    "authority-change-validity": authorityChain(),
  };
}

function compactVectors(): Json {
  const bits = [0, 0x01003456, 0x01123456, 0x03123456, 0x04923456, 0x05009234, 0x1d00ffff, 0x1e22_2222];
  return [...bits, 0x2000_ffff, 0x2100_ffff, 0x2200_ffff, 0xff12_3456].map((value) => ({
    bits: value,
    target: targetOf(value).toString(16),
    compact: compactOf(targetOf(value)),
  }));
}

function retargetVectors(): Json {
  const facts = powFactsOf(forgeParameters([]));
  const { powTargetTimespan, powTargetSpacing, maxPowAdjustment, powLimit, powLowerLimit } = facts;
  const cases = [
    [100, 105],
    [100, 109],
    [100, 113],
    [103, 109],
    [104, 109],
    [105, 109],
    [108, 109],
    [0, 1000],
  ] as const;
  return {
    timespan: powTargetTimespan,
    spacing: powTargetSpacing,
    adjustment: maxPowAdjustment,
    limit: powLimit,
    lower_limit: powLowerLimit,
    cases: [0x1e22_2222, powLimit, powLowerLimit].flatMap((bits) =>
      cases.map(([carrierHeight, height]) => ({
        last_carrier_height: carrierHeight,
        last_bits: bits,
        height,
        required_bits: requiredBits({ carrierHeight, bits }, height, facts),
      })),
    ),
  };
}

function indexVectors(): Json {
  return [0, 1, 77, 0xffff_ffff].flatMap((nonce) =>
    [0, 1, 5, 30].map((height) => ({
      nonce,
      chain_id: CHAIN_ID,
      height,
      index: expectedIndex(nonce, CHAIN_ID, height),
    })),
  );
}

/** Blocks 1 to 14, an AuxPoW in 10; then block 15 with an AuxPoW that is bent in one place. */
function auxpowChain(placement: MergedMiningPlacement): Json {
  const make = (): ChainForge => new ChainForge({ members: 2, auxpowEvery: 10, placement, transactions: 0 });
  const forge = make();
  const ancestors = Array.from({ length: 14 }, () => forge.next());
  const branch = (sideMask: number) => ({ hashes: Array.from({ length: 5 }, () => OTHER), sideMask });
  const index = expectedIndex(3, CHAIN_ID, 5);
  const wrongPlace =
    placement === "COINBASE_OUTPUTS"
      ? {
          "INVALID_AUXPOW COINBASE_INVALID_OUTPUTS": { output: 1 },
          "INVALID_AUXPOW MISSING_HEADER": { output: 4 },
        }
      : { "INVALID_AUXPOW MISSING_HEADER": { placement: "COINBASE_OUTPUTS" as const } };
  const bends: Readonly<Record<string, AuxPowBend>> = {
    VALID: {},
    "VALID among other chains": { chainBranch: branch(index), header: { nonce: 3 } },
    "VALID for a part of the blocks": { covers: 3 },
    MALFORMED: { fields: { auxpow: new Uint8Array(10) } },
    WRONG_AUXPOW_CHAIN_ID: { fields: { chainId: CHAIN_ID + 1 } },
    AUXPOW_WORK_MISSING: { accepts: (hash) => hash[31] === 0xff && hash[30] === 0xff },
    "INVALID_AUXPOW MERKLE_BRANCH_TOO_LONG": {
      chainBranch: { hashes: Array.from({ length: 31 }, () => OTHER), sideMask: 0 },
    },
    ...wrongPlace,
    WRONG_AUXPOW_RANGE: { fields: { rangeStart: OTHER } },
    "WRONG_AUXPOW_RANGE at its end": { fields: { rangeEnd: OTHER } },
    WRONG_AUXPOW_BITS: { bits: 0x2000_ffff, fields: { bits: 0x2000_ffff } },
    "INVALID_AUXPOW MISSING_MERKLE_ROOT": { header: { root: OTHER } },
    "INVALID_AUXPOW INVALID_MERKLE_SIZE": { header: { size: 2 } },
    "INVALID_AUXPOW WRONG_INDEX": { chainBranch: branch(index ^ 1), header: { nonce: 3 } },
  };
  return {
    placement,
    specification: JSON.parse(encodeChainSpecification(forge.parameters)) as Json,
    genesis_hash: toHex(forge.genesis.hash),
    ancestors: ancestors.map(toHex),
    blocks: Object.entries(bends).map(([name, auxpow]) => {
      const block = forge.fork().next({ auxpow });
      return { ...vector(name, forge, ancestors, block), auxpow: toHex(auxpowBytes(block)) };
    }),
  };
}

function auxpowBytes(block: Uint8Array): Uint8Array {
  return carriedAuxPow(parseBlock(block).body)?.auxpow ?? new Uint8Array(0);
}

/** Blocks 1 to 66 with a change in 3; then block 67, the lowest that may change again, bent in one place. */
function authorityChain(): Json {
  const secrets = forgeSecretKeys(5);
  const five = { height: 3, set: secrets };
  const forge = new ChainForge({ members: 4, authorityChanges: [five], transactions: 0 });
  const ancestors = Array.from({ length: 66 }, () => forge.next());
  const honest = {
    keys: secrets.slice(1).map((key) => key.publicKey),
    proofs: secrets.slice(1).map((key) => provePossession(key, forge.genesis.hash)),
  };
  const infinity = new Uint8Array(48);
  infinity[0] = 0xc0;
  const reversed = { keys: honest.keys.toReversed(), proofs: honest.proofs.toReversed() };
  const five6 = [...secrets.map((key) => key.publicKey), infinity];
  const bends = {
    VALID: honest,
    "INVALID_AUTHORITY_CHANGE EMPTY_SET": { keys: [], proofs: [] },
    "INVALID_AUTHORITY_CHANGE REPEATED_KEY": {
      keys: [...honest.keys, honest.keys[0] ?? infinity],
      proofs: [],
    },
    "INVALID_AUTHORITY_CHANGE NOT_ONE_KEY": {
      keys: honest.keys.slice(1),
      proofs: honest.proofs.slice(1),
    },
    "INVALID_AUTHORITY_CHANGE NOT_ONE_KEY in order": reversed,
    "INVALID_AUTHORITY_CHANGE INVALID_KEY": { keys: five6, proofs: [] },
    "INVALID_AUTHORITY_CHANGE PROOF_COUNT": { ...honest, proofs: honest.proofs.slice(1) },
    "INVALID_AUTHORITY_CHANGE BAD_PROOF": { ...honest, proofs: honest.proofs.toReversed() },
  };
  const early = new ChainForge({ members: 4, authorityChanges: [five], transactions: 0 });
  const before = Array.from({ length: 65 }, () => early.next());
  const name = "INVALID_AUTHORITY_CHANGE TOO_SOON";
  return {
    slot_duration_ms: forge.parameters.slotDurationMs,
    genesis_hash: toHex(forge.genesis.hash),
    authorities: forge.genesis.authorities.keys.map(toHex),
    ancestors: ancestors.map(toHex),
    blocks: [
      ...Object.entries(bends).map(([label, change]) => ({
        ...vector(label, forge, ancestors, forge.fork().next({ change })),
        next_authorities_root: toHex(authoritySetRoot(change.keys)),
      })),
      // Stands on block 65, the others on block 66.
      vector(name, early, before, early.fork().next({ change: honest })),
    ],
  };
}

/** A block with what a judge must find; throws when ours finds something else. */
function vector(
  name: string,
  forge: ChainForge,
  ancestors: readonly Uint8Array[],
  block: Uint8Array,
): { name: string; code: string; block: string } {
  const follower = new ChainFollower(forge);
  const first = follower.follow(ancestors, "SEGMENT");
  if (first !== undefined) throw new Error(`ancestor ${first.height} is ${first.fault.code}`);
  const code = name.split(" ")[0] as string;
  const found = codeOf(follower.follow([block], "EVERY_BLOCK"));
  const detail = code.startsWith("INVALID_") ? name.split(" ").slice(0, 2).join(" ") : code;
  if (found !== detail) throw new Error(`${name} is judged ${found}`);
  return { name, code, block: toHex(block) };
}

function codeOf(found: Found | undefined): string {
  if (found === undefined) return "VALID";
  const { fault } = found;
  if (fault.code === "INVALID_AUXPOW") return `${fault.code} ${fault.check}`;
  if (fault.code === "INVALID_AUTHORITY_CHANGE") return `${fault.code} ${fault.reason}`;
  return fault.code;
}
