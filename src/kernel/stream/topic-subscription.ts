/**
 * One reader of a topic: its buffer, what it was spared, and whether it must begin (again) with a snapshot.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { Failure } from "../errors.ts";
import type { TimerHandle } from "../ports/clock.ts";
import type { RequestOf, ResponseOf } from "../protocol.ts";
import { Ring } from "../ring.ts";
import type { StreamReader } from "./reader.ts";
import { DELIVERIES_MAX, type StreamHost, StreamSubscription } from "./subscription.ts";
import type { TopicSettings } from "./topic-settings.ts";

/** A change as it waits: shared by all readers, because messages are values. */
export interface Held<M> {
  readonly message: ResponseOf<M> & object;
  readonly bytes: number;
  readonly sequence: number;
}

/** What a reader needs of its topic. */
export interface TopicLink<M extends DescMethod> {
  stamp(event: object, sequence?: number): ResponseOf<M> & object;
  /** Whether responses have this case, for example "heartbeat". */
  hasEvent(localName: string): boolean;
  headSequence(): number;
  skipped(count: number): void;
  closed(subscription: TopicSubscription<M>): void;
  readonly heartbeatMs: number | undefined;
}

export class TopicSubscription<M extends DescMethod> extends StreamSubscription<ResponseOf<M> & object> {
  readonly #request: RequestOf<M>;
  readonly #host: StreamHost;
  readonly #settings: TopicSettings<M>;
  readonly #link: TopicLink<M>;
  readonly #buffer = new Ring<Held<M>>();
  #bytes = 0;
  #skipped = 0;
  /** Number of the newest change that the reader knows, or knows to be spared. */
  #knownSequence = 0;
  #needsSnapshot = false;
  #needsHeartbeat = false;
  #deliveredAtMs = 0;
  #heartbeat: TimerHandle | undefined;

  constructor(
    reader: StreamReader<ResponseOf<M> & object>,
    request: RequestOf<M>,
    host: StreamHost,
    settings: TopicSettings<M>,
    link: TopicLink<M>,
  ) {
    super(reader, host.scheduler, host.log);
    this.#request = request;
    this.#host = host;
    this.#settings = settings;
    this.#link = link;
    this.#deliveredAtMs = host.clock.monotonicMs();
  }

  override get pending(): { messages: number; bytes: number } {
    return { messages: this.#buffer.length, bytes: this.#bytes };
  }

  /** Begins with the changes to replay, or with a snapshot. */
  begin(replay: readonly Held<M>[] | undefined): void {
    this.#knownSequence = (replay?.[0]?.sequence ?? this.#link.headSequence() + 1) - 1;
    if (replay === undefined) this.#needsSnapshot = true;
    else for (const held of replay) this.offer(held);
    this.#armHeartbeat();
    this.wake();
  }

  /** Takes a change in, at the actor's pace. Never waits, never calls the reader. */
  offer(held: Held<M>): void {
    const { options, isLatest, isSnapshotAfterSkip } = this.#settings;
    if (options.filter !== undefined && !options.filter(held.message, this.#request)) return;
    if (this.#needsSnapshot) {
      // The snapshot to come contains this change. It counts as spared only if the reader fell behind.
      if (this.#skipped > 0) this.#skip(1);
      return;
    }
    if (isLatest) this.#skip(this.#clear());
    else if (!this.#hasRoom(held.bytes)) {
      if (isSnapshotAfterSkip) {
        this.#skip(this.#clear() + 1);
        this.#needsSnapshot = true;
        return;
      }
      this.#dropUntilRoom(held.bytes);
    }
    this.#buffer.push(held);
    this.#bytes += held.bytes;
    this.wake();
  }

  protected override deliverSome(): boolean {
    for (let count = 0; count < DELIVERIES_MAX; count++) {
      if (!this.isOpen || this.isPaused) return false;
      const message = this.#next();
      if (message === undefined) return false;
      this.#deliveredAtMs = this.#host.clock.monotonicMs();
      this.deliver(message);
    }
    return true;
  }

  protected override release(): void {
    this.#link.closed(this);
    this.#heartbeat?.cancel();
    this.#clear();
  }

  #next(): (ResponseOf<M> & object) | undefined {
    if (this.#skipped > 0) {
      const count = BigInt(this.#skipped);
      this.#skipped = 0;
      // What follows is not told yet: a reader that leaves now must not resume behind it.
      const next = this.#buffer.at(0)?.sequence;
      if (next !== undefined) this.#knownSequence = next - 1;
      if (this.#link.hasEvent("skipped")) {
        return this.#link.stamp({ event: { case: "skipped", value: { count } } }, this.#knownSequence);
      }
    }
    if (this.#needsSnapshot) return this.#snapshot();
    const held = this.#buffer.shift();
    if (held !== undefined) {
      this.#bytes -= held.bytes;
      this.#knownSequence = held.sequence;
      return held.message;
    }
    if (!this.#needsHeartbeat) return undefined;
    this.#needsHeartbeat = false;
    const headSequence = BigInt(this.#link.headSequence());
    return this.#link.stamp({ event: { case: "heartbeat", value: { headSequence } } });
  }

  /** Runs the actor's code outside its turn: nothing else of it runs now, and a throw crashes it. */
  #snapshot(): (ResponseOf<M> & object) | undefined {
    this.#needsSnapshot = false;
    this.#knownSequence = this.#link.headSequence();
    const present = this.#host.guard(() => {
      const answer = this.#settings.options.snapshot(this.#request);
      return answer instanceof Failure ? answer : this.#link.stamp(answer as object);
    });
    if (present instanceof Failure) {
      this.end(present);
      return undefined;
    }
    return present;
  }

  #hasRoom(bytes: number): boolean {
    return this.#buffer.length < this.#settings.messagesMax && this.#bytes + bytes <= this.#settings.bytesMax;
  }

  #dropUntilRoom(bytes: number): void {
    while (!this.#hasRoom(bytes)) {
      const oldest = this.#buffer.shift();
      if (oldest === undefined) return;
      this.#bytes -= oldest.bytes;
      this.#skip(1);
    }
  }

  #skip(count: number): void {
    if (count === 0) return;
    this.#skipped += count;
    this.#link.skipped(count);
  }

  #clear(): number {
    const count = this.#buffer.length;
    if (count > 0) this.#buffer.clear();
    this.#bytes = 0;
    return count;
  }

  /** Waits until the reader was told nothing for a whole period. */
  #armHeartbeat(): void {
    const periodMs = this.#link.heartbeatMs;
    if (periodMs === undefined || !this.#link.hasEvent("heartbeat")) return;
    const { clock } = this.#host;
    const sinceMs = clock.monotonicMs() - this.#deliveredAtMs;
    const delayMs = sinceMs >= periodMs ? periodMs : periodMs - sinceMs;
    this.#heartbeat = clock.setTimer(delayMs, () => {
      if (clock.monotonicMs() - this.#deliveredAtMs >= periodMs) {
        this.#needsHeartbeat = true;
        this.wake();
      }
      this.#armHeartbeat();
    });
  }
}
