/**
 * Tables and lists of fields as text. Pure. Much of what they show was said by strangers: control characters
 * are made visible, so that nobody writes to the operator's terminal through a peer's goodbye.
 */

/** Text that is safe to print: control and format characters become spaces or their code. */
export function printable(text: string): string {
  return text
    .replaceAll(/[\t\r\n]+/g, " ")
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Numbers with their units stand to the right, everything else to the left. */
const NUMERIC = /^-?[\d,.]+( ?(%|B|KiB|MiB|GiB|TiB|ms|s|B\/s|KiB\/s|MiB\/s))?$/;

/** Columns under their headings; one line for no rows. */
export function renderTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return `none (${headings.join(", ").toLowerCase()})`;
  const cells = rows.map((row) => headings.map((_, column) => printable(row[column] ?? "")));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const isNumeric = headings.map((_, column) => {
    const filled = cells.map((row) => row[column] ?? "").filter((cell) => cell !== "-");
    return filled.length > 0 && filled.every((cell) => NUMERIC.test(cell));
  });
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        isNumeric[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [line(headings), ...cells.map(line)].join("\n");
}

/** Ends a cell that was cut. */
export const CUT = "…";

const GAP = 2;

export interface Fit {
  /** Width of the table. */
  readonly columnsMax: number;
  /** Lines of a cell; at the bound the rest is cut. */
  readonly linesMax: number;
  /** Columns, by number, whose cells may take several lines. */
  readonly flexible: readonly number[];
}

/** Rows for `renderTable`, so that it is no wider than `columnsMax` as far as the flexible columns can help it. */
export function fitRows(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  { columnsMax, linesMax, flexible }: Fit,
): { readonly rows: string[][]; readonly isCut: boolean } {
  const cells = rows.map((row) => headings.map((_, column) => printable(row[column] ?? "")));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const columns = flexible.filter((column) => column < headings.length);
  const fixed = widths.reduce((sum, width, column) => (columns.includes(column) ? sum : sum + width), 0);
  let room = columnsMax - fixed - GAP * (headings.length - 1);
  // The narrow ones take what they need, the others share the rest.
  const byWidth = columns.toSorted((left, right) => (widths[left] ?? 0) - (widths[right] ?? 0));
  for (const [index, column] of byWidth.entries()) {
    const share = Math.floor(room / (byWidth.length - index));
    const width = Math.max(headings[column]?.length ?? 1, Math.min(widths[column] ?? 0, share));
    widths[column] = width;
    room -= width;
  }
  let isCut = false;
  const fitted = cells.flatMap((row) => {
    const columnsOfLines = row.map((cell, column) => {
      const lines = wrapped(cell, widths[column] ?? 1);
      if (lines.length <= linesMax) return lines;
      isCut = true;
      return [
        ...lines.slice(0, linesMax - 1),
        `${lines[linesMax - 1]?.slice(0, (widths[column] ?? 1) - 1)}${CUT}`,
      ];
    });
    const height = Math.max(...columnsOfLines.map(({ length }) => length));
    return Array.from({ length: height }, (_, line) => columnsOfLines.map((lines) => lines[line] ?? ""));
  });
  return { rows: fitted, isCut };
}

/** In pieces of at most `width`, broken behind a comma, slash or space where one is near the end. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const soft = Math.max(...[",", "/", " "].map((mark) => rest.lastIndexOf(mark, width - 1))) + 1;
    const at = soft > width / 2 ? soft : width;
    lines.push(rest.slice(0, at).trimEnd());
    rest = rest.slice(at);
  }
  return [...lines, rest];
}

export type FieldRow = readonly [name: string, value: string | readonly string[]];

/** Names and values, one a line; a list has one line an item. */
export function renderFields(fields: readonly FieldRow[]): string {
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  const lines = fields.flatMap(([name, value]) => {
    const values = typeof value === "string" ? [value] : value.length === 0 ? ["-"] : value;
    return values.map((one, index) => `${(index === 0 ? name : "").padEnd(width)}  ${printable(one)}`);
  });
  return lines.map((line) => line.trimEnd()).join("\n");
}
