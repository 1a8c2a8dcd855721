/**
 * The events of a host: delivered synchronously to every listener, each stamped with the epoch of the opening it belongs to.
 */

import { asError } from "../kernel/errors.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { HostEvent } from "./port.ts";

/** An event before it is stamped. */
export type NewEvent = HostEvent extends infer Event
  ? Event extends HostEvent
    ? Omit<Event, "epoch">
    : never
  : never;

export class EventHub {
  readonly #log: Log;
  readonly #listeners = new Set<(event: HostEvent) => void>();
  #epoch = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  get epoch(): number {
    return this.#epoch;
  }

  beginEpoch(): void {
    this.#epoch += 1;
  }

  /** Returns how to stop listening. */
  add(listener: (event: HostEvent) => void): () => void {
    const own = (event: HostEvent): void => listener(event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  emit(event: NewEvent): void {
    const stamped: HostEvent = { ...event, epoch: this.#epoch };
    for (const listener of [...this.#listeners]) {
      try {
        listener(stamped);
      } catch (thrown) {
        // A listener only posts to a mailbox; if that throws, the others must still hear the event.
        this.#log.error("a host listener threw", { event: event.type, error: asError(thrown) });
      }
    }
  }
}
