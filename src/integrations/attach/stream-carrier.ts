/**
 * The two ends of an Attach stream: reads the client's frames into a line, and sends the line's. Calls are bounded by the
 * window, so they are sent as they come; notices one at a time, as the client takes them.
 */

import { asError, Failure, failure } from "../../kernel/errors.ts";
import type { ClientFrame, DuplexStream, NodeFrame } from "./frame.ts";
import { type Carrier, GOODBYE, type Line } from "./line.ts";

export class StreamCarrier implements Carrier {
  readonly isPulled = false;
  readonly #stream: DuplexStream;
  #line: Line | undefined;
  #isTelling = false;

  constructor(stream: DuplexStream) {
    this.#stream = stream;
  }

  get principal(): string {
    return this.#stream.principal ?? "";
  }

  send(frame: NodeFrame): void {
    // Who cannot send is ended by the stream's signal.
    this.#stream.send(frame).catch(() => {});
  }

  noticed(): void {
    if (this.#isTelling || this.#line === undefined) return;
    this.#isTelling = true;
    void this.#tell(this.#line).finally(() => {
      this.#isTelling = false;
    });
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

  async #tell(line: Line): Promise<void> {
    for (let frame = line.notices.take(); frame !== undefined; frame = line.notices.take()) {
      if (line.failure !== undefined) return;
      try {
        await this.#stream.send(frame);
      } catch {
        return;
      }
    }
  }
}

const LEFT = failure("CANCELLED", "ATTACH_LEFT", "the client left");
