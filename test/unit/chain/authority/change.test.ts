/** Changes of the authorities: the rules one by one, and chains that change under both policies. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { authoritySet } from "../../../../src/chain/authorities.ts";
import { AUTHORITY_CHANGE_DISTANCE, checkChange } from "../../../../src/chain/authority/change.ts";
import type { AuthorityChange } from "../../../../src/chain/block.ts";
import { type AuthorityChangeFault, describeFault } from "../../../../src/chain/block-fault.ts";
import { equalBytes } from "../../../../src/chain/bytes.ts";
import { ChainForge, forgeSecretKeys, type ScheduledChange } from "../../../../src/chain/forge.ts";
import { provePossession } from "../../../../src/chain/possession.ts";
import type { Policy } from "../../../../src/chain/validator.ts";
import { ChainFollower, type Found } from "../follow-chain.ts";

const POLICIES: readonly Policy[] = ["SEGMENT", "EVERY_BLOCK"];
const SECRETS = forgeSecretKeys(7);
const KEYS = SECRETS.map((key) => key.publicKey);
const inForce = authoritySet(KEYS.slice(0, 4));
const INFINITY = new Uint8Array(48);
INFINITY[0] = 0xc0;

function reasonOf(keys: readonly Uint8Array[], proofs = keys.length): AuthorityChangeFault | undefined {
  const fault = checkChange({ keys, proofs: new Array(proofs).fill(new Uint8Array(96)) }, inForce);
  if (fault === undefined) return undefined;
  assert(fault.code === "INVALID_AUTHORITY_CHANGE" && fault.isInvalid && describeFault(fault).length > 10);
  return fault.reason;
}

test("checkChange: one key more, anywhere, or one less", () => {
  const [a, b, c, d, e] = KEYS as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  for (const keys of [
    [a, b, c, d, e],
    [e, a, b, c, d],
    [a, b, e, c, d],
    [b, c, d],
    [a, b, c],
    [a, c, d],
  ]) {
    assert.equal(reasonOf(keys), undefined);
  }
});

test("checkChange: names what is wrong with the set", () => {
  const [a, b, c, d, e, f] = KEYS as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  assert.equal(reasonOf([]), "EMPTY_SET");
  assert.equal(reasonOf([a, b, c, d, d]), "REPEATED_KEY");
  assert.equal(reasonOf([a, b, c, d]), "NOT_ONE_KEY");
  assert.equal(reasonOf([a, b]), "NOT_ONE_KEY");
  assert.equal(reasonOf([a, b, c, d, e, f]), "NOT_ONE_KEY");
  assert.equal(reasonOf([a, b, c, e]), "NOT_ONE_KEY");
  assert.equal(reasonOf([b, a, c, d, e]), "NOT_ONE_KEY");
  assert.equal(reasonOf([a, b, c, d, INFINITY]), "INVALID_KEY");
  assert.equal(reasonOf([a, b, c, d, new Uint8Array(48).fill(3)]), "INVALID_KEY");
  assert.equal(reasonOf([a, b, c, d, e], 4), "PROOF_COUNT");
});

test("checkChange: agrees with a naive definition on any two sets", () => {
  const sets = fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(sets, sets, (before, after) => {
      const keysOf = (set: readonly number[]) => set.map((index) => KEYS[index] as Uint8Array);
      const without = (set: readonly number[], key: number) => set.filter((other) => other !== key);
      const isAdded = after.some((key) => String(without(after, key)) === String(before));
      const isRemoved = before.some((key) => String(without(before, key)) === String(after));
      const proofs = after.map(() => new Uint8Array(96));
      const fault = checkChange({ keys: keysOf(after), proofs }, authoritySet(keysOf(before)));
      assert.equal(fault === undefined, isAdded || isRemoved);
    }),
  );
});

function change(height: number, members: readonly number[]): ScheduledChange {
  return { height, set: members.map((index) => SECRETS[index]!) };
}

for (const policy of POLICIES) {
  test(`${policy}: a chain that adds and removes members is followed`, () => {
    const authorityChanges = [
      change(1, [0, 1, 2, 3, 4]),
      change(65, [1, 2, 3, 4]),
      change(150, [1, 2, 3, 4, 5]),
    ];
    const forge = new ChainForge({ members: 4, authorityChanges });
    const follower = new ChainFollower(forge);
    const blocks = Array.from({ length: 200 }, () => forge.next());
    assert.equal(follower.follow(blocks, policy), undefined);
    assert.deepEqual(
      follower.state.lineage.periods.map(({ firstHeight }) => firstHeight),
      [1, 2, 66, 151],
    );
    assert(equalBytes(follower.state.authorities.root, forge.authorities.root));
  });

  const bends: Readonly<Record<AuthorityChangeFault, (honest: AuthorityChange) => AuthorityChange>> = {
    EMPTY_SET: () => ({ keys: [], proofs: [] }),
    REPEATED_KEY: ({ keys, proofs }) => ({ keys: [keys[0]!, ...keys.slice(0, 4)], proofs }),
    NOT_ONE_KEY: ({ keys, proofs }) => ({ keys: keys.slice(0, 4), proofs: proofs.slice(0, 4) }),
    INVALID_KEY: ({ keys, proofs }) => ({ keys: [...keys.slice(0, 4), INFINITY], proofs }),
    PROOF_COUNT: ({ keys, proofs }) => ({ keys, proofs: proofs.slice(1) }),
    BAD_PROOF: ({ keys, proofs }) => ({ keys, proofs: [...proofs.slice(1), proofs[0]!] }),
    TOO_SOON: (honest) => honest,
  };
  for (const [reason, bend] of Object.entries(bends)) {
    test(`${policy}: ${reason} is found at its block`, () => {
      const isTooSoon = reason === "TOO_SOON";
      const first = isTooSoon ? [change(3, [0, 1, 2, 3, 4])] : [];
      const forge = new ChainForge({ members: 4, authorityChanges: first });
      const follower = new ChainFollower(forge);
      const count = isTooSoon ? 1 + AUTHORITY_CHANGE_DISTANCE : 5;
      const blocks = Array.from({ length: count }, () => forge.next());
      assert.equal(follower.follow(blocks, policy), undefined);
      const members = isTooSoon ? SECRETS.slice(0, 6) : SECRETS.slice(0, 5);
      const honest = {
        keys: members.map((key) => key.publicKey),
        proofs: members.map((key) => provePossession(key, forge.genesis.hash)),
      };
      const found = follower.follow([forge.fork().next({ change: bend(honest) })], policy);
      assertReason(found, reason as AuthorityChangeFault, isTooSoon ? "sequence" : "segment");
      // The honest one, at the distance, is good.
      if (isTooSoon) assert.equal(follower.follow([forge.next()], policy), undefined);
      assert.equal(follower.follow([forge.next({ nextAuthorities: members })], policy), undefined);
      assert.equal(follower.follow([forge.next(), forge.next()], policy), undefined);
    });
  }

  test(`${policy}: a block under another set than the change dictates is WRONG_AUTHORITIES_ROOT`, () => {
    const forge = new ChainForge({ members: 4, authorityChanges: [change(3, [0, 1, 2, 3, 4])] });
    const follower = new ChainFollower(forge);
    const old = forge.authorities.root;
    follower.follow([forge.next(), forge.next(), forge.next()], policy);
    const found = follower.follow([forge.fork().next({ header: { authoritiesRoot: old } })], policy);
    assert.deepEqual([found?.stage, found?.fault.code], ["segment", "WRONG_AUTHORITIES_ROOT"]);
  });

  test(`${policy}: nothing goes on past a change in one segment`, () => {
    const forge = new ChainForge({ members: 4, authorityChanges: [change(2, [0, 1, 2, 3, 4])] });
    const follower = new ChainFollower(forge);
    const found = follower.follow([forge.next(), forge.next(), forge.next()], policy, true);
    const code = found?.fault.code;
    // The third block is under a set that the segment's is not, whichever rule sees it first.
    assert(code === "AUTHORITY_CHANGE_INSIDE_SEGMENT" || code === "WRONG_AUTHORITIES_ROOT", code);
  });
}

function assertReason(found: Found | undefined, reason: AuthorityChangeFault, stage: Found["stage"]): void {
  assert(found?.fault.code === "INVALID_AUTHORITY_CHANGE", JSON.stringify(found));
  assert.deepEqual([found.stage, found.fault.reason], [stage, reason]);
}
