/** A signed chain of 220 blocks with two changes of the authorities, and honest evidence made by hand from its parts. */

import assert from "node:assert/strict";
import { authoritySet } from "../../../../src/chain/authorities.ts";
import { carriedChange, parseBlock, splitBlock } from "../../../../src/chain/block.ts";
import { proveChange } from "../../../../src/chain/checkpoint/body-proof.ts";
import type { ChangeEvidence, CheckpointEvidence } from "../../../../src/chain/checkpoint/evidence.ts";
import { ChainForge, forgeSecretKeys } from "../../../../src/chain/forge.ts";
import { HEADER_LENGTH, headerHash } from "../../../../src/chain/header.ts";
import { hashPair } from "../../../../src/chain/merkle.ts";
import { appendHash, type HistoryProof, makeHistoryProof } from "../../../../src/chain/mmr.ts";
import { provePossession } from "../../../../src/chain/possession.ts";

const BLOCKS = 220;
const SECRETS = forgeSecretKeys(5);

export function checkpointWorld({ isProofBad = false } = {}) {
  const forge = new ChainForge({ members: 4 });
  const facts = forge.facts(500, 64);
  const authorities = forge.genesis.authorities;
  const blocks: Uint8Array[] = [];
  for (let height = 1; height <= BLOCKS; height++) {
    const nextAuthorities = height === 70 ? SECRETS : height === 150 ? SECRETS.slice(0, 4) : undefined;
    if (height === 70 && isProofBad) {
      const keys = SECRETS.map(({ publicKey }) => publicKey);
      const proofs = SECRETS.map((key) => provePossession(key, new Uint8Array(32)));
      blocks.push(forge.next({ change: { keys, proofs } }));
    } else if (isProofBad || nextAuthorities === undefined) blocks.push(forge.next());
    else blocks.push(forge.next({ nextAuthorities }));
  }
  const hashes = [facts.genesisHash, ...blocks.map((block) => headerHash(block.subarray(0, HEADER_LENGTH)))];
  const block = (height: number): Uint8Array => blocks[height - 1] as Uint8Array;
  const part = (height: number) => splitBlock(block(height));
  const nodeAt = (level: number, position: number): Uint8Array =>
    level === 0
      ? (hashes[position] as Uint8Array)
      : hashPair(nodeAt(level - 1, 2 * position), nodeAt(level - 1, 2 * position + 1));
  const proof = (index: number, count: number): HistoryProof => makeHistoryProof(index, count, nodeAt);
  const setAt = (height: number) =>
    height > 70 && height <= 150 && !isProofBad
      ? authoritySet(SECRETS.map(({ publicKey }) => publicKey))
      : authorities;

  function change(height: number, count: number): ChangeEvidence {
    const { body } = parseBlock(block(height));
    const carried = carriedChange(body);
    assert(carried !== undefined);
    const { header, approval } = part(height);
    return {
      header,
      approval,
      change: carried,
      bodyProof: proveChange(body),
      inclusion: proof(height, count),
    };
  }

  function evidence(height: number, later: number): CheckpointEvidence {
    let peaks: Uint8Array[] = [];
    for (let count = 0; count < height; count++)
      peaks = appendHash(peaks, count, hashes[count] as Uint8Array);
    const { header, approval } = part(height);
    const changes = (isProofBad ? [70] : [70, 150]).filter((at) => at < later);
    return {
      checkpoint: {
        header: header.slice(),
        approval: approval.slice(),
        authorities: setAt(height),
        peaks,
      },
      laterHeader: part(later).header,
      laterApproval: part(later).approval,
      inclusion: proof(height, later),
      changes: changes.map((at) => change(at, at < height ? height : later)),
    };
  }

  return {
    forge,
    facts,
    known: { firstHeight: 1, authorities },
    blocks,
    hashes,
    block,
    part,
    proof,
    evidence,
  };
}
