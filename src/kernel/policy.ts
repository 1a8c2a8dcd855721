/** The policy of a method: lane, deadline, scope, overflow and kind of stream, read once from its protobuf options. */
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  getOption,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import { Lane, Overflow, policy, Scope, StreamKind } from "../../gen/alys/actor/v1/options_pb.ts";
import { assert } from "./errors.ts";

export type LaneName = "control" | "consensus" | "normal" | "bulk";

export type ScopeName = "public" | "read" | "operate" | "admin" | "internal";

/** A method's options, in the kernel's words. */
export interface MethodPolicy {
  /** Undefined for streaming methods, which do not wait in a mailbox. */
  readonly lane: LaneName | undefined;
  readonly deadlineMs: number;
  readonly scope: ScopeName;
  readonly overflow: "refuse" | "drop_oldest";
  readonly stream: "topic" | "transfer";
  /**
   * Where a bulk request carries its payload: local names from the request to a bytes field, singular or repeated, its own
   * or that of a message in it. Its length is the message's size.
   */
  readonly sizePath: readonly string[] | undefined;
}

/** Deadline of a unary method whose option names none. */
const DEADLINE_MS_DEFAULT = 5_000;

const LANES: ReadonlyMap<number, LaneName> = new Map<number, LaneName>([
  [Lane.CONTROL, "control"],
  [Lane.CONSENSUS, "consensus"],
  [Lane.NORMAL, "normal"],
  [Lane.BULK, "bulk"],
]);

/** An unspecified scope is the strictest one that is still served, so that forgetting it opens nothing. */
const SCOPES: ReadonlyMap<number, ScopeName> = new Map<number, ScopeName>([
  [Scope.UNSPECIFIED, "admin"],
  [Scope.PUBLIC, "public"],
  [Scope.READ, "read"],
  [Scope.OPERATE, "operate"],
  [Scope.ADMIN, "admin"],
  [Scope.INTERNAL, "internal"],
]);

/** Reading an option decodes it each time, twenty times the cost of a whole ask: once a method is enough. */
const policies = new WeakMap<DescMethod, MethodPolicy>();

/** The method's policy, cached. A method without one, or a unary one without a lane, is a programmer error. */
export function policyOf(method: DescMethod): MethodPolicy {
  const known = policies.get(method);
  if (known !== undefined) return known;
  const read = readPolicy(method);
  policies.set(method, read);
  return read;
}

function readPolicy(method: DescMethod): MethodPolicy {
  const name = `${method.parent.typeName}.${method.name}`;
  assert(hasOption(method, policy), `${name} has no (alys.actor.v1.policy)`);
  const option = getOption(method, policy);
  const lane = LANES.get(option.lane);
  assert(method.methodKind !== "unary" || lane !== undefined, `${name} names no lane`);
  return Object.freeze({
    lane: method.methodKind === "unary" ? lane : undefined,
    deadlineMs: option.deadlineMs > 0 ? option.deadlineMs : DEADLINE_MS_DEFAULT,
    scope: SCOPES.get(option.scope) ?? "admin",
    overflow: option.overflow === Overflow.DROP_OLDEST ? "drop_oldest" : "refuse",
    stream: option.stream === StreamKind.TRANSFER ? "transfer" : "topic",
    sizePath: lane === "bulk" ? bytesPathOf(method.input) : undefined,
  });
}

function bytesPathOf(message: DescMessage): readonly string[] | undefined {
  const own = message.fields.find(isBytes);
  if (own !== undefined) return [own.localName];
  // One level down is as deep as our messages hide a payload; a recursive search would need a guard.
  for (const field of message.fields) {
    const inner = field.fieldKind === "message" ? field.message.fields.find(isBytes) : undefined;
    if (inner !== undefined) return [field.localName, inner.localName];
  }
  return undefined;
}

function isBytes(field: DescField): boolean {
  if (field.fieldKind === "scalar") return field.scalar === ScalarType.BYTES;
  return field.fieldKind === "list" && field.listKind === "scalar" && field.scalar === ScalarType.BYTES;
}
