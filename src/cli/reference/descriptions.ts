/**
 * Descriptors in words: types, rules of fields, policies of methods, and an example of a request. Pure; for the help of
 * `alysctl call` and for docs/api.md.
 */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescMethod,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { rulesOf } from "../../control/validate.ts";
import { policyOf } from "../../kernel/policy.ts";

/** Deeper, a message that holds itself would have no end. */
const EXAMPLE_DEPTH_MAX = 3;

/** "uint64", "repeated alys.chain.v1.BlockReference", "map<string, string>". */
export function typeText(field: DescField): string {
  switch (field.fieldKind) {
    case "map":
      return `map<${scalarName(field.mapKey)}, ${elementName(field)}>`;
    case "list":
      return `repeated ${elementName(field)}`;
    default:
      return `${isOptional(field) ? "optional " : ""}${elementName(field)}`;
  }
}

/** The message or enum that a field holds, if it holds one. */
export function typeOf(field: DescField): DescMessage | DescEnum | undefined {
  return field.message ?? field.enum;
}

function isOptional(field: DescField): boolean {
  return field.proto.proto3Optional;
}

function elementName(field: DescField): string {
  return typeOf(field)?.typeName ?? (field.scalar === undefined ? "?" : scalarName(field.scalar));
}

function scalarName(scalar: ScalarType): string {
  return ScalarType[scalar].toLowerCase();
}

/** "32 bytes or empty", "1 to 1000", "at most 16 elements, each 48 bytes"; empty for none. */
export function rulesText(field: DescField): string {
  const rule = rulesOf(field);
  if (rule === undefined) return "";
  const { length, lengthMin, lengthMax, min, max, itemsMax } = rule;
  const size =
    length === undefined
      ? rangeText(lengthMin, lengthMax, lengthMax === 1 ? "byte" : "bytes")
      : `${length} bytes`;
  const one = [
    ...(size === "" ? [] : [rule.orEmpty ? `${size} or empty` : size]),
    ...(min === undefined && max === undefined ? [] : [rangeText(min, max, "")]),
    ...(rule.required ? ["required"] : []),
  ].join(", ");
  if (itemsMax === undefined) return one;
  const count = `at most ${itemsMax} ${itemsMax === 1 ? "element" : "elements"}`;
  return one === "" ? count : `${count}, each ${one}`;
}

function rangeText(min: number | undefined, max: number | undefined, unit: string): string {
  const tail = unit === "" ? "" : ` ${unit}`;
  if (min === undefined && max === undefined) return "";
  if (max === undefined) return `at least ${min}${tail}`;
  if (min === undefined || min === 0) return `at most ${max}${tail}`;
  return min === max ? `${min}${tail}` : `${min} to ${max}${tail}`;
}

/** How a method answers, who may call it, and how long it takes, in the order of interest. */
export function policyRows(method: DescMethod): readonly (readonly [name: string, value: string])[] {
  const policy = policyOf(method);
  const rows: [string, string][] = [
    ["answers", answersText(method)],
    ["scope", policy.scope],
  ];
  if (policy.lane !== undefined) rows.push(["lane", policy.lane]);
  if (method.methodKind === "unary") rows.push(["deadline", `${policy.deadlineMs} ms`]);
  const repetition = repetitionText(method);
  if (repetition !== undefined) rows.push(["repeating it", repetition]);
  return rows;
}

export function answersText(method: DescMethod): string {
  switch (method.methodKind) {
    case "unary":
      return "one answer";
    case "server_streaming":
      return policyOf(method).stream === "transfer" ? "a transfer" : "a stream";
    default:
      return "both ways";
  }
}

function repetitionText({ idempotency }: DescMethod): string | undefined {
  switch (idempotency) {
    case MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS:
      return "changes nothing";
    case MethodOptions_IdempotencyLevel.IDEMPOTENT:
      return "does no more than once";
    default:
      return undefined;
  }
}

/** A request with every field at its zero, as protobuf's JSON: what there is to fill in. Of a oneof, its first case. */
export function exampleOf(message: DescMessage, depth = 0): JsonObject {
  const example: JsonObject = {};
  for (const member of message.members) {
    const field = member.kind === "oneof" ? member.fields[0] : member;
    if (field === undefined || depth >= EXAMPLE_DEPTH_MAX) continue;
    example[field.jsonName] = exampleOfField(field, depth);
  }
  return example;
}

function exampleOfField(field: DescField, depth: number): JsonValue {
  switch (field.fieldKind) {
    case "map":
      return {};
    case "list":
      return [];
    case "enum":
      return field.enum.values[0]?.name ?? 0;
    case "message":
      return wellKnown(field.message.typeName) ?? exampleOf(field.message, depth + 1);
    default:
      return exampleOfScalar(field.scalar);
  }
}

/** Those whose JSON is no object. */
function wellKnown(typeName: string): string | undefined {
  switch (typeName) {
    case "google.protobuf.Timestamp":
      return "1970-01-01T00:00:00Z";
    case "google.protobuf.Duration":
      return "0s";
    case "google.protobuf.FieldMask":
      return "";
    default:
      return undefined;
  }
}

function exampleOfScalar(scalar: ScalarType): JsonValue {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return "";
    case ScalarType.BOOL:
      return false;
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return "0";
    default:
      return 0;
  }
}
