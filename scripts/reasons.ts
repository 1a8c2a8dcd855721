/**
 * Keeps alys.actor.v1.Reason in step with the sources: `node scripts/reasons.ts` appends the reasons that failures carry and
 * the enum lacks, each with its status and text as a first comment, for somebody to say better. Numbers never change; a
 * reason that is used no more stays, because clients know it. A test holds the enum against the sources.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";

const PROTO = "proto/alys/actor/v1/reason.proto";
const PREFIX = "REASON_";

const CODES =
  "CANCELLED|INVALID_ARGUMENT|DEADLINE_EXCEEDED|NOT_FOUND|ALREADY_EXISTS|PERMISSION_DENIED|RESOURCE_EXHAUSTED|" +
  "FAILED_PRECONDITION|ABORTED|OUT_OF_RANGE|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS|UNAUTHENTICATED";
/** A status, a reason and, where it is a literal, the text, as `failure(…)` and its wrappers take them. */
const FAILURE = new RegExp(`"(${CODES})",\\s*"([A-Z][A-Z0-9_]+)"(?:,\\s*(?:"([^"]*)"|\`([^\`]*)\`))?`, "g");

/** Reasons in the sources of the node, by name, with a sentence about each. What only alysctl says is not the node's. */
export function reasonsInSources(): Map<string, string> {
  const reasons = new Map<string, string>();
  for (const path of globSync("src/**/*.ts").sort()) {
    if (path.startsWith("src/cli/")) continue;
    const source = readFileSync(path, "utf8");
    for (const [, code = "", reason = "", plain, template] of source.matchAll(FAILURE)) {
      const text = plain ?? template;
      const isCodeList = new RegExp(`^(?:${CODES})$`).test(reason) && text === undefined;
      // A list of status codes looks the same.
      if (isCodeList || (text !== undefined && new RegExp(`^(?:${CODES})$`).test(text))) continue;
      const known = reasons.get(reason);
      if (known === undefined || known.endsWith("().")) reasons.set(reason, sentence(code, text));
    }
  }
  return reasons;
}

/** Reasons of the enum. */
export function reasonsInProto(): Set<string> {
  const values = readFileSync(PROTO, "utf8").matchAll(/^ {2}REASON_(\w+) = \d+;/gm);
  return new Set([...values].map(([, name = ""]) => name).filter((name) => name !== "UNSPECIFIED"));
}

function sentence(code: string, text: string | undefined): string {
  const said = (text ?? "")
    .replaceAll(/\$\{[^}]*\}/g, "…")
    .replaceAll(/\s+/g, " ")
    .trim();
  return said === "" ? `${code}.` : `${code}: ${said.slice(0, 100)}.`;
}

function append(): void {
  const source = readFileSync(PROTO, "utf8");
  const known = reasonsInProto();
  let next = Math.max(...[...source.matchAll(/ = (\d+);/g)].map(([, number]) => Number(number))) + 1;
  const lines = [...reasonsInSources()]
    .filter(([reason]) => !known.has(reason))
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([reason, about]) => [`  // ${about}`, `  ${PREFIX}${reason} = ${next++};`]);
  if (lines.length === 0) return;
  const end = source.lastIndexOf("}");
  writeFileSync(PROTO, `${source.slice(0, end)}${lines.join("\n")}\n}\n`);
  console.log(`${lines.length / 2} reasons were added to ${PROTO}; run: npm run gen`);
}

if (import.meta.main) append();
