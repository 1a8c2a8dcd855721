/**
 * Delegations: SSZ bytes and root, the signature's binding to peer, chain and set, expiry, and that nothing a
 * peer sends makes the check throw.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ByteListType, ByteVectorType, ContainerType, UintNumberType } from "@chainsafe/ssz";
import fc from "fast-check";
import { SecretKey } from "../../../src/chain/bls.ts";
import {
  type Delegation,
  decodeDelegation,
  delegationRoot,
  encodeDelegation,
  isExpired,
  ROLE_MEMBER,
  ROLE_SENTRY,
  signDelegation,
  verifyDelegation,
} from "../../../src/chain/delegation.ts";
import { MalformedError } from "../../../src/chain/malformed.ts";

const DelegationType = new ContainerType({
  publicKey: new ByteVectorType(48),
  peerId: new ByteListType(64),
  role: new UintNumberType(1),
  expiryMs: new UintNumberType(8),
});
const keys = [1, 2, 3].map((seed) => SecretKey.fromSeed(new Uint8Array(32).fill(seed)));
const authorities = keys.map((key) => key.publicKey);
const key = keys[1]!;
const genesisHash = new Uint8Array(32).fill(5);
const peerId = new Uint8Array(38).fill(6);
const delegation: Delegation = { publicKey: key.publicKey, peerId, role: ROLE_MEMBER, expiryMs: 10_000 };
const bytes = encodeDelegation(delegation);
const signature = signDelegation(key, delegation, genesisHash);
const facts = { peerId, authorities, genesisHash, nowMs: 9999 };

describe("Delegation bytes", () => {
  it("are SSZ's, and so is the root, for any peer id, role and expiry", () => {
    const any = fc.record({
      peerId: fc.uint8Array({ minLength: 1, maxLength: 64 }),
      role: fc.constantFrom(ROLE_MEMBER, ROLE_SENTRY),
      expiryMs: fc.maxSafeNat(),
    });
    fc.assert(
      fc.property(any, (fields) => {
        const value: Delegation = { ...fields, publicKey: key.publicKey };
        assert.deepEqual(encodeDelegation(value), DelegationType.serialize(value));
        assert.deepEqual(delegationRoot(value), DelegationType.hashTreeRoot(value));
        assert.deepEqual(decodeDelegation(encodeDelegation(value)), value);
      }),
    );
  });

  it("refuse everything that is not exactly one delegation", () => {
    const offset = bytes.slice();
    offset[48] = 60;
    const role = bytes.slice();
    role[52] = 3;
    const expiry = bytes.slice();
    expiry[60] = 255;
    const tooLong = new Uint8Array(126);
    tooLong.set(bytes.subarray(0, 61));
    for (const bad of [new Uint8Array(0), bytes.slice(0, 61), tooLong, offset, role, expiry]) {
      assert.throws(() => decodeDelegation(bad), MalformedError);
    }
  });

  it("throw for a peer id or key of a wrong length: our own mistake", () => {
    assert.throws(() => encodeDelegation({ ...delegation, peerId: new Uint8Array(0) }), RangeError);
    assert.throws(() => encodeDelegation({ ...delegation, peerId: new Uint8Array(65) }), RangeError);
    assert.throws(() => encodeDelegation({ ...delegation, publicKey: new Uint8Array(47) }), RangeError);
  });
});

describe("verifyDelegation", () => {
  it("accepts a member's delegation and says which member", () => {
    assert.deepEqual(verifyDelegation(bytes, signature, facts), { ok: true, delegation, member: 1 });
  });

  it("names what is wrong", () => {
    const fault = (name: string) => ({ ok: false, fault: name });
    const sentry = encodeDelegation({ ...delegation, role: ROLE_SENTRY });
    const later = encodeDelegation({ ...delegation, expiryMs: 99_999 });
    const judge = (change: Partial<typeof facts>) =>
      verifyDelegation(bytes, signature, { ...facts, ...change });
    assert.deepEqual(judge({ peerId: new Uint8Array(38) }), fault("OTHER_PEER"));
    assert.deepEqual(judge({ authorities: [authorities[0]!] }), fault("NOT_AN_AUTHORITY"));
    assert.deepEqual(judge({ nowMs: 10_000 }), fault("EXPIRED"));
    assert.deepEqual(judge({ genesisHash: new Uint8Array(32) }), fault("BAD_SIGNATURE"));
    assert.deepEqual(verifyDelegation(sentry, signature, facts), fault("BAD_SIGNATURE"));
    assert.deepEqual(verifyDelegation(later, signature, facts), fault("BAD_SIGNATURE"));
    const byAnother = signDelegation(keys[0]!, delegation, genesisHash);
    assert.deepEqual(verifyDelegation(bytes, byAnother, facts), fault("BAD_SIGNATURE"));
    assert.deepEqual(verifyDelegation(bytes, new Uint8Array(3), facts), fault("BAD_SIGNATURE"));
    assert.deepEqual(verifyDelegation(bytes.slice(1), signature, facts), fault("MALFORMED"));
  });

  it("never throws for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 130 }), fc.uint8Array({ maxLength: 100 }), (body, signed) => {
        assert.equal(verifyDelegation(body, signed, facts).ok, false);
      }),
    );
  });
});

describe("isExpired", () => {
  it("is false before and true at the expiry", () => {
    assert.equal(isExpired(delegation, 9999), false);
    assert.equal(isExpired(delegation, 10_000), true);
  });
});
