/**
 * From the kernel's failures to what a gRPC caller is told: a canonical status with google.rpc details. A
 * failure is meant to be read; anything else that is thrown is ours alone and leaves only a correlation id.
 */

import { create, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, durationFromMs } from "@bufbuild/protobuf/wkt";
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { asError, Failure, failure } from "../kernel/errors.ts";
import type { Log } from "../kernel/ports/log.ts";
import { asBuffer } from "./codec.ts";
import { withoutPaths } from "./paths.ts";
import { codeOf } from "./status-code.ts";

/** Who defines the reasons of our errors. */
const ERROR_DOMAIN = "alys.network";
/** Metadata key of the correlation id, in requests and answers. */
export const CORRELATION_KEY = "x-correlation-id";
export const DETAILS_KEY = "grpc-status-details-bin";

/** Trailers are limited to 8 KiB by many clients, and the text is in them twice: longer text is cut. */
const TEXT_LENGTH_MAX = 1_000;
/** Facts beside an error; at the bound the rest is left out. */
const METADATA_ENTRIES_MAX = 16;
const METADATA_VALUE_LENGTH_MAX = 128;
/** Bad fields that are told; the rest is left out. */
const VIOLATIONS_MAX = 16;

/** The failure that a caller is told: itself, or INTERNAL for what was not meant to be told. */
export function toFailure(thrown: unknown, correlationId: string, log: Log): Failure {
  if (thrown instanceof Failure) return thrown;
  log.error("a call failed unexpectedly", { error: asError(thrown), correlationId });
  return failure("INTERNAL", "INTERNAL", `internal error; its correlation id is ${correlationId}`);
}

/**
 * The status that grpc-js sends, details and correlation id in its trailers. Absolute paths of this machine are cut to
 * their last part; the log has the whole text beside the correlation id.
 */
export function toStatus(reason: Failure, correlationId: string, log: Log): StatusObject {
  const plain = withoutPaths(reason.message);
  if (plain !== reason.message) {
    log.info("a call failed on a file", { correlationId, reason: reason.reason, text: reason.message });
  }
  const message = cut(plain, TEXT_LENGTH_MAX);
  const code = codeOf(reason.code);
  const whole = create(StatusSchema, { code, message, details: detailsOf(reason, message, correlationId) });
  const metadata = new Metadata();
  metadata.set(CORRELATION_KEY, correlationId);
  metadata.set(DETAILS_KEY, asBuffer(toBinary(StatusSchema, whole)));
  return { code, details: message, metadata };
}

function detailsOf(reason: Failure, message: string, correlationId: string): Any[] {
  const { field, problems, retryDelayMs } = reason.detail;
  const info = create(ErrorInfoSchema, {
    reason: reason.reason,
    domain: ERROR_DOMAIN,
    metadata: { ...bounded(reason.detail.metadata ?? {}), correlation_id: correlationId },
  });
  const details = [pack(ErrorInfoSchema, info)];
  if (field !== undefined) {
    const fieldViolations = (problems ?? [{ field, problem: message }])
      .slice(0, VIOLATIONS_MAX)
      .map((one) => ({
        field: cut(one.field, METADATA_VALUE_LENGTH_MAX),
        description:
          problems === undefined ? message : cut(withoutPaths(one.problem), METADATA_VALUE_LENGTH_MAX),
      }));
    details.push(pack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })));
  }
  if (retryDelayMs !== undefined) {
    const retryDelay = durationFromMs(retryDelayMs);
    details.push(pack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })));
  }
  return details;
}

function pack<D extends DescMessage>(schema: D, message: MessageShape<D>): Any {
  return anyPack(schema, message);
}

function bounded(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(metadata).slice(0, METADATA_ENTRIES_MAX);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, cut(withoutPaths(value), METADATA_VALUE_LENGTH_MAX)]),
  );
}

function cut(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1)}…`;
}
