/**
 * Protobuf messages to and from the frames of grpc-js. The server lets Buffers pass through grpc-js and
 * does its coding here, so that a request that cannot be decoded is the caller's error and a published
 * message is encoded once.
 */
import { create, type DescMethod, fromBinary, isMessage, type Message, toBinary } from "@bufbuild/protobuf";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { failure } from "../kernel/errors.ts";
import { messageWithoutPaths } from "./paths.ts";
import { requestFailure } from "./validate.ts";

/** A view, no copy: grpc-js calls `.copy()` on what it is given, so it must be a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * A view that is no Buffer, so that `bytes` fields are plain Uint8Arrays; whoever keeps one beyond the
 * message copies it.
 */
export function asBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** Path of a method on the wire. */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/**
 * The request; throws Failure INVALID_ARGUMENT: MALFORMED_REQUEST when the bytes are none, FIELD_INVALID when a field
 * breaks its rules.
 */
export function decodeRequest(method: DescMethod, buffer: Buffer): object {
  const request = parseRequest(method, buffer);
  const refusal = requestFailure(method, request);
  if (refusal !== undefined) throw refusal;
  return request;
}

function parseRequest(method: DescMethod, buffer: Buffer): Message {
  try {
    return fromBinary(method.input, asBytes(buffer));
  } catch {
    throw failure("INVALID_ARGUMENT", "MALFORMED_REQUEST", `the bytes are no ${method.input.typeName}`);
  }
}

/** The response as a frame; a message or its initializer. What it tells of errors is told without paths. */
export function encodeResponse(method: DescMethod, message: object): Buffer {
  const whole = isMessage(message, method.output) ? message : create(method.output, message as never);
  return asBuffer(toBinary(method.output, messageWithoutPaths(method.output, whole)));
}

/** Frames of messages that many readers share: messages are values, so their bytes do not change. */
const frames = new WeakMap<object, Buffer>();

/** As encodeResponse, once for all readers of the same message. Encoding is the dear part of a fan-out. */
export function encodeShared(method: DescMethod, message: object): Buffer {
  const known = frames.get(message);
  if (known !== undefined) return known;
  const frame = encodeResponse(method, message);
  frames.set(message, frame);
  return frame;
}

function through(buffer: Buffer): Buffer {
  return buffer;
}

function hasRequestStream(method: DescMethod): boolean {
  return method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
}

function hasResponseStream(method: DescMethod): boolean {
  return method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
}

/** What grpc-js must know of these methods, with Buffers passing through. */
export function rawDefinition(methods: readonly DescMethod[]): ServiceDefinition {
  const one = (method: DescMethod): MethodDefinition<Buffer, Buffer> => ({
    path: pathOf(method),
    originalName: method.localName,
    requestStream: hasRequestStream(method),
    responseStream: hasResponseStream(method),
    requestSerialize: through,
    requestDeserialize: through,
    responseSerialize: through,
    responseDeserialize: through,
  });
  return Object.fromEntries(methods.map((method) => [method.localName, one(method)]));
}
