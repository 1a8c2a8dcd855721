/** What is believed of a caller's metadata. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Metadata } from "@grpc/grpc-js";
import fc from "fast-check";
import { correlationIdOf, remainingMs, traceparentOf } from "../../../src/control/correlation.ts";
import { CorrelationIds } from "../../../src/kernel/correlation.ts";
import { FakeClock } from "../../../src/kernel/ports/clock.ts";
import { seededRandom } from "../../../src/kernel/ports/random.ts";

function metadataWith(key: string, value: string): Metadata {
  const metadata = new Metadata();
  metadata.set(key, value);
  return metadata;
}

test("a correlation id is taken when it is short and printable, replaced otherwise", () => {
  const ids = new CorrelationIds(seededRandom(1));
  const take = (value: string): string => correlationIdOf(metadataWith("x-correlation-id", value), ids);
  assert.equal(take("order-66/a.b:c@d+e"), "order-66/a.b:c@d+e");
  for (const bad of ["", "two words", "x".repeat(129), 'a"b'])
    assert.match(take(bad), /^[0-9a-f]{8}-[0-9a-z]+$/, bad);
  assert.match(correlationIdOf(new Metadata(), ids), /^[0-9a-f]{8}-/);
});

test("whatever the caller sends, the id has no space, quote or control character", () => {
  const ids = new CorrelationIds(seededRandom(1));
  fc.assert(
    fc.property(fc.stringMatching(/^[ -~]*$/), (value) => {
      assert.match(correlationIdOf(metadataWith("x-correlation-id", value), ids), /^[\w.:/@+-]{1,128}$/);
    }),
  );
});

test("a trace context is taken when it is well formed", () => {
  const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  assert.equal(traceparentOf(metadataWith("traceparent", good)), good);
  assert.equal(traceparentOf(metadataWith("traceparent", "00-0-0-0")), undefined);
  assert.equal(traceparentOf(new Metadata()), undefined);
});

test("a deadline is what is left of it, never negative; none stays none", () => {
  const clock = new FakeClock(1_000_000);
  assert.equal(remainingMs(1_000_500, clock), 500);
  assert.equal(remainingMs(new Date(1_000_250), clock), 250);
  assert.equal(remainingMs(999_000, clock), 0);
  assert.equal(remainingMs(Number.POSITIVE_INFINITY, clock), undefined);
});
