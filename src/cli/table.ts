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
