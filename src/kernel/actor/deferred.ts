/**
 * An answer that comes later. A handler makes one with `context.deferred`, returns it, and answers it in
 * a later turn. Whoever settles it first wins: the actor, the deadline, the caller's abort, a crash or the stop.
 */
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { assert, type Failure } from "../errors.ts";

/** Where a deferred answer goes; the cell's side of it. */
export interface DeferredSink {
  answer(reply: object | Failure): void;
}

export class Deferred<O extends DescMessage> {
  readonly output: O;
  #sink: DeferredSink | undefined;
  #early: object | Failure | undefined;
  #isSettled = false;

  /** Made by `context.deferred`. */
  constructor(output: O) {
    this.output = output;
  }

  /** True once it has an answer, whoever gave it. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Answers. False when somebody else did before: the caller left or the deadline passed. */
  resolve(reply: MessageInitShape<O>): boolean {
    return this.#settle(reply);
  }

  /** Answers with an operating error. False when it was answered before. */
  reject(reason: Failure): boolean {
    return this.#settle(reason);
  }

  /** Kernel only: the handler returned it, so it belongs to that call now. */
  bind(sink: DeferredSink): void {
    assert(this.#sink === undefined, "a Deferred was returned for two calls");
    this.#sink = sink;
    if (this.#early !== undefined) sink.answer(this.#early);
  }

  /** Kernel only: the call was answered without the actor. */
  expire(): void {
    this.#isSettled = true;
  }

  #settle(reply: object | Failure): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    if (this.#sink === undefined) this.#early = reply;
    else this.#sink.answer(reply);
    return true;
  }
}
