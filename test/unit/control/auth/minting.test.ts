/** Tokens that are made with tokens: never more than what they are made with, however often. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import {
  attenuateToken,
  type Caveat,
  hasScope,
  namesMethod,
  type VerifiedToken,
} from "../../../../src/control/auth/token.ts";
import {
  openTokenStore,
  type TokenOrder,
  type TokenStore,
} from "../../../../src/control/auth/token-store.ts";
import { Failure } from "../../../../src/kernel/errors.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { seededRandom } from "../../../../src/kernel/ports/random.ts";

function store(t: TestContext): { readonly tokens: TokenStore; readonly clock: FakeClock } {
  const parent = mkdtempSync(join(tmpdir(), "alys-minting-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  const clock = new FakeClock();
  const directory = join(parent, "control");
  return { tokens: openTokenStore({ directory, clock, random: seededRandom(7), isNeeded: false }), clock };
}

const WHOLE: TokenOrder = { principal: "admin", scope: "admin", methods: [], lifetimeMs: undefined };

const callerOf = (grant: VerifiedToken) => ({
  ...grant,
  principal: `token:${grant.principal}`,
  tokenId: grant.id,
});

async function mint(tokens: TokenStore, token: string, order: TokenOrder): Promise<string | Failure> {
  const grant = tokens.verify(token);
  assert.ok(grant);
  try {
    return (await tokens.create({ ...order, minter: callerOf(grant) })).token;
  } catch (thrown) {
    assert.ok(thrown instanceof Failure, String(thrown));
    return thrown;
  }
}

const SERVICES = ["a.A", "b.B"];
const METHODS = SERVICES.flatMap((service) => ["One", "Two"].map((name) => [service, name] as const));
const pattern = fc.constantFrom(...METHODS.map(([service, name]) => `${service}/${name}`), "a.A/*", "b.B/*");
const scope = fc.constantFrom("read" as const, "operate" as const, "admin" as const);
const name = fc.constantFrom("admin", "admin/x", "admin/x/y", "admin/z", "other", "ci");
const caveat: fc.Arbitrary<Caveat> = fc.oneof(
  fc.record({ kind: fc.constant("principal" as const), name }),
  fc.record({ kind: fc.constant("scope" as const), scope }),
  fc.record({
    kind: fc.constant("methods" as const),
    methods: fc.array(pattern, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant("expires" as const), atMs: fc.integer({ min: 0, max: 5_000_000 }) }),
);
const order: fc.Arbitrary<TokenOrder> = fc.record({
  principal: name,
  scope,
  methods: fc.array(pattern, { maxLength: 2 }),
  lifetimeMs: fc.option(fc.integer({ min: 1, max: 5_000_000 }), { nil: undefined }),
});
const step = fc.oneof(
  fc.record({ kind: fc.constant("narrow" as const), caveat }),
  fc.record({ kind: fc.constant("mint" as const), order }),
);

/** Everything that `derived` may, `from` may, too. */
function assertWithin(derived: VerifiedToken, from: VerifiedToken): void {
  assert.ok(hasScope(from, derived.scope), "scope");
  assert.ok((derived.expiresMs ?? Infinity) <= (from.expiresMs ?? Infinity), "expiry");
  assert.ok(`${derived.principal}/`.startsWith(`${from.principal}/`), "name");
  for (const [service, method] of METHODS) {
    if (namesMethod(derived, service, method))
      assert.ok(namesMethod(from, service, method), `${service}/${method}`);
  }
}

test("a token made with a limited token never exceeds it, in any course of narrowing and making", async (t) => {
  const { tokens } = store(t);
  const { token: whole, record } = await tokens.create(WHOLE);
  const wholeId = record.id;
  let made = 0;
  await fc.assert(
    fc.asyncProperty(caveat, fc.array(step, { minLength: 1, maxLength: 12 }), async (first, steps) => {
      let current = attenuateToken(whole, [first]) ?? "";
      for (const next of steps) {
        const before = tokens.verify(current);
        // A narrowing that contradicts itself leaves no token.
        if (before === undefined) return;
        const derived =
          next.kind === "narrow"
            ? attenuateToken(current, [next.caveat])
            : await mint(tokens, current, next.order);
        if (typeof derived !== "string") continue;
        const grant = tokens.verify(derived);
        if (grant === undefined) continue;
        // A token that was made with a limited one is limited, whatever it says.
        const isLimited = before.id !== wholeId || isNarrowed(before);
        if (next.kind === "narrow" || isLimited) assertWithin(grant, before);
        if (next.kind === "mint" && !isLimited) return;
        if (next.kind === "mint") {
          made += 1;
          assert.equal(tokens.rootOf(grant.id), tokens.rootOf(before.id), "counted apart");
        }
        current = derived;
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(made > 50, `only ${made} tokens were made with limited ones`);
});

const isNarrowed = ({ principal, methodLists, expiresMs }: VerifiedToken): boolean =>
  principal !== "admin" || methodLists.length > 0 || expiresMs !== undefined;

test("a narrow token's limits are those of what it makes, asked for or not, and its end ends them", async (t) => {
  const { tokens, clock } = store(t);
  const { token: whole, record } = await tokens.create(WHOLE);
  const atMs = clock.nowMs() + 60_000;
  const small = attenuateToken(whole, [
    { kind: "methods", methods: ["alys.node.v1.NodeService/CreateToken"] },
    { kind: "expires", atMs },
  ]);
  assert.ok(small);
  const plain = { ...WHOLE, principal: "admin/ci" };
  const child = await mint(tokens, small, plain);
  assert.ok(typeof child === "string");
  const grant = tokens.verify(child);
  assert.deepEqual(
    [grant?.expiresMs, grant?.methodLists],
    [atMs, [["alys.node.v1.NodeService/CreateToken"]]],
  );
  const asked: readonly Partial<TokenOrder>[] = [
    { lifetimeMs: 3_600_000 },
    { methods: ["alys.node.v1.NodeService/*"] },
    { principal: "escaped" },
  ];
  for (const more of asked) {
    const refused = await mint(tokens, small, { ...plain, ...more });
    assert.ok(refused instanceof Failure && refused.reason === "TOKEN_EXCEEDS_MINTER", JSON.stringify(more));
  }
  const told: string[] = [];
  tokens.onRevoked((id) => told.push(id));
  await tokens.revoke(record.id);
  assert.equal(tokens.isRevoked(grant?.id ?? ""), true);
  assert.deepEqual(told.toSorted(), [record.id, grant?.id].toSorted());
});

test("a whole token makes others of any name, but nobody is called what the node calls itself", async (t) => {
  const { tokens } = store(t);
  const { token } = await tokens.create(WHOLE);
  const free = await mint(tokens, token, { ...WHOLE, principal: "ci" });
  assert.ok(typeof free === "string");
  const { id = "" } = tokens.verify(free) ?? {};
  assert.equal(tokens.rootOf(id), id);
  for (const principal of ["owner", "anonymous", "owner/x", "certificate/x", "token"]) {
    const refused = await mint(tokens, token, { ...WHOLE, principal });
    assert.ok(refused instanceof Failure && refused.reason === "PRINCIPAL_RESERVED", principal);
  }
});
