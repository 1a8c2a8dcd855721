/**
 * Checks requests against the rules that their fields carry as `(alys.actor.v1.rules)`, and against those that hold for
 * every field, before anybody else sees them. The checks of a message type are made once, from its descriptor; a type
 * without anything to check costs nothing.
 */
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  getOption,
  hasOption,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { type FieldRules, rules } from "../../gen/alys/actor/v1/rules_pb.ts";
import { type Failure, type FieldProblem, failure } from "../kernel/errors.ts";

/** A string without a rule of length; longer texts are nobody's name, reason or token. */
const STRING_BYTES_MAX = 4_096;
/** Faults that are told of one request; more help nobody. */
const PROBLEMS_MAX = 16;

type Problems = FieldProblem[];
type Fields = Readonly<Record<string, unknown>>;
type Check = (message: Fields, path: string, problems: Problems) => void;
/** One value: of a singular field or an element of a repeated one. */
type ValueCheck = (value: unknown, at: () => string, problems: Problems) => void;

const checks = new WeakMap<DescMessage, readonly Check[]>();

/** Why the request is refused: INVALID_ARGUMENT/FIELD_INVALID with the path of each bad field. */
export function requestFailure(method: DescMethod, request: Message): Failure | undefined {
  const all = checksOf(method.input);
  if (all.length === 0) return undefined;
  const problems: Problems = [];
  for (const check of all) check(request as unknown as Fields, "", problems);
  if (problems.length === 0) return undefined;
  const told = problems.slice(0, PROBLEMS_MAX);
  const text = told.map(({ field, problem }) => `${field} ${problem}`).join("; ");
  return failure("INVALID_ARGUMENT", "FIELD_INVALID", text, { field: told[0]?.field ?? "", problems: told });
}

/** The rules of a field, if it has any. */
export function rulesOf(field: DescField): FieldRules | undefined {
  return hasOption(field, rules) ? getOption(field, rules) : undefined;
}

function checksOf(type: DescMessage): readonly Check[] {
  const known = checks.get(type);
  if (known !== undefined) return known;
  const made: Check[] = [];
  // Known before it is complete: a message may hold itself.
  checks.set(type, made);
  for (const field of type.fields) {
    const check = checkOf(field);
    if (check !== undefined) made.push(check);
  }
  return made;
}

function checkOf(field: DescField): Check | undefined {
  const rule = rulesOf(field);
  switch (field.fieldKind) {
    case "list":
      return listCheck(field, rule);
    case "map":
      return undefined;
    case "message":
      return messageCheck(field, rule);
    default: {
      const check = valueCheck(field, rule);
      if (check === undefined) return undefined;
      const read = readerOf(field);
      return (message, path, problems) => {
        const value = read(message);
        if (value !== undefined) check(value, () => join(path, field), problems);
      };
    }
  }
}

function messageCheck(
  field: DescField & { fieldKind: "message" },
  rule: FieldRules | undefined,
): Check | undefined {
  const inner = checksOf(field.message);
  const isRequired = rule?.required === true;
  const read = readerOf(field);
  return (message, path, problems) => {
    const value = read(message) as Fields | undefined;
    if (value === undefined) {
      if (isRequired) problems.push({ field: join(path, field), problem: "must be set" });
      return;
    }
    for (const check of inner) check(value, join(path, field), problems);
  };
}

function listCheck(
  field: DescField & { fieldKind: "list" },
  rule: FieldRules | undefined,
): Check | undefined {
  const itemsMax = rule?.itemsMax ?? Number.POSITIVE_INFINITY;
  const inner = field.listKind === "message" ? checksOf(field.message) : [];
  const check = field.listKind === "message" ? undefined : valueCheck(field, rule);
  const read = readerOf(field);
  return (message, path, problems) => {
    const list = read(message) as readonly unknown[];
    if (list.length > itemsMax) {
      const problem = `must have at most ${itemsMax} elements, has ${list.length}`;
      problems.push({ field: join(path, field), problem });
      return;
    }
    if (check === undefined && inner.length === 0) return;
    for (const [index, item] of list.entries()) {
      const at = (): string => `${join(path, field)}[${index}]`;
      check?.(item, at, problems);
      for (const one of inner) one(item as Fields, at(), problems);
      if (problems.length > PROBLEMS_MAX) return;
    }
  };
}

function valueCheck(
  field:
    | (DescField & { fieldKind: "scalar" | "enum" })
    | (DescField & { fieldKind: "list"; listKind: "scalar" | "enum" }),
  rule: FieldRules | undefined,
): ValueCheck | undefined {
  if (field.enum !== undefined) {
    const declared = new Set(field.enum.values.map(({ number }) => number));
    const isRequired = rule?.required === true;
    return (value, at, problems) => {
      if (!declared.has(value as number)) {
        problems.push({
          field: at(),
          problem: `must be a value of ${field.enum.typeName}, is ${String(value)}`,
        });
      } else if (isRequired && value === 0) problems.push({ field: at(), problem: "must be set" });
    };
  }
  switch (field.scalar) {
    case ScalarType.BOOL:
      return undefined;
    case ScalarType.STRING:
      return lengthCheck(rule, STRING_BYTES_MAX, (value) => Buffer.byteLength(value as string));
    case ScalarType.BYTES:
      return lengthCheck(rule, Number.POSITIVE_INFINITY, (value) => (value as Uint8Array).length);
    default:
      return numberCheck(field.scalar, rule);
  }
}

function lengthCheck(
  rule: FieldRules | undefined,
  lengthMaxDefault: number,
  lengthOf: (value: unknown) => number,
): ValueCheck {
  const { length: exact, lengthMin = 0, lengthMax = lengthMaxDefault, orEmpty = false } = rule ?? {};
  return (value, at, problems) => {
    const length = lengthOf(value);
    if (length === 0 && orEmpty) return;
    if (exact !== undefined && length !== exact) {
      problems.push({ field: at(), problem: `must have ${exact} bytes, has ${length}` });
    } else if (length < lengthMin) {
      problems.push({ field: at(), problem: `must have at least ${lengthMin} bytes, has ${length}` });
    } else if (exact === undefined && length > lengthMax) {
      problems.push({ field: at(), problem: `must have at most ${lengthMax} bytes, has ${length}` });
    }
  };
}

function numberCheck(scalar: ScalarType, rule: FieldRules | undefined): ValueCheck {
  const isFloat = scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT;
  const min = rule?.min ?? (isFloat ? -Number.MAX_VALUE : Number.MIN_SAFE_INTEGER);
  // Inside, 64-bit integers are numbers, exact up to here.
  const max = rule?.max ?? (isFloat ? Number.MAX_VALUE : Number.MAX_SAFE_INTEGER);
  return (value, at, problems) => {
    const number = value as number | bigint;
    // Comparing so refuses NaN, too.
    if (number >= min && number <= max) return;
    const problem =
      number < min ? `must be at least ${min}` : number > max ? `must be at most ${max}` : "must be a number";
    problems.push({ field: at(), problem: `${problem}, is ${number}` });
  };
}

/** Reads the field as generated code stores it; undefined when it has presence and is not set. */
function readerOf(field: DescField): (message: Fields) => unknown {
  const { localName, oneof } = field;
  if (oneof === undefined) return (message) => message[localName];
  const group = oneof.localName;
  return (message) => {
    const chosen = message[group] as { readonly case: string | undefined; readonly value?: unknown };
    return chosen.case === localName ? chosen.value : undefined;
  };
}

function join(path: string, field: DescField): string {
  return path === "" ? field.name : `${path}.${field.name}`;
}
