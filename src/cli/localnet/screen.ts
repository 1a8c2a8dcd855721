/**
 * What a person sees while a local network runs: lines, and one line that is drawn over while something goes on. Where
 * the output is no terminal, that line is printed anew, but not more often than somebody would read it.
 */

import type { WriteStream } from "node:tty";
import type { SyncStatus } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { realClock } from "../../kernel/clock.ts";

/** Between two plain lines of progress, milliseconds. */
const PLAIN_PERIOD_MS = 1_000;

/** The part of an output stream that is used. */
export type Output = Pick<WriteStream, "write"> & { readonly isTTY?: boolean };

const grouped = new Intl.NumberFormat("en-US");

export class LocalnetScreen {
  readonly #output: Output;
  #hasOpenLine = false;
  #lastPlainMs = Number.NEGATIVE_INFINITY;

  constructor(output: Output) {
    this.#output = output;
  }

  line(text: string): void {
    this.endLine();
    this.#output.write(`${text}\n`);
  }

  forging(done: number, total: number): void {
    const percent = Math.floor((done / total) * 100);
    this.#redraw(
      `  forged ${grouped.format(done)} / ${grouped.format(total)} (${percent} %)`,
      done === total,
    );
  }

  status(status: SyncStatus): void {
    this.#redraw(String(status.head?.height), false);
  }

  /** Ends the line that is drawn over, if there is one. */
  endLine(): void {
    if (this.#hasOpenLine) this.#output.write("\n");
    this.#hasOpenLine = false;
  }

  #redraw(text: string, isLast: boolean): void {
    if (this.#output.isTTY === true) {
      this.#output.write(`\r\u001b[K${text}`);
      this.#hasOpenLine = true;
      return;
    }
    const nowMs = realClock.monotonicMs();
    if (!isLast && nowMs - this.#lastPlainMs < PLAIN_PERIOD_MS) return;
    this.#lastPlainMs = nowMs;
    this.#output.write(`${text}\n`);
  }
}
