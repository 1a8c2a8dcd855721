/**
 * Writes docs/api.md, the reference of the control plane, from the descriptors and the comments of the .proto files.
 * `--check` only compares, as test/api.test.ts does.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { DescEnum, DescField, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { ReasonSchema } from "../gen/alys/actor/v1/reason_pb.ts";
import { policyRows, rulesText, typeOf, typeText } from "../src/cli/reference/descriptions.ts";
import { type ProtoComments, readComments } from "../src/cli/reference/proto-comments.ts";
import { reachableTypes } from "../src/cli/reference/reachable.ts";
import { ALYS_SERVICES } from "../src/cli/reference/services.ts";
import { policyOf } from "../src/kernel/policy.ts";

const INTRODUCTION = `# The control plane's interface

Made from the comments in \`proto/\` by \`node scripts/make-api.ts\`; change them there. Two words on reading it:

- **Scope** is the right that a caller needs: public < read < operate < admin, each containing those before it. Callers on
  loopback and on the unix socket need no token unless \`control.require_tokens\` is set.
- **Deadline** is what a call has when its caller names none. **Lane** is the part of the actor's mailbox where it waits:
  control > consensus > normal > bulk.
- **A stream** (a topic) begins with the present (\`snapshot\`), goes on with changes, and never ends with OK by itself; its
  messages carry a position whose \`resume_token\` takes up the thread again. **A transfer** is a file in chunks and ends with
  OK. **Both ways** is the Attach of another process.
- Without any rule a string has at most 4096 bytes, a 64-bit integer at most 9007199254740991, a floating-point number is
  finite, and an enum has a declared value. What breaks a rule answers INVALID_ARGUMENT with every faulty field in
  \`google.rpc.BadRequest\`, before anything happens.
- A call that fails carries \`google.rpc.ErrorInfo\` with the domain \`alys.network\` and one of the [reasons](#reasons), and
  \`google.rpc.RetryInfo\` where trying again helps.
- In JSON (\`grpcurl\`, \`alysctl call\`) names may be written as here or in lowerCamelCase, 64-bit numbers are strings, and
  bytes are base64.
`;

/** The document, from the descriptors and the comments as they are. */
export function apiDocument(): string {
  const comments = readComments("proto");
  const served = ALYS_SERVICES.map((service) => ({ service, methods: service.methods.filter(isServed) }));
  const roots = served.flatMap(({ methods }) => methods.flatMap(({ input, output }) => [input, output]));
  const types = reachableTypes(roots).sort((left, right) => (left.typeName < right.typeName ? -1 : 1));
  return `${[
    INTRODUCTION.trimEnd(),
    contents(served.map(({ service }) => service)),
    ...served.map(({ service, methods }) => serviceText(service, methods, comments)),
    "## Messages",
    ...types.filter((type) => type.kind === "message").map((type) => messageText(type, comments)),
    "## Enums",
    ...types.filter((type) => type.kind === "enum").map((type) => enumText(type, comments)),
    reasonsText(comments),
  ].join("\n\n")}\n`;
}

function isServed(method: DescMethod): boolean {
  return policyOf(method).scope !== "internal";
}

function contents(services: readonly DescService[]): string {
  const names = [...services.map(({ typeName }) => typeName), "Messages", "Enums", "Reasons"];
  return names.map((name) => `- [${name}](#${anchorOf(name)})`).join("\n");
}

/** As GitHub names a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

function serviceText(service: DescService, methods: readonly DescMethod[], comments: ProtoComments): string {
  const texts = methods.map((method) => methodText(method, comments));
  return [`## ${service.typeName}`, commentOf(comments, service.typeName), ...texts].join("\n\n");
}

function methodText(method: DescMethod, comments: ProtoComments): string {
  const { parent, input, output } = method;
  const facts = policyRows(method).map(([name, value]) => `${name}: **${value}**`);
  return [
    `### ${parent.name}/${method.name}`,
    commentOf(comments, `${parent.typeName}.${method.name}`),
    facts.join(" · "),
    fieldsText("Request", input, comments),
    fieldsText(method.methodKind === "unary" ? "Answer" : "Answers", output, comments),
  ].join("\n\n");
}

function fieldsText(title: string, message: DescMessage, comments: ProtoComments): string {
  if (message.fields.length === 0) return `${title} \`${message.name}\`: no fields.`;
  return `${title} \`${message.name}\`:\n\n${fieldTable(message, comments)}`;
}

function messageText(message: DescMessage, comments: ProtoComments): string {
  const about = commentOf(comments, message.typeName);
  const table = message.fields.length === 0 ? "No fields." : fieldTable(message, comments);
  return [`### ${message.typeName}`, ...(about === "" ? [] : [about]), table].join("\n\n");
}

function fieldTable(message: DescMessage, comments: ProtoComments): string {
  const rows = message.fields.map((field) => {
    const about = cell(fieldComment(field, comments));
    const rules = rulesText(field);
    const choice = field.oneof === undefined ? "" : ` (one of \`${field.oneof.name}\`)`;
    return `| \`${field.name}\`${choice} | ${typeCell(field)} | ${about}${rules === "" ? "" : ` *${rules}*`} |`;
  });
  return ["| field | type | meaning, *rules* |", "|---|---|---|", ...rows].join("\n");
}

/** Some cases of a oneof say with their type what they are. */
function fieldComment(field: DescField, comments: ProtoComments): string {
  const own = commentOf(comments, `${field.parent.typeName}.${field.name}`);
  return own === "" ? commentOf(comments, typeOf(field)?.typeName ?? "") : own;
}

/** The type's name, linked where this document describes it. */
function typeCell(field: DescField): string {
  const text = typeText(field);
  const type = typeOf(field);
  if (type === undefined || type.typeName.startsWith("google.")) return text.replaceAll("<", "&lt;");
  const short = type.typeName.slice(type.typeName.lastIndexOf(".") + 1);
  return text.replaceAll("<", "&lt;").replace(type.typeName, `[${short}](#${anchorOf(type.typeName)})`);
}

function enumText(type: DescEnum, comments: ProtoComments): string {
  const rows = type.values.map(
    ({ name, number }) =>
      `| ${number} | \`${name}\` | ${cell(commentOf(comments, `${type.typeName}.${name}`))} |`,
  );
  const about = commentOf(comments, type.typeName);
  const table = ["| number | value | meaning |", "|---|---|---|", ...rows].join("\n");
  return [`### ${type.typeName}`, ...(about === "" ? [] : [about]), table].join("\n\n");
}

function reasonsText(comments: ProtoComments): string {
  const { typeName, values, sharedPrefix = "" } = ReasonSchema;
  const rows = values
    .filter(({ number }) => number > 0)
    .map(({ name }) => ({
      name: name.slice(sharedPrefix.length),
      about: cell(commentOf(comments, `${typeName}.${name}`)),
    }))
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .map(({ name, about }) => `| \`${name}\` | ${about} |`);
  const table = ["| reason | status, and what is said |", "|---|---|", ...rows].join("\n");
  return ["## Reasons", commentOf(comments, typeName), table].join("\n\n");
}

function commentOf(comments: ProtoComments, name: string): string {
  return comments.get(name) ?? "";
}

/** Text within a row of a table. */
function cell(text: string): string {
  return text.replaceAll("\n", " ").replaceAll("|", "\\|");
}

if (import.meta.main) {
  const document = apiDocument();
  if (!process.argv.includes("--check")) writeFileSync("docs/api.md", document);
  else if (readFileSync("docs/api.md", "utf8") !== document) {
    console.error("docs/api.md is not what proto/ says: run node scripts/make-api.ts");
    process.exit(1);
  }
}
