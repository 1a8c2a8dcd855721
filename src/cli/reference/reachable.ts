/** The messages and enums that a method's messages are made of. Pure. */
import type { DescEnum, DescMessage } from "@bufbuild/protobuf";
import { typeOf } from "./descriptions.ts";

/**
 * The types that fields of `roots` hold, and those of their fields, breadth first and each once; without the roots
 * themselves. Google's own types are left out: their meaning is known, and their JSON is no object of ours.
 */
export function reachableTypes(roots: readonly DescMessage[]): (DescMessage | DescEnum)[] {
  const seen = new Set<DescMessage | DescEnum>(roots);
  const queue = [...roots];
  const found: (DescMessage | DescEnum)[] = [];
  for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
    for (const field of message.fields) {
      const type = typeOf(field);
      if (type === undefined || seen.has(type) || type.typeName.startsWith("google.")) continue;
      seen.add(type);
      found.push(type);
      if (type.kind === "message") queue.push(type);
    }
  }
  return found;
}
