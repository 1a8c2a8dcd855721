/** Checkpoints: their SSZ form, their own soundness, evidence with crafted failures of each check, and the file. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { carriedChange, parseBlock, splitBlock } from "../../../../src/chain/block.ts";
import { proveChange, verifyChangeProof } from "../../../../src/chain/checkpoint/body-proof.ts";
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  verifyCheckpoint,
} from "../../../../src/chain/checkpoint/checkpoint.ts";
import {
  type CheckpointFile,
  decodeCheckpointFile,
  decodeEvidence,
  encodeCheckpointFile,
  encodeEvidence,
} from "../../../../src/chain/checkpoint/codec.ts";
import {
  type ChangeEvidence,
  type CheckpointEvidence,
  verifyEvidence,
} from "../../../../src/chain/checkpoint/evidence.ts";
import { sha256 } from "../../../../src/chain/hash.ts";
import { decodeHeader } from "../../../../src/chain/header.ts";
import { MalformedError } from "../../../../src/chain/malformed.ts";
import { checkpointWorld } from "./world.ts";

const world = checkpointWorld();
const { facts, known } = world;
/** At 140: one change below it (70), one between it and the later header (150). */
const evidence = world.evidence(140, 210);

const faultOf = (changed: Partial<CheckpointEvidence>): string => {
  const verdict = verifyEvidence({ ...evidence, ...changed }, known, facts);
  return verdict.ok ? "none" : verdict.fault;
};
const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
};
const withCheckpoint = (changed: Partial<Checkpoint>): string =>
  faultOf({ checkpoint: { ...evidence.checkpoint, ...changed } });
const withChange = (changed: Partial<ChangeEvidence>, index = 0): string =>
  faultOf({ changes: evidence.changes.map((one, at) => (at === index ? { ...one, ...changed } : one)) });

test("encodeCheckpoint() and decodeCheckpoint() are inverse, and any other length or offset is malformed", () => {
  const bytes = encodeCheckpoint(evidence.checkpoint);
  assert.deepEqual(decodeCheckpoint(bytes), evidence.checkpoint);
  assert.throws(() => decodeCheckpoint(bytes.subarray(0, bytes.length - 1)), MalformedError);
  assert.throws(() => decodeCheckpoint(new Uint8Array(10)), MalformedError);
  for (const at of [184, 188, 192]) assert.throws(() => decodeCheckpoint(flipped(bytes, at)), MalformedError);
});

test("verifyEvidence() accepts honest evidence and answers the sets up to the checkpoint", () => {
  const verdict = verifyEvidence(evidence, known, facts);
  assert(verdict.ok);
  assert.deepEqual(
    verdict.proven.periods.map(({ firstHeight, authorities }) => [firstHeight, authorities.keys.length]),
    [
      [1, 4],
      [71, 5],
    ],
  );
});

test("verifyEvidence() goes on from a later set that is known", () => {
  const verdict = verifyEvidence(evidence, known, facts);
  assert(verdict.ok);
  const later = verdict.proven.periods[1]!;
  const rest = { ...evidence, changes: evidence.changes.slice(1) };
  assert(verifyEvidence(rest, later, facts).ok);
  assert(!verifyEvidence(rest, known, facts).ok);
});

test("verifyCheckpoint() names what does not fit the header", () => {
  const { checkpoint } = evidence;
  const { genesisHash } = facts;
  assert.equal(verifyCheckpoint(checkpoint, genesisHash), undefined);
  const peaks = checkpoint.peaks.map((peak, index) => (index === 1 ? flipped(peak, 0) : peak));
  assert.equal(verifyCheckpoint({ ...checkpoint, peaks }, genesisHash), "HISTORY_ROOT");
  assert.equal(verifyCheckpoint({ ...checkpoint, peaks: peaks.slice(1) }, genesisHash), "HISTORY_ROOT");
  const { authorities } = known;
  assert.equal(verifyCheckpoint({ ...checkpoint, authorities }, genesisHash), "AUTHORITIES_ROOT");
  assert.equal(
    verifyCheckpoint({ ...checkpoint, approval: world.part(139).approval }, genesisHash),
    "APPROVAL",
  );
  assert.equal(verifyCheckpoint(checkpoint, flipped(genesisHash, 0)), "APPROVAL");
});

test("verifyEvidence() refuses each crafted failure by its name", () => {
  const [first, second] = evidence.changes as [ChangeEvidence, ChangeEvidence];
  assert.equal(withCheckpoint({ peaks: [] }), "HISTORY_ROOT");
  assert.equal(withCheckpoint({ approval: world.part(139).approval }), "APPROVAL");
  assert.equal(withCheckpoint({ header: world.part(138).header }), "LATER_INCLUSION");
  assert.equal(withCheckpoint({ header: new Uint8Array(3) }), "MALFORMED");
  const near = world.part(203);
  assert.equal(faultOf({ laterHeader: near.header, laterApproval: near.approval }), "LATER_TOO_LOW");
  const other = world.part(209);
  assert.equal(faultOf({ laterHeader: other.header }), "LATER_INCLUSION");
  assert.equal(faultOf({ laterApproval: other.approval }), "LATER_APPROVAL");
  assert.equal(faultOf({ inclusion: { ...evidence.inclusion, index: 139 } }), "LATER_INCLUSION");
  assert.equal(faultOf({ changes: [] }), "CHANGES_INCOMPLETE");
  assert.equal(faultOf({ changes: [first] }), "LATER_AUTHORITIES");
  assert.equal(faultOf({ changes: [second, first] }), "CHANGE_AUTHORITIES");
  assert.equal(faultOf({ changes: [first, second, second] }), "CHANGE_ORDER");
  assert.equal(faultOf({ changes: Array.from({ length: 257 }, () => first) }), "TOO_MANY_CHANGES");
  assert.equal(withChange({ approval: world.part(71).approval }), "CHANGE_APPROVAL");
  assert.equal(withChange({ header: world.part(69).header }), "CHANGE_INCLUSION");
  assert.equal(withChange({ inclusion: world.proof(70, 210) }), "CHANGE_INCLUSION");
  assert.equal(withChange({ inclusion: world.proof(150, 151) }, 1), "CHANGE_INCLUSION");
  assert.equal(withChange({ bodyProof: flipped(first.bodyProof, 50) }), "CHANGE_BODY");
  assert.equal(withChange({ bodyProof: first.bodyProof.slice(32) }), "CHANGE_BODY");
  const proofs = first.change.proofs.map((proof) => flipped(proof, 7));
  assert.equal(withChange({ change: { ...first.change, proofs } }), "CHANGE_BODY");
  const verdict = verifyEvidence(evidence, known, { ...facts, maxBlocksWithoutPow: 10 });
  assert.deepEqual(verdict, { ok: false, fault: "AUXPOW_MISSING" });
});

test("verifyEvidence() refuses a change that breaks a rule, however well it is placed", () => {
  const bad = checkpointWorld({ isProofBad: true });
  const verdict = verifyEvidence(bad.evidence(140, 204), bad.known, bad.facts);
  assert.deepEqual(verdict, { ok: false, fault: "CHANGE_INVALID" });
});

test("proveChange() leads to the body's root, and to no other", () => {
  const { body } = parseBlock(world.block(70));
  const change = carriedChange(body)!;
  const { bodyRoot } = decodeHeader(splitBlock(world.block(70)).header);
  assert(verifyChangeProof(change, proveChange(body), bodyRoot));
  assert(!verifyChangeProof(change, proveChange(body), flipped(bodyRoot, 0)));
});

test("evidence keeps its meaning on the wire", () => {
  const decoded = decodeEvidence(encodeEvidence(evidence));
  assert(decoded !== undefined);
  assert(verifyEvidence(decoded, known, facts).ok);
  assert.equal(decodeEvidence(new Uint8Array([1, 2, 3])), undefined);
  assert.equal(decodeEvidence(new Uint8Array()), undefined);
});

test("evidence with any one byte changed is refused or means the same", () => {
  const bytes = encodeEvidence(evidence);
  const canonical = Buffer.from(bytes);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] as number) ^ change;
      const decoded = decodeEvidence(damaged);
      if (decoded === undefined) return;
      if (canonical.equals(encodeEvidence(decoded))) return;
      assert(!verifyEvidence(decoded, known, facts).ok);
    }),
    { numRuns: 150 },
  );
});

test("decodeCheckpointFile() gives back the file, and no file with a changed or missing byte", () => {
  const file: CheckpointFile = {
    genesisHash: facts.genesisHash,
    createdMs: 1_700_000_000_123,
    evidence,
    block: world.block(140),
  };
  const bytes = encodeCheckpointFile(file);
  const read = decodeCheckpointFile(bytes);
  assert(typeof read !== "string");
  assert.equal(read.createdMs, file.createdMs);
  assert.deepEqual(new Uint8Array(read.block), file.block);
  assert.deepEqual(encodeEvidence(read.evidence), encodeEvidence(evidence));
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] as number) ^ change;
      assert.equal(decodeCheckpointFile(damaged), "CHECKSUM");
      assert.equal(typeof decodeCheckpointFile(bytes.subarray(0, at)), "string");
    }),
  );
  const old = bytes.slice(0, -32);
  old[8] = 9;
  assert.equal(decodeCheckpointFile(new Uint8Array([...old, ...sha256(old)])), "VERSION");
});
