/** The conditions of production: the table, hysteresis, the waiver after a halt, and the operator's word. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerInternalService } from "../../../../../gen/alys/peer/v1/peer_pb.ts";
import {
  ProductionCondition,
  ProductionOverride,
  SyncService,
} from "../../../../../gen/alys/sync/v1/sync_pb.ts";
import {
  FIRST_MEMORY,
  judgeProduction,
  type ProductionFacts,
  type ProductionLimits,
} from "../../../../../src/actors/sync/production/readiness.ts";
import type { Peer } from "../../../../../src/actors/sync/sync-peers.ts";
import { forgeBlocks, SyncRig } from "../sync-rig.ts";

const LIMITS: ProductionLimits = {
  syncThreshold: 0.995,
  lagBlocksMax: 10,
  headAgeMsMax: 30_000,
  peersMin: 1,
  emergencyTimeoutMs: 60_000,
};
const NOW_MS = 1_700_000_000_000;
const WAS_GOOD = { isNear: true, isFresh: true };
const HEAD = new Uint8Array(32).fill(7);
const key = (index: number): Uint8Array => new Uint8Array(48).fill(index + 1);

interface MemberOptions {
  readonly role?: "member" | "sentry";
  readonly head?: Uint8Array;
  readonly statusMs?: number;
}

function member(index: number, options: MemberOptions = {}): Peer {
  return {
    peerId: `peer-${index}-${options.role ?? "member"}`,
    score: 50,
    earliestHeight: 1,
    remoteAddress: "",
    hint: undefined,
    claimed: undefined,
    statusHead: { height: 100, slot: 100, hash: options.head ?? HEAD },
    statusMs: options.statusMs ?? NOW_MS - 1_000,
    membership: { key: key(index), role: options.role ?? "member" },
    gossipHead: undefined,
    requestsInFlight: 0,
    coolUntilMs: 0,
    failuresInRow: 0,
    excludedUntilMs: 0,
    unservedClaims: 0,
  };
}

/** Four members, quorum three; we are the first, and the three others are connected. */
function facts(change: Partial<ProductionFacts> = {}): ProductionFacts {
  return {
    headHeight: 10_000,
    headHash: HEAD,
    headAgeMs: 1_000,
    headForMs: 1_000_000,
    bars: [],
    targetHeight: 10_000,
    peers: [member(1), member(2), member(3)],
    authorities: [key(0), key(1), key(2), key(3)],
    ownKey: key(0),
    isChainAvailable: true,
    override: "none",
    nowMs: NOW_MS,
    ...change,
  };
}

function unmetOf(change: Partial<ProductionFacts>, before = WAS_GOOD): ProductionCondition[] {
  const verdict = judgeProduction(facts(change), LIMITS, before);
  assert.equal(verdict.canProduce, verdict.unmet.length === 0);
  return verdict.unmet.map(({ condition }) => condition);
}

const { RATIO, LAG, AGE, PEERS, FEDERATION_QUORUM, CHAIN, EMERGENCY, NO_AUTHORITY_KEY } = ProductionCondition;
/** Nobody of the federation: nothing is waived. */
const STRANGERS = { peers: [{ ...member(9), membership: undefined }], ownKey: undefined };

test("judgeProduction() names every condition that is not met", () => {
  const table: [name: string, change: Partial<ProductionFacts>, unmet: ProductionCondition[]][] = [
    ["all well", {}, []],
    ["at the edge of lag", { headHeight: 9_990 }, []],
    ["ratio fine, lag not", { headHeight: 9_989 }, [LAG]],
    ["lag fine, ratio not", { headHeight: 100, targetHeight: 101 }, [RATIO]],
    ["both", { headHeight: 900, targetHeight: 1_000 }, [RATIO, LAG]],
    ["genesis counts as ratio 1", { headHeight: 0, targetHeight: 0 }, []],
    ["no chain", { isChainAvailable: false }, [CHAIN]],
    ["forbidden", { override: "forbid" }, [EMERGENCY]],
    ["two of four in sight", { peers: [member(1)] }, [FEDERATION_QUORUM]],
    ["a sentry makes its member visible", { peers: [member(1, { role: "sentry" }), member(2)] }, []],
    ["one member twice is one", { peers: [member(1), member(1, { role: "sentry" })] }, [FEDERATION_QUORUM]],
    ["keys out of the set do not count", { peers: [member(1), member(8)] }, [FEDERATION_QUORUM]],
    ["nobody", { peers: [] }, [PEERS, FEDERATION_QUORUM]],
    ["no key", { ownKey: undefined }, [NO_AUTHORITY_KEY]],
    ["a key out of the set", { ownKey: key(9) }, [NO_AUTHORITY_KEY]],
    [
      "the operator cannot allow it without a key",
      { ownKey: undefined, override: "allow" },
      [NO_AUTHORITY_KEY],
    ],
    [
      "old head among strangers",
      { ...STRANGERS, headAgeMs: 30_001 },
      [FEDERATION_QUORUM, NO_AUTHORITY_KEY, AGE],
    ],
  ];
  for (const [name, change, unmet] of table) assert.deepEqual(unmetOf(change), unmet, name);
});

test("judgeProduction() comes back at stricter limits than those it left at", () => {
  const before = { isNear: false, isFresh: false };
  const big = { headHeight: 99_994, targetHeight: 100_000 };
  assert.deepEqual(unmetOf(big), []);
  assert.deepEqual(unmetOf(big, before), [LAG]);
  assert.deepEqual(unmetOf({ headHeight: 99_995, targetHeight: 100_000 }, before), []);
  const old = { peers: [member(1), member(2, { head: new Uint8Array(32) })], headAgeMs: 25_000 };
  assert.deepEqual(unmetOf(old), []);
  assert.deepEqual(unmetOf(old, before), [AGE]);
  assert.deepEqual(unmetOf({ ...old, headAgeMs: 22_500 }, before), []);
  assert.deepEqual(judgeProduction(facts(), LIMITS, FIRST_MEMORY).memory, WAS_GOOD);
});

test("judgeProduction() waives age while a quorum of members reports our own head", () => {
  const old = { headAgeMs: 3_600_000 };
  const table: [name: string, change: Partial<ProductionFacts>, isWaived: boolean][] = [
    ["all four", {}, true],
    ["ourselves and two", { peers: [member(1), member(2)] }, true],
    [
      "without being a member, two are not enough",
      { peers: [member(1), member(2)], ownKey: undefined },
      false,
    ],
    ["without being a member, three are", { ownKey: undefined }, true],
    ["our own key seen at a peer counts once", { peers: [member(0), member(1)] }, false],
    ["a sentry does not count", { peers: [member(1, { role: "sentry" }), member(2)] }, false],
    ["another head does not count", { peers: [member(1, { head: new Uint8Array(32) }), member(2)] }, false],
    ["a report of 10 s counts", { peers: [member(1, { statusMs: NOW_MS - 10_000 }), member(2)] }, true],
    ["an older one does not", { peers: [member(1, { statusMs: NOW_MS - 10_001 }), member(2)] }, false],
    ["a key out of the set does not", { peers: [member(1), member(8)] }, false],
    ["a head that is new shows that the chain is alive", { headForMs: 9_999 }, false],
    ["one member from two peers counts once", { peers: [member(1), { ...member(1), peerId: "x" }] }, false],
  ];
  for (const [name, change, isWaived] of table) {
    const { unmet, waived, isSynced } = judgeProduction(facts({ ...old, ...change }), LIMITS, WAS_GOOD);
    assert.equal(
      waived.some(({ condition }) => condition === AGE),
      isWaived,
      name,
    );
    assert.equal(
      unmet.some(({ condition }) => condition === AGE),
      !isWaived,
      name,
    );
    assert.equal(isSynced, isWaived, name);
  }
});

test("judgeProduction() names what keeps a member from signing, and no word of the operator sets it aside", () => {
  const { CLOCK, VOTE_RECORD } = ProductionCondition;
  const bars = [CLOCK, VOTE_RECORD].map((condition) => ({ condition, detail: "a reason" }));
  assert.deepEqual(unmetOf({ bars }), [CLOCK, VOTE_RECORD]);
  assert.deepEqual(unmetOf({ bars, override: "allow" }), [CLOCK, VOTE_RECORD]);
  assert.deepEqual(unmetOf({ bars, headAgeMs: 3_600_000 }), [CLOCK, VOTE_RECORD]);
});

test("judgeProduction() waives age only: lag stays", () => {
  const { unmet, waived } = judgeProduction(
    facts({ headAgeMs: 3_600_000, headHeight: 9_000 }),
    LIMITS,
    WAS_GOOD,
  );
  assert.deepEqual(
    unmet.map(({ condition }) => condition),
    [RATIO, LAG],
  );
  assert.deepEqual(
    waived.map(({ condition }) => condition),
    [AGE],
  );
});

test("the operator's ALLOW sets ratio, lag, age and peers aside, and nothing else", () => {
  const bad = { ...STRANGERS, peers: [], headHeight: 1, headAgeMs: 1e9, isChainAvailable: false } as const;
  const { canProduce, unmet, waived } = judgeProduction(
    facts({ ...bad, override: "allow" }),
    LIMITS,
    WAS_GOOD,
  );
  assert.equal(canProduce, false);
  assert.deepEqual(
    unmet.map(({ condition }) => condition),
    [FEDERATION_QUORUM, NO_AUTHORITY_KEY, CHAIN],
  );
  assert.deepEqual(new Set(waived.map(({ condition }) => condition)), new Set([RATIO, LAG, AGE, PEERS]));
  const alone = facts({ authorities: [key(0)], peers: [], headAgeMs: 1e9, override: "allow" });
  assert.equal(judgeProduction(alone, LIMITS, WAS_GOOD).canProduce, true);
});

test("judgeProduction() names why the member signs nothing, whatever the operator allows", () => {
  const signing = [{ condition: ProductionCondition.LISTENING, detail: "2 of 5 slots" }];
  for (const override of ["none", "allow"] as const) {
    const { canProduce, unmet } = judgeProduction(facts({ signing, override }), LIMITS, WAS_GOOD);
    assert.equal(canProduce, false);
    assert.deepEqual(unmet, signing);
  }
});

test("canProduceBlocks() follows the chain, and asks for fresh reports while only age forbids", async () => {
  const { forge, blocks } = forgeBlocks(20);
  const [first, second, third] = forge.authorities.keys;
  const rig = new SyncRig(forge, { ownMemberKey: first! });
  assert.equal((await rig.production()).canProduce, false);
  rig.connect({ a: { blocks, memberKey: second! }, b: { blocks, memberKey: third! } });
  await rig.run(1_000);
  assert.deepEqual(await rig.production().then(({ unmet }) => unmet), []);
  await rig.run(60_000);
  const old = await rig.production();
  assert.deepEqual(
    old.unmet.map(({ condition }) => condition),
    [AGE, EMERGENCY],
  );
  assert.ok(rig.peerInternal.told(PeerInternalService.method.refreshStatus).length > 1);
  rig.connect({ a: { blocks, memberKey: second! } });
  await rig.run(100);
  const waived = await rig.production();
  assert.equal(waived.canProduce, true);
  assert.deepEqual(
    waived.waived.map(({ condition }) => condition),
    [AGE, EMERGENCY],
  );
  const forbid = { override: ProductionOverride.FORBID, reason: "drill" };
  const { status } = await rig.ask(rig.cell.ref.ask(SyncService.method.setProductionOverride, forbid));
  assert.deepEqual(
    status?.unmet.map(({ condition }) => condition),
    [EMERGENCY],
  );
  await rig.stop();
});

test("judgeProduction() calls it an emergency when no block came for too long, and excuses it as it excuses age", () => {
  const old = { headAgeMs: 60_001 };
  const verdict = judgeProduction(facts({ ...old, ...STRANGERS }), LIMITS, WAS_GOOD);
  assert.equal(verdict.isEmergency, true);
  assert.ok(verdict.unmet.some(({ condition }) => condition === EMERGENCY));
  const waived = judgeProduction(facts(old), LIMITS, WAS_GOOD);
  assert.equal(waived.canProduce, true);
  assert.deepEqual(
    waived.waived.map(({ condition }) => condition),
    [AGE, EMERGENCY],
  );
  const allowed = judgeProduction(facts({ ...old, ...STRANGERS, override: "allow" }), LIMITS, WAS_GOOD);
  assert.ok(allowed.waived.some(({ condition }) => condition === EMERGENCY));
  const behind = judgeProduction(facts({ ...old, targetHeight: 10_001 }), LIMITS, WAS_GOOD);
  assert.equal(behind.isEmergency, false);
});
