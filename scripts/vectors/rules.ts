/** Vectors of signatures, history, slots, fork choice and of every validity rule: a block that breaks it alone. */

import { type AggregateApproval, encodeApproval, quorumOf } from "../../src/chain/approval.ts";
import { sign } from "../../src/chain/bls.ts";
import { checkSegment } from "../../src/chain/check-segment.ts";
import { signDelegation } from "../../src/chain/delegation.ts";
import { compareHeads } from "../../src/chain/fork-choice.ts";
import { toHex } from "../../src/chain/hex.ts";
import { hashPair } from "../../src/chain/merkle.ts";
import {
  appendHash,
  encodeHistoryProof,
  historyRoot,
  makeHistoryProof,
  type NodeAt,
} from "../../src/chain/mmr.ts";
import { provePossession } from "../../src/chain/possession.ts";
import { authorOf, slotAt } from "../../src/chain/rules.ts";
import { checkSequence, genesisState } from "../../src/chain/sequence.ts";
import { DOMAIN_BLOCK_APPROVAL, domain, signingRoot } from "../../src/chain/signing.ts";
import type { Random } from "../../src/kernel/ports/random.ts";
import {
  ancestorsOf,
  approve,
  type Bend,
  type BuiltBlock,
  ChainBuilder,
  everybody,
  type Federation,
  SLOT_DURATION_MS,
} from "../../test/unit/chain/build-chain.ts";

type Json = unknown;
const WRONG = new Uint8Array(32).fill(0xee);

export function ruleVectors(random: Random, federation: Federation): Record<string, Json> {
  return {
    "block-approval": approvalVectors(federation),
    "proof-of-possession": federation.secrets.map((secret) => ({
      secret_key: toHex(secret.toBytes()),
      public_key: toHex(secret.publicKey),
      genesis_hash: toHex(federation.facts.genesisHash),
      proof: toHex(provePossession(secret, federation.facts.genesisHash)),
    })),
    "delegation-signature": [delegationSignatureVector(random, federation)],
    "history-root": historyVectors(random),
    quorum: Array.from({ length: 15 }, (_, index) => ({
      authorities: index + 1,
      quorum: quorumOf(index + 1),
    })),
    slot: [0, 1999, 2000, 1_700_000_000_123].map((timestampMs) => {
      const slot = slotAt(timestampMs, SLOT_DURATION_MS);
      const author = authorOf(slot, 4);
      return { timestamp_ms: timestampMs, slot_duration_ms: SLOT_DURATION_MS, slot, authorities: 4, author };
    }),
    "fork-choice": [forkChoiceVector(random)],
    validity: validityVectors(federation),
  };
}

function approvalVectors(federation: Federation): Json {
  const block = new ChainBuilder(federation).next();
  const domainBytes = domain(DOMAIN_BLOCK_APPROVAL, federation.facts.genesisHash);
  const root = signingRoot(block.hash, domainBytes);
  return [0b0111, 0b1011, 0b1111].map((bits) => ({
    genesis_hash: toHex(federation.facts.genesisHash),
    header: toHex(block.headerBytes),
    block_hash: toHex(block.hash),
    signing_root: toHex(root),
    authorities: federation.authorities.keys.map(toHex),
    signatures: federation.secrets.map((secret) => toHex(sign(secret, root))),
    approval: toHex(encodeApproval(approve(federation, block.hash, bits))),
  }));
}

function delegationSignatureVector(random: Random, federation: Federation): Json {
  const [secret] = federation.secrets;
  if (secret === undefined) throw new Error("the federation has no member");
  const { genesisHash } = federation.facts;
  const sample = {
    publicKey: secret.publicKey,
    peerId: random.bytes(38),
    role: 1 as const,
    expiryMs: 1_800_000_000_000,
  };
  return {
    public_key: toHex(sample.publicKey),
    peer_id: toHex(sample.peerId),
    role: sample.role,
    expiry_ms: sample.expiryMs,
    genesis_hash: toHex(genesisHash),
    signature: toHex(signDelegation(secret, sample, genesisHash)),
  };
}

function historyVectors(random: Random): Json {
  const leaves = Array.from({ length: 11 }, () => random.bytes(32));
  const nodeAt: NodeAt = (level, position) =>
    level === 0
      ? (leaves[position] ?? WRONG)
      : hashPair(nodeAt(level - 1, 2 * position), nodeAt(level - 1, 2 * position + 1));
  const vectors: Json[] = [];
  let peaks: Uint8Array[] = [];
  for (let count = 0; count <= leaves.length; count++) {
    const proofs = Array.from({ length: count }, (_, index) =>
      toHex(encodeHistoryProof(makeHistoryProof(index, count, nodeAt))),
    );
    vectors.push({
      leaves: leaves.slice(0, count).map(toHex),
      peaks: peaks.map(toHex),
      root: toHex(historyRoot(count, peaks)),
      proofs,
    });
    peaks = appendHash(peaks, count, leaves[count] ?? WRONG);
  }
  return vectors;
}

function forkChoiceVector(random: Random): Json {
  const hashes = [random.bytes(32), random.bytes(32)];
  const heads = [3, 5, 4].flatMap((height) =>
    [9, 8].flatMap((slot) => hashes.map((hash) => ({ height, slot, hash }))),
  );
  const view = (list: typeof heads): Json => list.map((head) => ({ ...head, hash: toHex(head.hash) }));
  return { heads: view(heads), best_first: view(heads.toSorted(compareHeads)) };
}

/** Block 3 of each vector is bent in one place; `code` is what a judge must find, VALID for the honest one. */
function validityVectors(federation: Federation): Json {
  const builder = new ChainBuilder(federation);
  const [first, second] = builder.run(2);
  if (first === undefined || second === undefined) throw new Error("the chain is too short");
  const authorBit = (slot: number): number => 1 << authorOf(slot, federation.secrets.length);
  const author = authorBit(second.header.slot + 1);
  const notAuthor = everybody(4) ^ author;
  const lone = author | (notAuthor & -notAuthor);
  const parentBut = (bits: number) => approve(federation, second.hash, bits);
  const bends: Readonly<Record<string, Bend>> = {
    VALID: {},
    // Certified by the federation, as the block of another branch would be, but not an ancestor here.
    UNKNOWN_PARENT: {
      ...carrying(approve(federation, WRONG, everybody(4))),
      header: (honest) => ({ ...honest, parentHash: WRONG }),
    },
    WRONG_HEIGHT: { header: (honest) => ({ ...honest, height: 4 }) },
    WRONG_SLOT: {
      header: (honest) => ({ ...honest, timestampMs: honest.timestampMs - SLOT_DURATION_MS }),
    },
    SLOT_NOT_ABOVE_PARENT: { slots: 0 },
    FUTURE_TIMESTAMP: { slots: 100 },
    WRONG_AUTHORITIES_ROOT: { header: (honest) => ({ ...honest, authoritiesRoot: WRONG }) },
    WRONG_BITLIST_LENGTH: { approval: (honest) => ({ ...honest, length: 5 }) },
    AUTHOR_BIT_MISSING: { bits: notAuthor },
    QUORUM_MISSING: { bits: lone },
    WRONG_BODY_ROOT: { header: (honest) => ({ ...honest, bodyRoot: WRONG }) },
    WRONG_HISTORY_ROOT: { header: (honest) => ({ ...honest, historyRoot: WRONG }) },
    PARENT_APPROVAL_MISSING: { body: (honest) => ({ ...honest, parentApproval: undefined }) },
    "WRONG_BITLIST_LENGTH of the parent": carrying({ ...parentBut(everybody(4)), length: 5 }),
    "AUTHOR_BIT_MISSING of the parent": carrying(parentBut(everybody(4) ^ authorBit(second.header.slot))),
    "QUORUM_MISSING of the parent": carrying(parentBut(authorBit(second.header.slot))),
    BAD_APPROVAL_SIGNATURE: { approval: (honest) => ({ ...approve(federation, WRONG, honest.bits) }) },
    "BAD_APPROVAL_SIGNATURE of the parent": carrying(approve(federation, WRONG, everybody(4))),
  };
  const nowMs = second.header.timestampMs + 10 * SLOT_DURATION_MS;
  return {
    slot_duration_ms: SLOT_DURATION_MS,
    drift_ms: federation.facts.driftMs,
    now_ms: nowMs,
    genesis_hash: toHex(federation.facts.genesisHash),
    authorities: federation.authorities.keys.map(toHex),
    ancestors: [first, second].map((block) => toHex(block.bytes)),
    blocks: Object.entries(bends).map(([name, bend]) => {
      const chain = new ChainBuilder(federation);
      const ancestors = chain.run(2);
      const block = chain.next(bend);
      const code = name.split(" ")[0] as string;
      const found = judge(federation, ancestors, block, nowMs);
      if (found !== code) throw new Error(`${name} is judged ${found}`);
      return { name, code, block: toHex(block.bytes) };
    }),
  };
}

function carrying(parentApproval: AggregateApproval): Bend {
  return { body: (honest) => ({ ...honest, parentApproval }) };
}

/** Both halves of validation, block 3 alone on top of its ancestors, as a live block comes. */
function judge(
  federation: Federation,
  ancestors: readonly BuiltBlock[],
  block: BuiltBlock,
  nowMs: number,
): string {
  const { authorities, facts } = federation;
  let state = genesisState(facts, authorities);
  for (const next of [...ancestors, block]) {
    const verdict = checkSegment(facts, { blocks: [next.bytes], policy: "EVERY_BLOCK", authorities, nowMs });
    if (!verdict.ok) return verdict.fault.code;
    const sequence = checkSequence(state, verdict.segment, { facts, ancestors: ancestorsOf([]) });
    if (!sequence.ok) return sequence.fault.code;
    state = sequence.state;
  }
  return "VALID";
}
