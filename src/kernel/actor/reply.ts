/**
 * Judges what a handler returned: a Failure, a message of the method's response, or an initializer of one. Anything
 * else is garbage, a programmer error.
 */
import { create, isMessage } from "@bufbuild/protobuf";
import { assert, Failure } from "../errors.ts";
import type { MethodEntry } from "./envelope.ts";

/** The answer as a message or Failure; throws AssertionError on garbage. A message is handed on as it is. */
export function toReply(entry: MethodEntry, returned: unknown): object {
  if (returned instanceof Failure) return returned;
  const { output } = entry.method;
  if (isMessage(returned, output)) return returned;
  assert(
    typeof returned === "object" && returned !== null && !Array.isArray(returned),
    `${entry.name} returned ${returned === null ? "null" : typeof returned}`,
  );
  assert(typeof (returned as { then?: unknown }).then !== "function", `${entry.name} returned a promise`);
  for (const key of Object.keys(returned)) {
    assert(entry.outputMembers.has(key), `${entry.name} returned ${key}, which ${output.typeName} lacks`);
  }
  return create(output, returned as never);
}
