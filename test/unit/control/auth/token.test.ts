/** Tokens: what caveats grant together, and that nobody widens one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RateLimiter } from "../../../../src/control/auth/buckets.ts";
import { grantOfCertificate } from "../../../../src/control/auth/identity.ts";
import {
  attenuateToken,
  type Caveat,
  type GrantedScope,
  hasScope,
  mintToken,
  namesMethod,
  SCOPE_ORDER,
  verifyToken,
} from "../../../../src/control/auth/token.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";

const KEY = new Uint8Array(32).fill(9);
const ID = "0123456789abcdef01234567";

const scopes = fc.constantFrom<GrantedScope>("read", "operate", "admin");
const caveats: fc.Arbitrary<Caveat> = fc.oneof(
  scopes.map((scope): Caveat => ({ kind: "scope", scope })),
  fc.integer({ min: 0, max: 10_000 }).map((atMs): Caveat => ({ kind: "expires", atMs })),
  fc
    .array(fc.constantFrom("a.S/One", "a.S/Two", "a.S/*", "b.T/One"), { minLength: 1, maxLength: 3 })
    .map((methods): Caveat => ({ kind: "methods", methods })),
);
const BASE: Caveat[] = [
  { kind: "principal", name: "someone" },
  { kind: "scope", scope: "admin" },
];

test("a token grants what all of its caveats grant, and each one that is added only takes away", () => {
  fc.assert(
    fc.property(fc.array(caveats, { maxLength: 6 }), fc.array(caveats, { maxLength: 6 }), (own, added) => {
      const token = mintToken(KEY, ID, [...BASE, ...own]);
      const before = verifyToken(KEY, token);
      const after = verifyToken(KEY, attenuateToken(token, added) ?? "");
      assert.ok(before);
      assert.ok(after);
      // The same as if it had been made so.
      assert.deepEqual(after, verifyToken(KEY, mintToken(KEY, ID, [...BASE, ...own, ...added])));
      for (const scope of SCOPE_ORDER) if (hasScope(after, scope)) assert.ok(hasScope(before, scope));
      const never = Number.POSITIVE_INFINITY;
      assert.ok((after.expiresMs ?? never) <= (before.expiresMs ?? never));
      for (const method of ["One", "Two", "Three"]) {
        if (namesMethod(after, "a.S", method)) assert.ok(namesMethod(before, "a.S", method));
      }
    }),
  );
});

test("a token that was changed anywhere is none", () => {
  const token = mintToken(KEY, ID, [...BASE, { kind: "expires", atMs: 5_000 }]);
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.constantFrom(..."abcXYZ019.-_"), (at, letter) => {
      fc.pre(token[at] !== letter);
      assert.equal(verifyToken(KEY, `${token.slice(0, at)}${letter}${token.slice(at + 1)}`), undefined);
    }),
  );
  assert.equal(verifyToken(new Uint8Array(32), token), undefined);
  const parts = token.split(".");
  const without = [...parts.slice(0, -2), parts.at(-1)].join(".");
  assert.equal(verifyToken(KEY, without), undefined, "a caveat was dropped");
});

test("a token without a scope or a principal, with a strange caveat or with too many is none", () => {
  const one = (...caveats: Caveat[]) => verifyToken(KEY, mintToken(KEY, ID, caveats));
  assert.equal(one({ kind: "principal", name: "x" }), undefined);
  assert.equal(one({ kind: "scope", scope: "read" }), undefined);
  assert.equal(one(...BASE, { kind: "principal", name: "admin" }), undefined);
  assert.equal(one(...BASE, { kind: "methods", methods: ["no method"] }), undefined);
  assert.equal(one(...BASE, { kind: "expires", atMs: Number.NaN }), undefined);
  assert.equal(one(...BASE, ...Array.from({ length: 15 }, () => BASE[1] as Caveat)), undefined);
  assert.equal(one(...BASE, { kind: "principal", name: "someone/else" })?.principal, "someone/else");
});

test("a certificate names one SPIFFE id of the trust domain, or nobody", () => {
  const grant = (subjectaltname: string) =>
    grantOfCertificate({ subjectaltname, valid_to: "Nov 21 12:00:00 2030 GMT" }, "alys");
  assert.equal(grant("URI:spiffe://alys/admin/ops")?.scope, "admin");
  assert.equal(grant("DNS:x, URI:spiffe://alys/reader/eye")?.principal, "reader/eye");
  assert.equal(grant("URI:spiffe://alys/operator/x")?.expiresMs, Date.UTC(2030, 10, 21, 12));
  const chain = grant("URI:spiffe://alys/actor/chain");
  assert.ok(chain && namesMethod(chain, "alys.integration.v1.ChainService", "Attach"));
  assert.ok(!namesMethod(chain, "alys.integration.v1.BridgeService", "Attach"));
  const nobody = [
    "",
    "DNS:alys",
    "URI:spiffe://other/admin/x",
    "URI:spiffe://alys/root/x",
    "URI:spiffe://alys/admin",
    "URI:spiffe://alys/admin/",
    "URI:spiffe://alys/constructor/x",
    "URI:spiffe://alys/admin/a b",
    "URI:spiffe://alys/admin/x, URI:spiffe://alys/reader/x",
    "DNS:URI:spiffe://alys/admin/x",
  ];
  for (const name of nobody) assert.equal(grant(name), undefined, name);
});

test("RateLimiter gives each principal its burst, then its rate, and forgets the quietest", () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter({ callsPerSecond: 10, burst: 5 }, clock);
  const taken = (principal: string, times: number): number =>
    Array.from({ length: times }, () => limiter.take(principal, principal)).filter(
      (refusal) => refusal === undefined,
    ).length;
  assert.equal(taken("a", 20), 5);
  assert.equal(taken("b", 2), 2);
  assert.equal(limiter.take("a", "a")?.detail.retryDelayMs, 100);
  clock.advance(1_000);
  assert.equal(taken("a", 20), 5, "never more than the burst");
  clock.advance(300);
  assert.equal(taken("a", 20), 3);
  for (let other = 0; other < 2_000; other++) limiter.take(`p${other}`, `p${other}`);
  assert.equal(taken("a", 20), 5, "forgotten, so full again");
  assert.equal(new RateLimiter({ callsPerSecond: 0, burst: 1 }, clock).take("a", "a"), undefined);
});
