/** Frames: views instead of copies, one encoding for many readers, and bytes that are no message. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  GetBlockRequestSchema,
  SyncService,
  WatchSyncStatusResponseSchema,
} from "../../../gen/alys/sync/v1/sync_pb.ts";
import {
  asBuffer,
  asBytes,
  decodeRequest,
  encodeResponse,
  encodeShared,
  pathOf,
  rawDefinition,
} from "../../../src/control/codec.ts";
import { Failure } from "../../../src/kernel/errors.ts";

const { getBlock, watchSyncStatus } = SyncService.method;

test("asBuffer and asBytes are views of the same memory", () => {
  const bytes = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
  const buffer = asBuffer(bytes);
  assert.ok(Buffer.isBuffer(buffer));
  assert.equal(buffer.buffer, bytes.buffer);
  assert.deepEqual([...buffer], [2, 3]);
  assert.equal(asBytes(buffer).constructor, Uint8Array);
});

test("decodeRequest gives plain bytes fields", () => {
  const request = create(GetBlockRequestSchema, { by: { case: "hash", value: new Uint8Array(32).fill(5) } });
  const decoded = decodeRequest(getBlock, asBuffer(toBinary(GetBlockRequestSchema, request)));
  assert.deepEqual(decoded, request);
});

test("decodeRequest gives a message or INVALID_ARGUMENT for any bytes, and nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodeRequest(getBlock, asBuffer(bytes));
      } catch (thrown) {
        assert.ok(thrown instanceof Failure);
        assert.equal(thrown.code, "INVALID_ARGUMENT");
      }
    }),
  );
});

test("encodeShared encodes a message once", () => {
  const message = create(WatchSyncStatusResponseSchema, {
    event: { case: "heartbeat", value: { headSequence: 4n } },
  });
  const frame = encodeShared(watchSyncStatus, message);
  assert.equal(encodeShared(watchSyncStatus, message), frame);
  assert.notEqual(encodeResponse(watchSyncStatus, message), frame);
  assert.deepEqual(fromBinary(WatchSyncStatusResponseSchema, asBytes(frame)), message);
});

test("rawDefinition names paths and kinds", () => {
  const definition = rawDefinition([getBlock, watchSyncStatus]);
  assert.equal(definition["getBlock"]?.path, "/alys.sync.v1.SyncService/GetBlock");
  assert.equal(pathOf(watchSyncStatus), definition["watchSyncStatus"]?.path);
  assert.equal(definition["getBlock"]?.responseStream, false);
  assert.equal(definition["watchSyncStatus"]?.responseStream, true);
});
