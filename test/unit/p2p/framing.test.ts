/** Framing: whatever the pieces, what was encoded is what is decoded; whatever the bytes, the decoders end in a state. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  encodeChunk,
  encodeEnd,
  encodeError,
  encodeRequest,
  RequestDecoder,
  ResponseDecoder,
} from "../../../src/p2p/framing.ts";

const LIMITS = { responseBytesMax: 5000, chunkBytesMax: 2000, chunksMax: 8 };

/** Cuts bytes at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

const places = fc.array(fc.nat(10_000), { maxLength: 12 });

test("RequestDecoder restores a request from any pieces", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), places, (payload, at) => {
      const decoder = new RequestDecoder(400);
      let last: ReturnType<RequestDecoder["push"]> = { state: "reading" };
      for (const piece of cut(encodeRequest(payload), at)) last = decoder.push(piece);
      assert.deepEqual(last, { state: "complete", payload });
      assert.equal(decoder.push(Uint8Array.of(0)).state, "broken");
    }),
  );
});

test("ResponseDecoder restores chunks from any pieces, and wants the end", () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 8 });
  fc.assert(
    fc.property(chunks, places, (sent, at) => {
      const seen: Uint8Array[] = [];
      const decoder = new ResponseDecoder(LIMITS, (chunk) => seen.push(chunk));
      for (const piece of cut(Buffer.concat(sent.map(encodeChunk)), at)) {
        assert.equal(decoder.push([piece]).state, "reading");
      }
      assert.deepEqual(seen, sent);
      assert.equal(decoder.push(encodeEnd()).state, "complete");
      assert.equal(decoder.end().state, "complete");
    }),
  );
});

test("ResponseDecoder never hands out more than its limits, whatever arrives", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 64 }), (pieces) => {
      let bytes = 0;
      let count = 0;
      const limits = { responseBytesMax: 50, chunkBytesMax: 20, chunksMax: 4 };
      const decoder = new ResponseDecoder(limits, (chunk) => {
        bytes += chunk.length;
        count += 1;
        assert.ok(chunk.length <= limits.chunkBytesMax);
      });
      for (const piece of pieces) decoder.push(piece);
      assert.notEqual(decoder.end().state, "reading");
      assert.ok(bytes <= limits.responseBytesMax && count <= limits.chunksMax);
    }),
  );
});

test("errors and the end have the bytes that peers of all versions know", () => {
  const bytesOf = (error: Parameters<typeof encodeError>[0]): number[] => [...encodeError(error)];
  assert.deepEqual(bytesOf("invalid-request"), [1, 0]);
  assert.deepEqual(bytesOf("server-error"), [2, 0]);
  assert.deepEqual(bytesOf("resource-unavailable"), [3, 0]);
  assert.deepEqual(bytesOf("rate-limited"), [4, 0]);
  assert.deepEqual([...encodeEnd()], [5]);
  assert.deepEqual([...encodeChunk(Uint8Array.of(7))], [0, 1, 7]);
  assert.deepEqual([...encodeRequest(new Uint8Array(128))].slice(0, 3), [0x80, 0x01, 0]);
});

test("ResponseDecoder says why it failed", () => {
  const reasonOf = (bytes: Uint8Array): string => {
    const decoder = new ResponseDecoder(LIMITS, () => {});
    decoder.push(bytes);
    const progress = decoder.end();
    return progress.state === "failed" ? progress.failure.reason : progress.state;
  };
  assert.equal(reasonOf(encodeError("rate-limited")), "PEER_RATE_LIMITED");
  assert.equal(reasonOf(encodeChunk(new Uint8Array(2001))), "RESPONSE_TOO_LARGE");
  assert.equal(reasonOf(Uint8Array.of(0, 0x80)), "RESPONSE_TRUNCATED");
  assert.equal(reasonOf(Uint8Array.of(9)), "RESPONSE_MALFORMED");
  assert.equal(reasonOf(new Uint8Array()), "RESPONSE_TRUNCATED");
});

test("a decoded chunk is a copy", () => {
  const seen: Uint8Array[] = [];
  const bytes = encodeChunk(Uint8Array.of(1, 2, 3));
  new ResponseDecoder(LIMITS, (chunk) => seen.push(chunk)).push(bytes);
  bytes.fill(0);
  assert.deepEqual(seen, [Uint8Array.of(1, 2, 3)]);
});
