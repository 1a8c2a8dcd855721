/** What a gRPC caller is told of a failure, and what it is not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type StatusObject, status } from "@grpc/grpc-js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.ts";
import { type Status, StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { CORRELATION_KEY, DETAILS_KEY, toFailure, toStatus } from "../../../src/control/errors.ts";
import { codeOf } from "../../../src/control/status-code.ts";
import { failure, type StatusCode } from "../../../src/kernel/errors.ts";
import { MemoryLog, silentLog } from "../../../src/kernel/ports/log.ts";

function detailsOf({ metadata }: StatusObject): Status {
  return fromBinary(StatusSchema, metadata?.get(DETAILS_KEY)[0] as Buffer);
}

test("toStatus carries reason, field and delay as google.rpc details", () => {
  const failed = failure("INVALID_ARGUMENT", "BAD_HASH", "a hash has 32 bytes", {
    field: "block.hash",
    retryDelayMs: 1_500,
    metadata: { length: "31" },
  });
  const told = toStatus(failed, "c-1", silentLog);
  assert.equal(told.code, status.INVALID_ARGUMENT);
  assert.deepEqual(told.metadata?.get(CORRELATION_KEY), ["c-1"]);
  const { code, message, details } = detailsOf(told);
  assert.equal(code, 3);
  assert.equal(message, "a hash has 32 bytes");
  const [info, bad, retry] = details;
  const { reason, domain, metadata } = anyUnpack(info!, ErrorInfoSchema)!;
  assert.deepEqual([reason, domain], ["BAD_HASH", "alys.network"]);
  assert.deepEqual(metadata, { length: "31", correlation_id: "c-1" });
  assert.equal(anyUnpack(bad!, BadRequestSchema)?.fieldViolations[0]?.field, "block.hash");
  const delay = anyUnpack(retry!, RetryInfoSchema)?.retryDelay;
  assert.deepEqual([delay?.seconds, delay?.nanos], [1n, 500_000_000]);
});

test("toStatus stays within the trailers that clients take", () => {
  const metadata = Object.fromEntries(
    Array.from({ length: 100 }, (_, at) => [`key${at}`, "x".repeat(1_000)]),
  );
  const failed = failure("INTERNAL", "LARGE", "y".repeat(100_000), { metadata, field: "z".repeat(10_000) });
  const told = toStatus(failed, "c-1", silentLog);
  const packed = told.metadata?.get(DETAILS_KEY)[0] as Buffer;
  assert.ok(packed.length + Buffer.byteLength(told.details ?? "") < 8_192, `${packed.length} bytes`);
});

test("toFailure hides what was not meant to be told and logs it under the correlation id", () => {
  const log = new MemoryLog();
  const told = toFailure(new TypeError("password is hunter2"), "c-9", log);
  assert.equal(told.code, "INTERNAL");
  assert.ok(!told.message.includes("hunter2"));
  assert.ok(told.message.includes("c-9"));
  assert.equal(log.records[0]?.fields["correlationId"], "c-9");
  const meant = failure("NOT_FOUND", "NO_BLOCK", "no");
  assert.equal(toFailure(meant, "c-9", log), meant);
});

test("every code of the kernel has its number", () => {
  const codes: StatusCode[] = ["CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND"];
  codes.push("ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED");
  codes.push("OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED");
  assert.deepEqual(codes.map(codeOf), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
});
