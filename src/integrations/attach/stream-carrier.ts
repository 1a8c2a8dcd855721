/**
 * The two ends of an Attach stream: reads the client's frames into a line, and sends the line's, one at a time, as the
 * client takes them: who does not read costs what its window allows and no more. Calls go before notices.
 */

import { asError, Failure, failure } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { ClientFrame, DuplexStream, NodeFrame } from "./frame.ts";
import { type Carrier, GOODBYE, type Line } from "./line.ts";
import { Outbox } from "./outbox.ts";
import type { AttachSession } from "./session.ts";

export class StreamCarrier implements Carrier {
  readonly isPulled = false;
  readonly #stream: DuplexStream;
  readonly #clock: Clock;
  readonly #outbox = new Outbox();
  #line: Line | undefined;
  #isSending = false;

  constructor(stream: DuplexStream, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
  }

  get principal(): string {
    return this.#stream.principal ?? "";
  }

  send(frame: NodeFrame, session: AttachSession): void {
    this.#outbox.push(frame, session);
    this.#flush();
  }

  noticed(): void {
    this.#flush();
  }

  isListening(): boolean {
    return false;
  }

  /** Serves the stream to its end. Rejects with the Failure that it ended with, unless the client left in order. */
  async serve(line: Line): Promise<void> {
    this.#line = line;
    const { signal } = this.#stream;
    const onAbort = (): void => line.end(LEFT);
    signal.addEventListener("abort", onAbort, { once: true });
    void this.#read(line);
    const reason = await line.ended;
    signal.removeEventListener("abort", onAbort);
    if (reason !== GOODBYE) throw reason;
  }

  async #read(line: Line): Promise<void> {
    try {
      for await (const frame of this.#stream.requests) line.receive(frame as ClientFrame);
      // The client said that it has nothing more to say: it leaves in order.
      line.end(GOODBYE);
    } catch (thrown) {
      line.end(
        thrown instanceof Failure ? thrown : failure("INTERNAL", "ATTACH_BROKEN", asError(thrown).message),
      );
    }
  }

  #flush(): void {
    if (!this.#isSending && this.#line !== undefined) void this.#send(this.#line);
  }

  async #send(line: Line): Promise<void> {
    this.#isSending = true;
    try {
      for (let frame = this.#next(line); frame !== undefined; frame = this.#next(line)) {
        await this.#stream.send(frame);
      }
    } catch {
      // Who cannot be sent to is ended by the stream's signal.
    } finally {
      this.#isSending = false;
    }
  }

  #next({ session, notices }: Line): NodeFrame | undefined {
    const next = this.#outbox.peek(session, this.#clock.monotonicMs());
    if (next === undefined) return notices.take();
    this.#outbox.drop();
    return next.frame;
  }
}

const LEFT = failure("CANCELLED", "ATTACH_LEFT", "the client left");
