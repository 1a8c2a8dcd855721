/** RequestIds: once, joined, replayed, refused for another request, forgotten at the bounds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Metadata } from "@grpc/grpc-js";
import { REQUEST_ID_KEY, RequestIds, requestIdOf } from "../../../src/control/request-ids.ts";
import { Failure, failure } from "../../../src/kernel/errors.ts";
import { FakeClock } from "../../../src/kernel/ports/clock.ts";

function rig() {
  const clock = new FakeClock();
  const ids = new RequestIds(clock);
  let runs = 0;
  const call = (
    id: string,
    options: { request?: string; principal?: string; method?: string; run?: () => Promise<Buffer> } = {},
  ) => {
    const { request = "request", principal = "ci", method = "/s/M", run } = options;
    return ids.once({ principal, holder: "", method, id, request: Buffer.from(request) }, async () => {
      runs += 1;
      return run === undefined ? Buffer.from(`answer ${runs}`) : run();
    });
  };
  return { clock, ids, call, runs: () => runs };
}

test("once() answers the same request of the same principal with the first answer", async () => {
  const { call, runs } = rig();
  const first = await call("a");
  const second = await call("a");
  assert.deepEqual([first.isReplayed, second.isReplayed], [false, true]);
  assert.equal(second.frame.toString(), "answer 1");
  assert.equal(runs(), 1);
});

test("once() keeps principals, methods and ids apart", async () => {
  const { call, runs } = rig();
  await call("a");
  await call("b");
  await call("a", { principal: "ops" });
  await call("a", { method: "/s/N" });
  assert.equal(runs(), 4);
});

test("once() refuses the id of another request, while that runs and afterwards", async () => {
  const { call } = rig();
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const running = call("a", { run: () => promise });
  const reused = { code: "ALREADY_EXISTS", reason: "REQUEST_ID_REUSED" };
  await assert.rejects(call("a", { request: "other" }), reused);
  resolve(Buffer.from("done"));
  await running;
  await assert.rejects(call("a", { request: "other" }), reused);
});

test("once() lets a repeated call wait for the one that runs", async () => {
  const { call, runs, ids } = rig();
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const both = [call("a", { run: () => promise }), call("a")];
  assert.equal(ids.size.running, 1);
  resolve(Buffer.from("done"));
  const answers = await Promise.all(both);
  assert.deepEqual(
    answers.map(({ isReplayed }) => isReplayed),
    [false, true],
  );
  assert.equal(runs(), 1);
  assert.equal(ids.size.running, 0);
});

test("once() remembers a refusal, and forgets a failure that may pass", async () => {
  const { call, runs } = rig();
  const failing = (failed: Error) => ({ run: () => Promise.reject(failed) });
  const refused = failure("NOT_FOUND", "PEER_UNKNOWN", "no");
  await assert.rejects(call("a", failing(refused)), refused);
  await assert.rejects(call("a"), refused);
  assert.equal(runs(), 1);
  for (const passing of [failure("UNAVAILABLE", "DRAINING", "later"), new Error("ours")]) {
    await assert.rejects(call("b", failing(passing)));
  }
  assert.equal((await call("b")).isReplayed, false);
});

test("once() forgets after ten minutes, and the oldest at the bounds of items and bytes", async () => {
  const { call, clock, ids } = rig();
  await call("a");
  clock.advance(600_000);
  assert.equal((await call("a")).isReplayed, false);
  for (let made = 0; made < 4_096; made++) await call(`n${made}`);
  assert.equal(ids.size.remembered, 4_096);
  assert.equal((await call("a")).isReplayed, false);
  const large = { run: async () => Buffer.alloc(3 * 1024 * 1024) };
  for (const id of ["x", "y", "z"]) await call(id, large);
  assert.ok(ids.size.bytes <= 8 * 1024 * 1024);
  assert.equal((await call("z", large)).isReplayed, true);
  assert.equal((await call("x", large)).isReplayed, false);
});

test("once() refuses more calls at a time than its bound", async () => {
  const { call } = rig();
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const running = Array.from({ length: 1_024 }, (_, index) => call(`n${index}`, { run: () => promise }));
  await assert.rejects(call("more"), { code: "RESOURCE_EXHAUSTED", reason: "TOO_MANY_REQUEST_IDS" });
  resolve(Buffer.alloc(0));
  await Promise.all(running);
});

test("requestIdOf() takes one well-formed id", () => {
  const of = (...given: string[]) => {
    const metadata = new Metadata();
    for (const one of given) metadata.add(REQUEST_ID_KEY, one);
    const id = requestIdOf(metadata);
    return id instanceof Failure ? id.reason : id;
  };
  assert.equal(of(), undefined);
  assert.equal(of("deploy-7/ban"), "deploy-7/ban");
  for (const bad of [[""], ["two words"], ["x".repeat(129)], ["a", "b"]])
    assert.equal(of(...bad), "BAD_REQUEST_ID");
});
