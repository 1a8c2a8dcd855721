/**
 * AuxPoW and changes of the authorities on the embedded chain: finality, forks, restarts, pipelined imports, proposals,
 * and finding everything again when its record is gone.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { equalBytes } from "../../../../../src/chain/bytes.ts";
import { ChainForge, type ForgeOptions, forgeSecretKeys } from "../../../../../src/chain/forge.ts";
import { cutSegments } from "../../../../../src/chain/segment.ts";
import { LINEAGE_KEY } from "../../../../../src/integrations/chain/embedded/opening.ts";
import type { ImportOutcome } from "../../../../../src/integrations/chain/port.ts";
import { ChainRig, hashOfBlock, run, segmentOf } from "../segments.ts";

const SECRETS = forgeSecretKeys(6);

/** A forge that signs nothing: no rule in here looks at a signature but those of proposals' changes. */
function quick(options: ForgeOptions): ChainForge {
  return new ChainForge({ signEvery: 1_000_000_007, members: 3, ...options });
}

async function importAll(rig: ChainRig, blocks: readonly Uint8Array[]): Promise<ImportOutcome | undefined> {
  let last: ImportOutcome | undefined;
  for (const segment of cutSegments(blocks)) last = await rig.import(segment, "SEGMENT");
  return last;
}

test("EmbeddedChain: with AuxPoW a block is final once covered by one that is buried", async () => {
  const rig = new ChainRig(quick({ auxpowEvery: 10 }), 8);
  await importAll(rig, run(rig.forge, 17));
  assert.equal(rig.chain.snapshot().final.height, 0);
  await rig.import(run(rig.forge, 1));
  assert.equal(rig.chain.snapshot().final.height, 9);
  await importAll(rig, run(rig.forge, 82));
  // 100 carries one too, but only 90 is buried under 8.
  assert.deepEqual(rig.chain.snapshot().final, { height: 89, hash: rig.chain.hashAt(89)! });
  assert.deepEqual(
    rig.events.filter(({ type }) => type === "finalized").map((event) => "height" in event && event.height),
    [9, 69, 89],
  );
  rig.reopenAfterCrash();
  assert.equal(rig.chain.snapshot().final.height, 89);
  assert.equal((await importAll(rig, run(rig.forge, 60)))?.kind, "imported");
});

test("EmbeddedChain: imports that are not durable yet are ancestors of a range", async () => {
  const rig = new ChainRig(quick({ auxpowEvery: 25 }));
  await rig.import(run(rig.forge, 3));
  const outcomes = Array.from({ length: 12 }, () => rig.chain.importSegment(segmentOf(run(rig.forge, 7))));
  await rig.scheduler.runUntilIdle();
  for (const { kind } of await Promise.all(outcomes)) assert.equal(kind, "imported");
  assert.equal(rig.chain.snapshot().head.height, 87);
});

test("EmbeddedChain: a failed write takes back what the segments behind it stood on", async () => {
  const rig = new ChainRig(quick({ auxpowEvery: 4 }));
  await rig.import(run(rig.forge, 5));
  const lost = rig.forge.fork();
  rig.disk.isFull = true;
  const outcomes = [run(lost, 6), run(lost, 6)].map((blocks) => rig.chain.importSegment(segmentOf(blocks)));
  await rig.scheduler.runUntilIdle();
  for (const { kind } of await Promise.all(outcomes)) assert.equal(kind, "notNow");
  rig.disk.isFull = false;
  const other = [rig.forge.next({ skippedSlots: 2 }), ...run(rig.forge, 9)];
  assert.equal((await rig.import(other)).kind, "imported");
});

test("EmbeddedChain: each branch is judged by its own AuxPoWs", async () => {
  const rig = new ChainRig(quick({ auxpowEvery: 10 }));
  await rig.import(run(rig.forge, 5));
  const branch = rig.forge.fork();
  await rig.import(run(rig.forge, 12));
  // On the branch block 8 carries one over 1 to 7, which the other chain's range at 10 would overlap.
  const blocks = [
    branch.next({ skippedSlots: 1 }),
    branch.next(),
    branch.next({ auxpow: {} }),
    ...run(branch, 20),
  ];
  assert.equal((await rig.import(blocks.slice(0, 4))).kind, "side");
  assert.equal((await rig.import(blocks.slice(4))).kind, "reorganized");
  rig.reopenAfterCrash();
  assert.equal((await rig.import(run(branch, 13))).kind, "imported");
  // And back: the first chain grows again past the second.
  const back = await rig.import(run(rig.forge, 40));
  assert.equal(back.kind, "reorganized");
  assert.equal((await rig.import(run(rig.forge, 11))).kind, "imported");
});

test("EmbeddedChain: an AuxPoW for another branch's range is invalid", async () => {
  const rig = new ChainRig(quick({ auxpowEvery: 10 }));
  await rig.import(run(rig.forge, 5));
  const branch = rig.forge.fork();
  const own = run(rig.forge, 6);
  await rig.import(own);
  const rangeEnd = hashOfBlock(own[2]!);
  const blocks = [
    branch.next({ skippedSlots: 1 }),
    ...run(branch, 3),
    branch.next({ auxpow: { fields: { rangeEnd } } }),
  ];
  const outcome = await rig.import(blocks);
  assert.equal(outcome.kind === "invalid" && outcome.fault.code, "WRONG_AUXPOW_RANGE");
});

const CHANGES = [
  { height: 70, set: SECRETS.slice(0, 4) },
  { height: 140, set: SECRETS.slice(1, 4) },
];

test("EmbeddedChain: follows changes, answers for the past, tells of them, and survives a restart", async () => {
  const rig = new ChainRig(quick({ authorityChanges: CHANGES }));
  assert.equal((await importAll(rig, run(rig.forge, 200)))?.kind, "imported");
  const check = () => {
    const sizes = [1, 70, 71, 140, 141, 200, 201].map(
      (height) => rig.chain.authoritiesAt(height).keys.length,
    );
    assert.deepEqual(sizes, [3, 3, 4, 4, 3, 3, 3]);
    assert(equalBytes(rig.chain.authoritiesAt(201).root, rig.forge.authorities.root));
    assert(!equalBytes(rig.chain.authoritiesAt(1).root, rig.forge.authorities.root));
    assert.equal(rig.chain.childTemplate().lowestChangeHeight, 204);
    const { authorities, parentAuthorities } = rig.chain.authoritiesAfter(rig.chain.hashAt(70)!)!;
    assert.deepEqual([parentAuthorities.keys.length, authorities.keys.length], [3, 4]);
  };
  check();
  const told = rig.events.flatMap((event) =>
    event.type === "authoritiesChanged" ? [event.firstHeight] : [],
  );
  assert.deepEqual(told, [71, 141]);
  rig.reopenAfterCrash();
  check();
  assert.equal((await importAll(rig, run(rig.forge, 70)))?.kind, "imported");
  assert.equal(rig.chain.authoritiesAfter(new Uint8Array(32)), undefined);
});

test("EmbeddedChain: a fork across a change has sets of its own, there and back", async () => {
  const rig = new ChainRig(quick({}));
  await importAll(rig, run(rig.forge, 3));
  const branch = rig.forge.fork();
  await importAll(rig, [rig.forge.next({ nextAuthorities: SECRETS.slice(0, 4) }), ...run(rig.forge, 4)]);
  assert.equal(rig.chain.authoritiesAt(5).keys.length, 4);
  const change = [branch.next({ skippedSlots: 2 }), branch.next({ nextAuthorities: SECRETS.slice(0, 2) })];
  assert.equal((await rig.import(change)).kind, "side");
  const { authorities, parentAuthorities } = rig.chain.authoritiesAfter(branch.headHash)!;
  assert.deepEqual([parentAuthorities.keys.length, authorities.keys.length], [3, 2]);
  assert.equal((await rig.import(run(branch, 5))).kind, "reorganized");
  assert.deepEqual(
    [4, 5, 6].map((height) => rig.chain.authoritiesAt(height).keys.length),
    [3, 3, 2],
  );
  rig.reopenAfterCrash();
  assert.equal(rig.chain.authoritiesAt(6).keys.length, 2);
  assert.equal((await rig.import(run(rig.forge, 9))).kind, "reorganized");
  assert.equal(rig.chain.authoritiesAt(6).keys.length, 4);
  const told = rig.events.flatMap((event) =>
    event.type === "authoritiesChanged" ? [[event.firstHeight, event.authorities.keys.length]] : [],
  );
  assert.deepEqual(told, [
    [5, 4],
    [6, 2],
    [5, 4],
  ]);
});

for (const damage of ["missing", "cut short", "of another set"]) {
  test(`EmbeddedChain: finds sets and AuxPoWs again when their record is ${damage}`, async () => {
    const rig = new ChainRig(quick({ auxpowEvery: 30, authorityChanges: CHANGES }));
    await importAll(rig, run(rig.forge, 200));
    const before = rig.store.readMeta(LINEAGE_KEY)!;
    const wrong = before.slice();
    wrong[wrong.length - 1] = wrong[wrong.length - 1]! ^ 1;
    const values = { missing: undefined, "cut short": before.subarray(1), "of another set": wrong };
    const value = values[damage as keyof typeof values];
    const write = rig.store.writeMeta(new Map([[LINEAGE_KEY, value]]));
    await rig.scheduler.runUntilIdle();
    await write;
    rig.reopenAfterCrash();
    assert.deepEqual(
      [70, 71, 140, 141].map((height) => rig.chain.authoritiesAt(height).keys.length),
      [3, 4, 4, 3],
    );
    await rig.scheduler.runUntilIdle();
    assert(equalBytes(rig.store.readMeta(LINEAGE_KEY)!, before));
    assert.equal((await importAll(rig, run(rig.forge, 70)))?.kind, "imported");
  });
}

test("EmbeddedChain: a fork back beyond the remembered AuxPoWs finds the one below it by reading", async () => {
  const rig = new ChainRig(quick({ auxpowEvery: 50 }), 64);
  await importAll(rig, run(rig.forge, 60));
  const branch = rig.forge.fork();
  await importAll(rig, run(rig.forge, 30));
  // The record forgets all but the newest AuxPoW that is still to come.
  const later = run(rig.forge, 20);
  await importAll(rig, later);
  assert.equal(
    (await importAll(rig, [branch.next({ skippedSlots: 1 }), ...run(branch, 59)]))?.kind,
    "reorganized",
  );
  assert.equal((await importAll(rig, run(branch, 60)))?.kind, "imported");
});

test("judgeProposal: a change is good only if it is exactly what was scheduled", async () => {
  const rig = new ChainRig(new ChainForge({ members: 3 }));
  await rig.import(run(rig.forge, 3));
  const { forge, chain } = rig;
  const proposal = forge.fork().next({ nextAuthorities: SECRETS.slice(0, 4) });
  const scheduled = forge.fork();
  scheduled.next({ nextAuthorities: SECRETS.slice(0, 4) });
  const other = forge.fork();
  other.next({ nextAuthorities: SECRETS.slice(0, 2) });
  assert.equal(chain.judgeProposal(proposal)?.code, "AUTHORITY_CHANGE_NOT_SCHEDULED");
  assert.equal(chain.judgeProposal(proposal, other.authorities)?.code, "AUTHORITY_CHANGE_NOT_SCHEDULED");
  assert.equal(chain.judgeProposal(proposal, scheduled.authorities), undefined);
  const keys = scheduled.authorities.keys;
  const change = { keys, proofs: keys.map(() => new Uint8Array(96)) };
  const fault = chain.judgeProposal(forge.fork().next({ change }), scheduled.authorities);
  assert.equal(fault?.code === "INVALID_AUTHORITY_CHANGE" && fault.reason, "BAD_PROOF");
  // Without a change nothing has to be scheduled, whatever is.
  assert.equal(chain.judgeProposal(forge.fork().next(), scheduled.authorities), undefined);
  await rig.import([proposal]);
  forge.next({ nextAuthorities: SECRETS.slice(0, 4) });
  const next = forge.fork().next({ nextAuthorities: SECRETS.slice(0, 5) });
  const soon = chain.judgeProposal(next, forge.authorities);
  assert.equal(soon?.code === "INVALID_AUTHORITY_CHANGE" && soon.reason, "TOO_SOON");
  assert.equal(chain.judgeProposal(forge.fork().next()), undefined);
});

test("judgeProposal: applies the rules of AuxPoW", async () => {
  const rig = new ChainRig(quick({ auxpowEvery: 10, maxBlocksWithoutPow: 12 }));
  await rig.import(run(rig.forge, 9));
  const judge = (options: Parameters<ChainForge["next"]>[0]) =>
    rig.chain.judgeProposal(rig.forge.fork().next(options));
  assert.equal(judge({}), undefined);
  assert.equal(judge({ auxpow: "none" }), undefined);
  assert.equal(judge({ auxpow: { fields: { auxpow: new Uint8Array(3) } } })?.code, "MALFORMED");
  assert.equal(judge({ auxpow: { fields: { chainId: 5 } } })?.code, "WRONG_AUXPOW_CHAIN_ID");
  assert.equal(judge({ auxpow: { header: { size: 4 } } })?.code, "INVALID_AUXPOW");
  await rig.import(Array.from({ length: 3 }, () => rig.forge.next({ auxpow: "none" })));
  assert.equal(judge({ auxpow: "none" })?.code, "AUXPOW_OVERDUE");
  assert.equal(judge({ auxpow: {} }), undefined);
});
