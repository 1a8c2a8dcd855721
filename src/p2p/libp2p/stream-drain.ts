/**
 * Streams that are done here but not yet closed by the other side. Each gets a little time and is then reset, so that a
 * remote that never closes its half keeps nothing of ours. Freed at once when the host closes.
 */

import type { Stream } from "@libp2p/interface";
import type { Clock } from "../../kernel/ports/clock.ts";
import { hostFailure } from "../failures.ts";

/** A round trip and a little; the remote has nothing left to do but to close. */
const LINGER_MS = 5000;

/**
 * Nothing more will come. A stream that ended while its protocol was negotiated fires no event for who attaches later, and what
 * had been read too far was put back into its buffer.
 */
export function hasEnded(stream: Stream): boolean {
  return stream.readableEnded && stream.readBufferLength === 0;
}

export class StreamDrain {
  readonly #clock: Clock;
  readonly #cancels = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Closes our half once what was sent has left, and resets the stream if the other half stays open. */
  finish(stream: Stream): void {
    // A stream that breaks while it closes is closed: there is nothing more to do about it.
    stream.close().catch(() => stream.abort(hostFailure("STREAM_RESET", "could not be closed")));
    if (stream.timeline.close !== undefined) return;
    const timer = this.#clock.setTimer(LINGER_MS, () => {
      stream.abort(hostFailure("STREAM_RESET", "the remote never closed its half"));
    });
    const cancel = (): void => {
      timer.cancel();
      stream.removeEventListener("close", cancel);
      this.#cancels.delete(cancel);
    };
    stream.addEventListener("close", cancel);
    this.#cancels.add(cancel);
  }

  close(): void {
    for (const cancel of [...this.#cancels]) cancel();
  }
}
