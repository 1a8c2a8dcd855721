/** Circles of imports: files each of which reaches all others of its circle. Imports of types count as others do. */

import { filesOf, type Source } from "./source.ts";

/** Each circle once, the files in alphabetical order (Tarjan, "Depth-first search and linear graph algorithms", 1972). */
export function circlesOf(sources: readonly Source[]): readonly (readonly string[])[] {
  const graph = new Map(sources.map((source) => [source.path, filesOf(source)]));
  const order = new Map<string, number>();
  const open: string[] = [];
  const circles: string[][] = [];
  const visit = (path: string): number => {
    let low = order.size;
    order.set(path, low);
    const position = open.push(path) - 1;
    for (const next of graph.get(path) ?? []) {
      if (!graph.has(next)) continue;
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (open.includes(next)) low = Math.min(low, order.get(next) as number);
    }
    if (low !== order.get(path)) return low;
    const component = open.splice(position);
    const isOwn = graph.get(path)?.includes(path) === true;
    if (component.length > 1 || isOwn) circles.push(component.sort());
    return low;
  };
  for (const path of graph.keys()) if (!order.has(path)) visit(path);
  return circles;
}

/** The imports by which a circle is closed: what to look at to open it. */
export function importsWithin(circle: readonly string[], sources: readonly Source[]): readonly string[] {
  const files = new Set(circle);
  return sources
    .filter(({ path }) => files.has(path))
    .flatMap((source) =>
      source.imports
        .filter(({ target }) => files.has(target))
        .map(({ target, names }) => `${source.path} imports ${names.join(", ")} of ${target}`),
    );
}
