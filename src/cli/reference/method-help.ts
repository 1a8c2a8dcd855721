/**
 * The help of one method, for `alysctl call --help SERVICE/METHOD`: what the .proto files say of it and of every field of
 * its messages, who may call it, and a request to begin with. Pure.
 */
import type { DescEnum, DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import { Health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { exampleOf, policyRows, rulesText, typeOf, typeText } from "./descriptions.ts";
import type { ProtoComments } from "./proto-comments.ts";
import { reachableTypes } from "./reachable.ts";

/** Narrower, words would stand alone; wider, nobody reads to the end of a line. */
const COLUMNS_MIN = 40;
const COLUMNS_MAX = 110;

/** The help text, in lines of at most `columns` characters as far as words allow. */
export function methodHelp(method: DescMethod, comments: ProtoComments, columns: number): string {
  const width = Math.min(Math.max(columns, COLUMNS_MIN), COLUMNS_MAX);
  const comment = (name: string): string => (comments.get(name) ?? "").replaceAll("\n", " ");
  const { parent, input, output } = method;
  const example = JSON.stringify(exampleOf(input));
  const sections = [
    [`Usage: alysctl call ${parent.name}/${method.name} [request]`],
    wrap(comment(`${parent.typeName}.${method.name}`), width, ""),
    parent === Health ? [] : columnsOf(policyRows(method)),
    messageLines(input, "REQUEST", comment, width),
    messageLines(output, method.methodKind === "unary" ? "ANSWER" : "ANSWERS", comment, width),
    ...reachableTypes([input, output]).map((type) =>
      type.kind === "enum"
        ? enumLines(type, comment, width)
        : messageLines(type, shortName(type.typeName), comment, width),
    ),
    [`Example: alysctl call ${parent.name}/${method.name} '${example}'`],
    wrap(
      "In JSON, 64-bit numbers are strings, bytes are base64, and what is zero may be left out.",
      width,
      "",
    ),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

type CommentOf = (name: string) => string;

function messageLines(message: DescMessage, title: string, comment: CommentOf, width: number): string[] {
  const about = comment(message.typeName);
  const head = `${title}${title === shortName(message.typeName) ? "" : ` (${message.typeName})`}`;
  const fields = message.fields.flatMap((field) => fieldLines(field, comment, width));
  return [head, ...wrap(about, width, "  "), ...(fields.length === 0 ? ["  no fields"] : fields)];
}

function fieldLines(field: DescField, comment: CommentOf, width: number): string[] {
  const type = typeText(field).replaceAll(/[\w.]*\.(\w+)/g, "$1");
  const rules = rulesText(field);
  const facts = [
    type,
    ...(field.oneof === undefined ? [] : [`one of ${field.oneof.name}`]),
    ...(rules === "" ? [] : [rules]),
  ];
  const own = comment(`${field.parent.typeName}.${field.name}`);
  const text = own === "" ? comment(typeOf(field)?.typeName ?? "") : own;
  return [`  ${field.jsonName}: ${facts.join("; ")}`, ...wrap(text, width, "      ")];
}

function enumLines(type: DescEnum, comment: CommentOf, width: number): string[] {
  const values = type.values.flatMap(({ name, number }) => [
    `  ${name} = ${number}`,
    ...wrap(comment(`${type.typeName}.${name}`), width, "      "),
  ]);
  return [shortName(type.typeName), ...wrap(comment(type.typeName), width, "  "), ...values];
}

function shortName(typeName: string): string {
  return typeName.slice(typeName.lastIndexOf(".") + 1);
}

function columnsOf(rows: readonly (readonly [name: string, value: string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

/** Words in lines; no lines for no words. */
function wrap(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").filter((one) => one !== "")) {
    if (line !== "" && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, indent + line];
}
