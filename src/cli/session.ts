/**
 * One run of a command: the connection to the node, the global options, and how answers are printed. Commands
 * get one and do nothing else with the outside world.
 */
import { type DescMessage, type DescService, type MessageShape, toJson } from "@bufbuild/protobuf";
import { failure } from "../kernel/errors.ts";
import {
  type Client,
  type ClientCallOptions,
  type Connection,
  type ConnectOptions,
  connect,
} from "./client.ts";
import { type CredentialOptions, readCredentials } from "./credentials.ts";
import { type Way, wayTo } from "./local-node.ts";
import { ProgressLine } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

export interface SessionOptions {
  readonly address?: string | undefined;
  /** Data directory of the node. */
  readonly node?: string | undefined;
  readonly output: "table" | "json";
  readonly timeoutMs: number | undefined;
  /** Files with which to show who calls. */
  readonly credentials?: CredentialOptions;
}

/** Runs a command's action with a session of its own. */
export type Run = (action: (session: Session) => Promise<void>) => Promise<void>;

export class Session {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly #options: SessionOptions;
  #connection: Connection | undefined;
  #way: Way | undefined;
  #shown: ConnectOptions | undefined;

  constructor(options: SessionOptions, terminal: Terminal, signal: AbortSignal) {
    this.#options = options;
    this.terminal = terminal;
    this.signal = signal;
  }

  get isJson(): boolean {
    return this.#options.output === "json";
  }

  get connection(): Connection {
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  /** How the node is reached. */
  get way(): Way {
    const { token, tls } = this.#credentials;
    // An empty variable is none, as scripts mean it.
    const given = (text: string | undefined) => (text === "" ? undefined : text);
    const [address, folder] = [given(this.#options.address), given(this.#options.node)];
    this.#way ??= wayTo({ address, folder, hasCredentials: token !== undefined || tls !== undefined });
    return this.#way;
  }

  get #credentials(): ConnectOptions {
    this.#shown ??= readCredentials(this.#options.credentials ?? {});
    return this.#shown;
  }

  #connect(): Connection {
    const { address, token } = this.way;
    return connect(address, token === undefined ? this.#credentials : { token });
  }

  client<S extends DescService>(service: S): Client<S> {
    return this.connection.client(service);
  }

  /** Options of every call: --timeout, and Ctrl-C. */
  get call(): ClientCallOptions {
    return { deadlineMs: this.#options.timeoutMs, signal: this.signal };
  }

  close(): void {
    this.#connection?.close();
  }

  /** Prints an answer: protobuf's JSON, or what `table` makes of it. */
  show<D extends DescMessage>(
    schema: D,
    message: MessageShape<D>,
    table: (message: MessageShape<D>) => string,
  ): void {
    this.terminal.out(this.isJson ? jsonOf(schema, message, 2) : table(message));
  }

  /** Prints one message of a stream: a line of JSON, or the text; nothing for an empty one. */
  showEvent<D extends DescMessage>(schema: D, message: MessageShape<D>, text: string | undefined): void {
    if (this.isJson) this.terminal.out(jsonOf(schema, message, undefined));
    else if (text !== undefined) this.terminal.out(text);
  }

  /** Says that something was done; for programs the empty answer. */
  say(text: string): void {
    this.terminal.out(this.isJson ? "{}" : text);
  }

  progress(): ProgressLine {
    return new ProgressLine(this.terminal, this.terminal.clock);
  }

  /** Resolves after the time; rejects with CANCELLED at Ctrl-C. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        timer.cancel();
        reject(failure("CANCELLED", "INTERRUPTED", "interrupted"));
      };
      const timer = this.terminal.clock.setTimer(delayMs, () => {
        this.signal.removeEventListener("abort", onAbort);
        resolve();
      });
      if (this.signal.aborted) onAbort();
      else this.signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}

/** Protobuf's JSON: 64-bit numbers are strings, bytes base64, and fields that are zero are there too. */
export function jsonOf<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
  indent: number | undefined,
): string {
  return JSON.stringify(toJson(schema, message, { alwaysEmitImplicit: true }), undefined, indent);
}
