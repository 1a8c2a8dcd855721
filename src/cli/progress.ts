/**
 * Progress for people: a bar with figures that fits any width, drawn over itself on a terminal and printed as
 * plain lines, not too often, where the output is a file or a pipe. `renderProgress` makes the text, `ProgressLine`
 * draws it.
 */
import type { Clock } from "../kernel/ports/clock.ts";
import { duration, grouped } from "./format.ts";

/** What there is to show. Everything but `done` may be unknown. */
export interface ProgressFacts {
  /** First on the line: what is going on. */
  readonly label: string;
  readonly done: bigint | number;
  /** Unknown or 0: no bar, no percentage. */
  readonly total?: bigint | number | undefined;
  /** In parts per million, where `done / total` does not say it. */
  readonly partsPerMillion?: number | undefined;
  readonly perSecond?: number | undefined;
  /** What is counted: "blocks". */
  readonly unit?: string | undefined;
  readonly remainingMs?: number | undefined;
  /** Further figures, most important first; the last go first when the line is too narrow. */
  readonly notes?: readonly string[];
}

const BAR_COLUMNS_MIN = 10;
/** Columns of the bar; a wider terminal makes it no longer. */
const BAR_COLUMNS_MAX = 32;
const PARTS = 1_000_000;
/** Eighths of a cell, so that the bar moves smoothly. */
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

/** One line of at most `columns` characters; what does not fit is left out from the end. */
export function renderProgress(facts: ProgressFacts, columns: number): string {
  const figures = figuresOf(facts);
  const parts = partsOf(facts);
  for (let kept = figures.length; kept >= 0; kept--) {
    const shown = figures.slice(0, kept).join("  ");
    const line = shown === "" ? facts.label : `${facts.label}  ${shown}`;
    const room = columns - line.length - 4;
    if (parts !== undefined && room >= BAR_COLUMNS_MIN) {
      const bar = `[${renderBar(parts, Math.min(room, BAR_COLUMNS_MAX))}]`;
      return shown === "" ? `${facts.label}  ${bar}` : `${facts.label}  ${bar}  ${shown}`;
    }
    if (line.length <= columns && (parts === undefined || kept <= 1)) return line;
  }
  return facts.label.slice(0, Math.max(0, columns));
}

/** The same in words for logs and pipes: no bar, nothing left out. */
export function plainProgress(facts: ProgressFacts): string {
  return [facts.label, ...figuresOf(facts)].join("  ");
}

/** A bar of exactly `cells` characters, filled to `parts` of a million. */
export function renderBar(parts: number, cells: number): string {
  const eighths = Math.floor((Math.min(Math.max(parts, 0), PARTS) / PARTS) * cells * 8);
  const full = "█".repeat(eighths >> 3);
  const bar = full + (EIGHTHS[eighths & 7] ?? "");
  return bar + "░".repeat(cells - bar.length);
}

function partsOf({ done, total, partsPerMillion }: ProgressFacts): number | undefined {
  if (partsPerMillion !== undefined) return partsPerMillion;
  if (total === undefined || Number(total) <= 0) return undefined;
  return (Number(done) / Number(total)) * PARTS;
}

function figuresOf(facts: ProgressFacts): string[] {
  const parts = partsOf(facts);
  const { done, total, perSecond, unit = "", remainingMs } = facts;
  const counted = total === undefined ? grouped(done) : `${grouped(done)} / ${grouped(total)}`;
  return [
    ...(parts === undefined ? [] : [percentage(parts)]),
    counted,
    ...(perSecond === undefined ? [] : [`${grouped(Math.round(perSecond))} ${unit}/s`.replace(" /s", "/s")]),
    ...(remainingMs === undefined ? [] : [`ETA ${duration(remainingMs)}`]),
    ...(facts.notes ?? []),
  ];
}

/** Cut, not rounded: 100 % is said only when nothing is missing. */
function percentage(parts: number): string {
  const tenths = Math.floor(Math.min(Math.max(parts, 0), PARTS) / 1_000);
  return `${Math.floor(tenths / 10)}.${tenths % 10} %`;
}

/** The part of an output stream that is used; process.stdout is one. */
export interface ProgressOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number | undefined;
}

/** Width where the terminal does not tell. */
const COLUMNS_DEFAULT = 80;
/** Between two plain lines: as often as somebody would read them. */
const PLAIN_PERIOD_MS = 1_000;
/** Between two drawings: more is only flicker. */
const DRAW_PERIOD_MS = 50;
const ERASE_LINE = "\r\u001b[K";

/**
 * One line that is drawn over while something goes on. Other text goes through `print`, or it would be torn.
 */
export class ProgressLine {
  readonly #output: ProgressOutput;
  readonly #clock: Clock;
  #isOpen = false;
  #shown: ProgressFacts | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(output: ProgressOutput, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
  }

  /** Shows the facts, unless some were shown a moment ago and these are not `important`. */
  show(facts: ProgressFacts, isImportant = false): void {
    const nowMs = this.#clock.monotonicMs();
    const isTty = this.#output.isTTY === true;
    const isNews = isImportant || facts.label !== this.#shown?.label;
    if (!isNews && nowMs - this.#lastMs < (isTty ? DRAW_PERIOD_MS : PLAIN_PERIOD_MS)) return;
    this.#lastMs = nowMs;
    this.#shown = facts;
    if (!isTty) {
      this.#output.write(`${plainProgress(facts)}\n`);
      return;
    }
    // One column stays free: a full line makes some terminals break it.
    const columns = (this.#output.columns ?? COLUMNS_DEFAULT) - 1;
    this.#output.write(ERASE_LINE + renderProgress(facts, columns));
    this.#isOpen = true;
  }

  /** Prints a line above the bar, which is drawn again with the next facts. */
  print(text: string): void {
    this.#output.write(`${this.#isOpen ? ERASE_LINE : ""}${text}\n`);
    this.#isOpen = false;
  }

  /** Leaves the last drawing standing and ends its line. Idempotent. */
  end(): void {
    if (this.#isOpen) this.#output.write("\n");
    this.#isOpen = false;
  }
}
