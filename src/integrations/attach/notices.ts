/**
 * NoticeQueue: what an attached process is told without being asked, until it has room for it. Bounded: at the bound the
 * oldest goes and the next thing told is how many went. Nothing in here outlives an attachment.
 */

import type { NodeFrame } from "./frame.ts";

/** Notices that wait for a slow client; one more takes the oldest one's place, and is counted as skipped. */
export const NOTICES_MAX = 256;

export class NoticeQueue {
  #frames: NodeFrame[] = [];
  #skippedSince = 0;
  #skipped = 0;

  /** Notices that were left out, since the attachment began. */
  get skipped(): number {
    return this.#skipped;
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** `kind` is the case of the response's oneof, `value` its initializer. */
  push(kind: string, value: object): void {
    if (this.#frames.length >= NOTICES_MAX) {
      this.#frames.shift();
      this.#skippedSince++;
      this.#skipped++;
    }
    this.#frames.push(frameOf(kind, value));
  }

  /** The next one to tell; what was left out before it comes first. */
  take(): NodeFrame | undefined {
    if (this.#skippedSince > 0) {
      const count = BigInt(this.#skippedSince);
      this.#skippedSince = 0;
      return frameOf("skipped", { count });
    }
    return this.#frames.shift();
  }
}

function frameOf(kind: string, value: object): NodeFrame {
  return { callId: 0n, deadlineMs: 0, message: { case: kind, value } };
}
