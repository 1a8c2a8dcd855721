/**
 * Outbox: frames on their way to a client that does not take them at once. The session's window bounds what is in it: a
 * call that was answered, failed or timed out meanwhile is not sent any more.
 */

import type { NodeFrame } from "./frame.ts";
import type { AttachSession } from "./session.ts";

export interface Outgoing {
  /** A call with what is left of its time. */
  readonly frame: NodeFrame;
  /** Length of its `bytes` fields. */
  readonly bytes: number;
}

export class Outbox {
  #frames: NodeFrame[] = [];

  push(frame: NodeFrame, session: AttachSession): void {
    const kind = frame.message.case;
    // Of heartbeats the newest says all; of the others, what nobody waits for is forgotten.
    this.#frames = this.#frames.filter(({ callId, message }) =>
      callId > 0n ? session.inFlight(callId) !== undefined : message.case !== kind,
    );
    this.#frames.push(frame);
  }

  /** Whether this call is still in here. */
  holds(callId: bigint): boolean {
    return this.#frames.some((frame) => frame.callId === callId);
  }

  /** The next frame that is worth sending, left where it is. */
  peek(session: AttachSession, nowMs: number): Outgoing | undefined {
    for (let frame = this.#frames[0]; frame !== undefined; frame = this.#frames[0]) {
      if (frame.callId === 0n) return { frame, bytes: 0 };
      const call = session.inFlight(frame.callId);
      if (call !== undefined) {
        const deadlineMs = Math.max(1, Math.ceil(call.deadlineMs - nowMs));
        return { frame: { ...frame, deadlineMs }, bytes: call.bytes };
      }
      this.#frames.shift();
    }
    return undefined;
  }

  /** It was sent. */
  drop(): void {
    this.#frames.shift();
  }
}
