/**
 * How long functions are: declarations, methods, accessors, constructors and arrow functions, from the first line of the
 * signature, however it wraps, to the last of the body. What is inside counts for what is around it as well.
 */

import { type Node, Visitor } from "oxc-parser";
import type { Source } from "./source.ts";

export interface MeasuredFunction {
  readonly path: string;
  /** Where it begins, from 1. */
  readonly line: number;
  readonly lines: number;
  /** As it is declared or assigned; "a function" for one that is only handed on. */
  readonly name: string;
}

/** What holds a function, where that is a method or a variable: its name, and what the signature begins with. */
interface Holder {
  readonly name: string;
  readonly from: Node;
}

export function functionsOf({ path, text, program }: Source): readonly MeasuredFunction[] {
  const lineAt = lineFinder(text);
  const found: MeasuredFunction[] = [];
  // A holder is visited before what it holds.
  const holders = new Map<Node, Holder>();
  const hold = (value: Node | null, key: Node, from: Node | null = value): void => {
    if (value !== null && from !== null) holders.set(value, { name: text.slice(key.start, key.end), from });
  };
  const measure = (node: Node): void => {
    const { name, from } = holders.get(node) ?? { name: "a function", from: node };
    const line = lineAt(from.start);
    found.push({ path, line, lines: lineAt(node.end - 1) - line + 1, name });
  };
  new Visitor({
    VariableDeclarator: ({ id, init }) => hold(init, id),
    PropertyDefinition: ({ value, key }) => hold(value, key),
    Property: (node) => hold(node.value, node.key, node),
    MethodDefinition: (node) => hold(node.value, node.key, node),
    FunctionDeclaration: (node) => {
      if (node.id !== null) hold(node, node.id);
      measure(node);
    },
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
  }).visit(program);
  return found;
}

/** Which line, from 1, an offset lies in. */
function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    for (let high = starts.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
