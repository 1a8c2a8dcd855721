/**
 * Where commands print: standard output and error, or a memory for tests.
 */
import { createInterface } from "node:readline";
import { type Clock, realClock } from "../kernel/ports/clock.ts";

export interface Terminal {
  /** A line on standard output. */
  out(line: string): void;
  /** A line on standard error. */
  err(line: string): void;
  /** Raw text on standard output. */
  write(text: string): void;
  /** All of standard input as text. */
  read(): Promise<string>;
  /** Standard input line by line as it comes, until its end or the signal. */
  lines(signal: AbortSignal): AsyncIterable<string>;
  readonly isTTY: boolean;
  /** Whether somebody can be asked: input and standard error are a terminal. */
  readonly isInteractive: boolean;
  /** Asks on standard error and answers the line that was typed; undefined at the end of the input or the signal. */
  ask(question: string, signal: AbortSignal): Promise<string | undefined>;
  readonly columns: number | undefined;
  readonly clock: Clock;
}

/** A request is at most 4 MiB, its JSON not much more; longer input is refused. */
const INPUT_LENGTH_MAX = 8 * 1024 * 1024;

/** The process's own streams. */
export function processTerminal(): Terminal {
  const { stdout, stderr, stdin } = process;
  return {
    isInteractive: stdin.isTTY === true && stderr.isTTY === true,
    ask: (question, signal) =>
      new Promise((resolve) => {
        const asked = createInterface({ input: stdin, output: stderr });
        const end = (line?: string): void => {
          asked.close();
          resolve(line);
        };
        // Ctrl-C comes to whoever reads the terminal, and to nobody else.
        asked.once("SIGINT", () => process.kill(process.pid, "SIGINT"));
        asked.once("close", () => resolve(undefined));
        signal.addEventListener("abort", () => end(), { once: true });
        asked.question(question, end);
      }),
    out: (line) => stdout.write(`${line}\n`),
    err: (line) => stderr.write(`${line}\n`),
    write: (text) => stdout.write(text),
    read: async () => {
      let text = "";
      stdin.setEncoding("utf8");
      for await (const part of stdin) {
        text += String(part);
        if (text.length > INPUT_LENGTH_MAX) throw new RangeError("standard input is too long");
      }
      return text;
    },
    lines: (signal) => createInterface({ input: stdin, signal }),
    isTTY: stdout.isTTY === true,
    get columns() {
      return stdout.columns;
    },
    clock: realClock,
  };
}

/** Remembers what was printed. */
export class MemoryTerminal implements Terminal {
  readonly output: string[] = [];
  readonly errors: string[] = [];
  readonly isTTY = false;
  readonly isInteractive: boolean;
  readonly columns = undefined;
  readonly clock: Clock;
  readonly #input: string;
  readonly #answers: string[];

  /** With `isInteractive` questions are answered by the input's lines, in order. */
  constructor(clock: Clock = realClock, input = "", isInteractive = false) {
    this.clock = clock;
    this.#input = input;
    this.isInteractive = isInteractive;
    this.#answers = isInteractive ? input.split("\n") : [];
  }

  async ask(question: string): Promise<string | undefined> {
    this.errors.push(question);
    return this.#answers.shift();
  }

  /** Everything on standard output. */
  get text(): string {
    return this.output.join("");
  }

  out(line: string): void {
    this.output.push(`${line}\n`);
  }
  err(line: string): void {
    this.errors.push(line);
  }
  write(text: string): void {
    this.output.push(text);
  }
  async read(): Promise<string> {
    return this.#input;
  }
  async *lines(): AsyncGenerator<string, void, void> {
    yield* this.#input.split("\n");
  }
}
