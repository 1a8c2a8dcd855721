/**
 * Every method of every service, from its descriptor, against a control plane whose actors answer anything: whatever a
 * caller sends, it gets a documented status, nothing reaches an actor that breaks its rules, and nothing is left behind.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  create,
  type DescField,
  type DescMessage,
  type Message,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { scopeOf } from "../../src/control/auth/gate.ts";
import { startControl } from "../../src/control/server.ts";
import { rulesOf } from "../../src/control/validate.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { call, expect, FIELD_INVALID, isClean, METHODS, place } from "./every-method.ts";

/** Messages in messages that are looked into: a setting of the configuration is two down. */
const DEPTH_MAX = 3;

interface Extreme {
  readonly what: string;
  readonly message: Message;
  readonly isBad: boolean;
}

/** A request with this one field, its own or that of a message in it, set to a value at its end. */
function* extremes(type: DescMessage, depth = 0): Generator<Extreme> {
  for (const field of type.fields) {
    for (const { value, isBad } of valuesOf(field)) {
      const message = create(type);
      const mirror = reflect(type, message, false);
      if (field.fieldKind === "list")
        for (const one of value as unknown[]) mirror.get(field).add(one as never);
      else mirror.set(field, value as never);
      const told = Array.isArray(value) ? value.length : String(value).slice(0, 20);
      yield { what: `${field.name} = ${typeof value} ${told}`, message, isBad };
    }
    if (field.fieldKind !== "message" || depth === DEPTH_MAX) continue;
    if (field.message.typeName.startsWith("google.protobuf.")) continue;
    for (const inner of extremes(field.message, depth + 1)) {
      const message = create(type);
      reflect(type, message, false).set(field, reflect(field.message, inner.message, false));
      yield { what: `${field.name}.${inner.what}`, message, isBad: inner.isBad };
    }
  }
}

/** Values at the ends of a field; `isBad` where no rule could allow it. */
function valuesOf(field: DescField): { value: unknown; isBad: boolean }[] {
  const good = (value: unknown) => ({ value, isBad: false });
  const bad = (value: unknown) => ({ value, isBad: true });
  if (field.fieldKind === "list") {
    if (field.listKind === "message") {
      const { message: type } = field;
      return [bad(Array.from({ length: 10_000 }, () => reflect(type, create(type), false)))];
    }
    const isBytes = field.listKind === "scalar" && field.scalar === ScalarType.BYTES;
    const isString = field.listKind === "scalar" && field.scalar === ScalarType.STRING;
    const one = isString ? "x" : isBytes ? Uint8Array.of(1) : 1;
    return [bad(Array.from({ length: 10_000 }, () => one))];
  }
  if (field.fieldKind === "enum") return [bad(9_999), bad(-1), good(0)];
  if (field.fieldKind === "scalar") return scalarValues(field.scalar, rulesOf(field) === undefined);
  return [];
}

function scalarValues(scalar: ScalarType, isFree: boolean): { value: unknown; isBad: boolean }[] {
  const good = (value: unknown) => ({ value, isBad: false });
  const bad = (value: unknown) => ({ value, isBad: true });
  switch (scalar) {
    case ScalarType.STRING:
      return [bad("x".repeat(1024 * 1024)), good(""), good("\u0000🦀")];
    case ScalarType.BYTES:
      return [bad(new Uint8Array(3 * 1024 * 1024)), good(new Uint8Array(0))];
    case ScalarType.BOOL:
      return [good(true)];
    case ScalarType.UINT64:
      return [bad(2n ** 64n - 1n), bad(2n ** 53n), good(0n)];
    case ScalarType.INT32:
      return [good(2 ** 31 - 1), good(-(2 ** 31))];
    case ScalarType.UINT32:
      return [isFree ? good(2 ** 32 - 1) : bad(2 ** 32 - 1), good(0)];
    case ScalarType.DOUBLE:
      return [bad(Number.NaN), bad(Number.POSITIVE_INFINITY), bad(Number.NEGATIVE_INFINITY), good(0)];
    default:
      throw new Error(`no request has a field of type ${ScalarType[scalar]} yet; say what its ends are`);
  }
}

test("every method takes or refuses any bytes with a documented status, and its rules stand before its actor", async (t) => {
  const all = await place(t);
  const { admin: token } = all.tokens;
  for (const method of METHODS) {
    expect(method, "no body", await call(all, method, new Uint8Array(), { token }), "OK", FIELD_INVALID);
    // Field 1 with a length beyond the end.
    const garbage = await call(all, method, Uint8Array.of(0x0a, 0xff, 0xff), { token });
    expect(method, "garbage", garbage, "INVALID_ARGUMENT/MALFORMED_REQUEST");
    for (const { what, message, isBad } of extremes(method.input)) {
      const bytes = toBinary(method.input, message);
      const before = all.stubs.reduce((sum, { asked }) => sum + asked, 0);
      const answer = await call(all, method, bytes, { token });
      if (isBad) {
        expect(method, what, answer, FIELD_INVALID);
        const after = all.stubs.reduce((sum, { asked }) => sum + asked, 0);
        assert.equal(after, before, `${method.name} ${what} reached the actor`);
      } else expect(method, what, answer, "OK", FIELD_INVALID);
    }
  }
  await isClean(all);
});

test("every method refuses who may not call it", async (t) => {
  const all = await place(t);
  const { tokens } = all;
  const below = { read: undefined, operate: tokens.read, admin: tokens.operate } as const;
  for (const method of METHODS) {
    const scope = scopeOf(method);
    const empty = new Uint8Array();
    const answer = (token: string | undefined) => call(all, method, empty, { token });
    expect(method, "expired", await answer(tokens.expired), "UNAUTHENTICATED/TOKEN_EXPIRED");
    expect(method, "revoked", await answer(tokens.revoked), "UNAUTHENTICATED/TOKEN_REVOKED");
    if (scope === "public") {
      expect(method, "no token", await answer(undefined), "OK", FIELD_INVALID);
      continue;
    }
    expect(method, "no token", await answer(undefined), "UNAUTHENTICATED/TOKEN_MISSING");
    assert.ok(
      scope === "read" || scope === "operate" || scope === "admin",
      `${method.name} has scope ${scope}`,
    );
    const lower = below[scope];
    if (lower !== undefined) {
      expect(method, "lower scope", await answer(lower), "PERMISSION_DENIED/SCOPE_REQUIRED");
    }
    expect(method, "its scope", await answer(tokens[scope]), "OK", FIELD_INVALID);
  }
  await isClean(all);
});

test("every method bears callers that leave at once, that hardly wait, and that send far too much", async (t) => {
  const all = await place(t);
  const { admin: token } = all.tokens;
  // 16 MB once for each kind of call, 5 MB, which are too many as well, for the others.
  const [huge, large] = [new Uint8Array(16 * 1024 * 1024), new Uint8Array(5 * 1024 * 1024)];
  const kinds = new Set<string>();
  for (const method of METHODS) {
    const empty = new Uint8Array();
    const left = await call(all, method, empty, { token, isCancelled: true });
    expect(method, "cancelled", left, "CANCELLED", "OK");
    const late = await call(all, method, empty, { token, deadlineMs: 1 });
    expect(method, "1 ms", late, "DEADLINE_EXCEEDED", "OK", FIELD_INVALID);
    const tooMuch = kinds.has(method.methodKind) ? large : huge;
    kinds.add(method.methodKind);
    expect(method, "too large", await call(all, method, tooMuch, { token }), "RESOURCE_EXHAUSTED");
  }
  await isClean(all);
});

test("every bytes and repeated field of a request has a rule", () => {
  const missing: string[] = [];
  const seen = new Set<DescMessage>();
  const visit = (type: DescMessage): void => {
    if (seen.has(type) || type.typeName.startsWith("google.protobuf.")) return;
    seen.add(type);
    for (const field of type.fields) {
      const isBytes = field.fieldKind === "scalar" && field.scalar === ScalarType.BYTES;
      if ((isBytes || field.fieldKind === "list") && rulesOf(field) === undefined)
        missing.push(String(field));
      if (field.message !== undefined) visit(field.message);
    }
  };
  for (const method of METHODS) if (method.methodKind !== "bidi_streaming") visit(method.input);
  assert.deepEqual(missing, []);
});

test("a method without a policy keeps the control plane from starting", async () => {
  const { Health } = await import("../../gen/grpc/health/v1/health_pb.ts");
  const options = { services: [{ service: Health }], reflection: false, log: silentLog, clock: realClock };
  await assert.rejects(startControl(options), /has no \(alys\.actor\.v1\.policy\)/);
});
