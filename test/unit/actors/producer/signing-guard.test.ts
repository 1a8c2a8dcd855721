/** The signing guard as a machine: when it lets a member sign, and what stops it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  describeRefusal,
  type GuardInput,
  type GuardStart,
  type GuardState,
  listeningSlots,
  refusalOf,
  type Sighting,
  startGuard,
  stepGuard,
} from "../../../../src/actors/producer/signing-guard.ts";

const START_SLOT = 1_000;
/** Now. */
const NEWEST_SLOT = 1_030;
const WANTED = 5;
const hashOf = (mark: number): Uint8Array => new Uint8Array(32).fill(mark);

const record = (slot: number, mark = 1): GuardStart["record"] => ({
  kind: "ours",
  vote: { slot, height: slot, hash: hashOf(mark) },
});

function guard(start: Partial<GuardStart> = {}): GuardState {
  return startGuard({
    record: record(900),
    slotsWanted: WANTED,
    isChainBegun: true,
    sighting: undefined,
    ...start,
  });
}

const seen = (
  slot: number,
  mark: number,
  kind: Sighting["kind"] = "block",
  start = START_SLOT,
): GuardInput => ({
  kind: "seen",
  sighting: { kind, slot, hash: hashOf(mark), peerId: "", seenMs: 0 },
  slots: { start, newest: NEWEST_SLOT },
});

const signing = (slot: number, mark: number): GuardInput => ({ kind: "signing", slot, hash: hashOf(mark) });

const passed = (isLevel = true, isGenesis = false): GuardInput => ({
  kind: "slotPassed",
  isLevel,
  isGenesis,
  isChainBegun: !isGenesis,
  slotsWanted: WANTED,
});

function feed(state: GuardState, ...inputs: readonly GuardInput[]): GuardState {
  return inputs.reduce((before, input) => stepGuard(before, input)[0], state);
}

const listened = (state: GuardState): GuardState =>
  feed(state, ...Array.from({ length: WANTED }, () => passed()));

test("signing-guard: signs nothing before it has listened in as many level slots as are wanted", () => {
  let state = guard();
  for (let slot = 0; slot < WANTED - 1; slot++) state = feed(state, passed(), passed(false));
  assert.equal(refusalOf(state, 1_010), "LISTENING");
  assert.match(describeRefusal(state, "LISTENING"), /4 of 5 slots/);
  const [released, effects] = stepGuard(state, passed());
  assert.equal(refusalOf(released, 1_010), undefined);
  assert.deepEqual(effects, [{ kind: "changed" }]);
});

test("signing-guard: the slots wanted follow the federation and a setting only lengthens them", () => {
  assert.deepEqual(
    [1, 3, 15].map((members) => listeningSlots(members, 0)),
    [3, 5, 17],
  );
  assert.equal(listeningSlots(3, 2), 5);
  assert.equal(listeningSlots(3, 40), 40);
});

test("signing-guard: does not listen at genesis, and does once somebody shows a block", () => {
  const atGenesis = guard({ record: { kind: "missing" }, isChainBegun: false });
  assert.equal(refusalOf(atGenesis, 1_001), "LISTENING");
  const begun = feed(atGenesis, passed(false, true));
  assert.equal(refusalOf(begun, 1_001), undefined);
  assert.equal(refusalOf(feed(begun, passed()), 1_002), undefined);
  assert.equal(refusalOf(feed(atGenesis, passed(true), passed(false, true)), 1_002), "VOTE_RECORD_MISSING");
});

test("signing-guard: a twin at genesis stops it all the same", () => {
  const begun = feed(guard({ record: { kind: "missing" }, isChainBegun: false }), passed(false, true));
  assert.equal(refusalOf(feed(begun, signing(1_001, 1), seen(1_001, 2)), 1_002), "OWN_KEY_ELSEWHERE");
});

test("signing-guard: names a record that is missing or foreign while it listens, and then signs", () => {
  for (const [kind, reason] of [
    ["missing", "VOTE_RECORD_MISSING"],
    ["foreign", "VOTE_RECORD_FOREIGN"],
  ] as const) {
    const state = guard({ record: { kind } });
    assert.equal(refusalOf(state, 1_001), reason);
    assert.equal(refusalOf(listened(state), 1_010), undefined);
  }
});

test("signing-guard: an old record bars until the newest signature that the chain shows, and the listening period", () => {
  const state = feed(guard(), seen(940, 2), seen(980, 3), seen(960, 4));
  assert.equal(refusalOf(state, 1_001), "VOTE_RECORD_OUTDATED");
  assert.match(describeRefusal(state, "VOTE_RECORD_OUTDATED"), /slot 900.*slot 980.*up to slot 985/);
  assert.equal(refusalOf(listened(state), 1_001), undefined);
  // Found only after the listening: the slots up to the safe point stay barred.
  const late = feed(listened(guard()), seen(START_SLOT, 2));
  assert.equal(refusalOf(late, START_SLOT + WANTED), "VOTE_RECORD_OUTDATED");
  assert.equal(refusalOf(late, START_SLOT + WANTED + 1), undefined);
});

test("signing-guard: history up to the record is its own, another block of the recorded slot is not", () => {
  assert.equal(refusalOf(listened(feed(guard(), seen(900, 1), seen(850, 7))), 1_010), undefined);
  assert.equal(refusalOf(feed(guard(), seen(900, 2)), 1_001), "OWN_KEY_ELSEWHERE");
  // A record that names no block proves nothing.
  assert.equal(refusalOf(feed(guard({ record: record(900, 0) }), seen(900, 2)), 1_001), "LISTENING");
});

test("signing-guard: its own signatures are no news, any other after the start stops it until it is confirmed", () => {
  const signs = feed(listened(guard()), signing(1_010, 1), seen(1_010, 1), signing(1_011, 2));
  assert.equal(refusalOf(signs, 1_012), undefined);
  for (const input of [
    seen(1_010, 9),
    seen(1_012, 9, "approval"),
    seen(1_012, 9, "proposal"),
    { ...seen(0, 0, "delegation") },
  ]) {
    const [stopped, effects] = stepGuard(signs, input);
    assert.equal(refusalOf(stopped, 5_000), "OWN_KEY_ELSEWHERE");
    assert.deepEqual(
      effects.map(({ kind }) => kind),
      ["stopped", "changed"],
    );
    assert.equal(refusalOf(listened(stopped), 5_000), "OWN_KEY_ELSEWHERE", "time does not heal it");
    const confirmed = feed(stopped, { kind: "confirmed" });
    assert.notEqual(refusalOf(confirmed, 1_021), undefined, "it listens anew");
    assert.equal(refusalOf(listened(confirmed), 1_030), undefined);
    assert.equal(
      refusalOf(feed(listened(confirmed), seen(1_025, 3, "block", 1_020)), 1_030),
      "OWN_KEY_ELSEWHERE",
    );
  }
});

test("signing-guard: a signature that lies ahead bars its slots and is no proof of another", () => {
  const state = feed(listened(guard()), seen(NEWEST_SLOT + 100, 3));
  assert.equal(refusalOf(state, NEWEST_SLOT), "VOTE_RECORD_OUTDATED");
  assert.equal(refusalOf(state, NEWEST_SLOT + 100 + WANTED + 1), undefined);
  // What the record gave up is its own.
  const vote = { slot: 900, height: 9, hash: hashOf(1) };
  const history = { runs: [], spent: [{ first: 1_005, last: 1_020 }] };
  const released = guard({ record: { kind: "ours", vote: { ...vote, history } } });
  assert.equal(refusalOf(feed(listened(released), seen(1_010, 3)), 1_025), undefined);
});

test("signing-guard: a kept sighting stops a new life from its first moment", () => {
  const sighting: Sighting = { kind: "block", slot: 950, hash: hashOf(3), peerId: "", seenMs: 1 };
  assert.equal(refusalOf(listened(guard({ sighting })), 2_000), "OWN_KEY_ELSEWHERE");
});

test("signing-guard: whatever happens, it never lets a signature pass while a twin's newer one is known", () => {
  const slot = fc.integer({ min: 890, max: 1_040 });
  const deed = fc.oneof(
    { weight: 4, arbitrary: fc.constant(passed()) },
    { weight: 1, arbitrary: fc.constant(passed(false)) },
    { weight: 3, arbitrary: slot.map((one) => seen(one, 9)) },
    { weight: 3, arbitrary: slot.map((one) => signing(one, 1)) },
    { weight: 1, arbitrary: fc.constant<GuardInput>({ kind: "confirmed" }) },
  );
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 60 }), (deeds) => {
      let state = guard();
      let newest = 900;
      for (const input of deeds) {
        if (input.kind === "signing" && refusalOf(state, input.slot) !== undefined) continue;
        state = stepGuard(state, input)[0];
        if (input.kind === "seen") newest = Math.max(newest, input.sighting.slot);
        // A twin's newest slot and all below it stay barred, whoever confirmed what.
        if (newest > 900) assert.notEqual(refusalOf(state, newest), undefined, `slot ${newest} is barred`);
      }
    }),
    { seed: 20_261_130, numRuns: 1_000 },
  );
});
