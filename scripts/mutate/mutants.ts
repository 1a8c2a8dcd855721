/**
 * Mutants of one source: every place where a small mistake could stand, and the source with that mistake. Comparisons, arithmetic,
 * logic, conditions, constants, and statements that are left out; never types, imports, or the texts of messages.
 */

import { type Node, parseSync, Visitor } from "oxc-parser";

export interface Mutant {
  /** Line of the mistake, from 1. */
  readonly line: number;
  /** What stands there, and what stands there instead; one line each. */
  readonly before: string;
  readonly after: string;
  readonly text: string;
}

const COMPARISONS: Readonly<Record<string, readonly string[]>> = {
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
};
const ARITHMETIC: Readonly<Record<string, string>> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "**": "*",
  "<<": ">>",
  ">>>": "<<",
  "&": "|",
  "|": "&",
};
const ASSIGNMENTS: Readonly<Record<string, string>> = { "+=": "-=", "-=": "+=", "*=": "/=" };

/** Calls whose absence no test should have to see: what is said to people, and what says that a state is impossible. */
const UNSEEN_CALLS = /^(assert|assertNever|super|log|this\.#log)\b|\blog\.(debug|info|warn|error)\b/;

interface Span {
  readonly start: number;
  readonly end: number;
}

/** All of them, in the order in which they stand. */
export function mutantsOf(path: string, text: string): readonly Mutant[] {
  const { program } = parseSync(path, text);
  const found: Mutant[] = [];
  const skipped: Span[] = [];
  const isSkipped = ({ start, end }: Span): boolean =>
    skipped.some((span) => start >= span.start && end <= span.end);
  const source = ({ start, end }: Span): string => text.slice(start, end);
  const replace = (span: Span, after: string): void => {
    if (isSkipped(span)) return;
    const line = text.slice(0, span.start).split("\n").length;
    const changed = text.slice(0, span.start) + after + text.slice(span.end);
    found.push({ line, before: oneLine(source(span)), after: oneLine(after), text: changed });
  };
  const skip = (node: Span): void => void skipped.push(node);
  const operator = (left: Span, right: Span, before: string, after: string): void => {
    const at = text.indexOf(before, left.end);
    if (at < 0 || at >= right.start) return;
    const whole = { start: left.start, end: right.end };
    if (isSkipped(whole)) return;
    const line = text.slice(0, at).split("\n").length;
    const changed = text.slice(0, at) + after + text.slice(at + before.length);
    const shown =
      source({ start: left.start, end: at }) + after + source({ start: at + before.length, end: right.end });
    found.push({ line, before: oneLine(source(whole)), after: oneLine(shown), text: changed });
  };
  const condition = (test: Span): void => replace(test, `!(${source(test)})`);
  // What must not change is visited, and so noted, before what lies in it.
  new Visitor({
    ImportDeclaration: skip,
    TSTypeAnnotation: skip,
    TSInterfaceDeclaration: skip,
    TSTypeAliasDeclaration: skip,
    TSTypeParameterInstantiation: skip,
    TSAsExpression: ({ typeAnnotation }) => skip(typeAnnotation),
    TemplateLiteral: skip,
    ThrowStatement: skip,
    CallExpression: (node) => {
      if (/^(assert|assertNever|failure)$/.test(source(node.callee))) skip(node);
    },
    BinaryExpression: ({ left, right, operator: before }) => {
      for (const after of COMPARISONS[before] ?? []) operator(left, right, before, after);
      const after = ARITHMETIC[before];
      if (after !== undefined && !isText(left) && !isText(right)) operator(left, right, before, after);
    },
    LogicalExpression: ({ left, right, operator: before }) => {
      if (before === "??") return replace({ start: left.start, end: right.end }, source(left));
      return operator(left, right, before, before === "&&" ? "||" : "&&");
    },
    UnaryExpression: (node) => {
      if (node.operator === "!") replace(node, source(node.argument));
    },
    UpdateExpression: (node) => replace(node, swapUpdate(source(node))),
    AssignmentExpression: ({ left, right, operator: before }) => {
      const after = ASSIGNMENTS[before];
      if (after !== undefined) operator(left, right, before, after);
    },
    Literal: (node) => {
      if (typeof node.value === "boolean") replace(node, String(!node.value));
      if (typeof node.value === "number" && Number.isInteger(node.value)) replace(node, `${node.value + 1}`);
    },
    ConditionalExpression: ({ test }) => condition(test),
    IfStatement: ({ test }) => condition(test),
    ExpressionStatement: (node) => {
      const { expression } = node;
      const isCall = expression.type === "CallExpression" || expression.type === "AssignmentExpression";
      if (isCall && !UNSEEN_CALLS.test(source(expression))) replace(node, ";");
    },
    ReturnStatement: (node) => {
      if (node.argument === null) replace(node, ";");
    },
  }).visit(program);
  return found;
}

function isText(node: Node): boolean {
  return node.type === "TemplateLiteral" || (node.type === "Literal" && typeof node.value === "string");
}

function swapUpdate(text: string): string {
  return text.includes("++") ? text.replace("++", "--") : text.replace("--", "++");
}

function oneLine(text: string): string {
  const flat = text.replace(/\s+/g, " ");
  return flat.length > 100 ? `${flat.slice(0, 97)}…` : flat;
}
