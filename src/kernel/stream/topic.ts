/**
 * A topic: a server-streaming method that sends the present first and then its changes. The actor publishes; each reader has
 * a bounded buffer of its own. A slow reader is told how much it was spared and gets the newest state, and never slows
 * the actor or another reader.
 */

import { create, type DescMessage, type DescMethod } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { assert, Failure, failure } from "../errors.ts";
import { MESSAGE_BYTES, type RequestOf, type ResponseInitOf, type ResponseOf } from "../protocol.ts";
import { Ring } from "../ring.ts";
import type { StreamReader, WatchOptions } from "./reader.ts";
import { ReaderRoom, type StreamHost } from "./subscription.ts";
import type { TopicOptions, TopicSettings } from "./topic-settings.ts";
import { type Held, TopicSubscription } from "./topic-subscription.ts";

/** Changes in the buffer of a reader; beyond it is told how many it missed. */
const MESSAGES_MAX = 256;
/** Bytes in it, for larger changes. */
const BYTES_MAX = 1024 * 1024;
/** Changes kept for resuming, within the same bytes: a reader that was away for a moment loses nothing. */
const RETAINED_MAX = 256;
/** Readers of a log from outside: each may hold its whole buffer. One more is refused. */
const READERS_MAX = 256;
/** Readers of a `latest` topic hold one message, which all share; the calls of the control plane end before these. */
const READERS_LATEST_MAX = 2_048;

export class Topic<M extends DescMethod> {
  readonly method: M;
  readonly #settings: TopicSettings<M>;
  readonly #room: ReaderRoom;
  readonly #retainedMax: number;
  readonly #readers = new Set<TopicSubscription<M>>();
  readonly #retained = new Ring<Held<M>>();
  #retainedBytes = 0;
  #sequence = 0;
  #skippedTotal = 0;
  #host: StreamHost | undefined;

  constructor(method: M, options: TopicOptions<M>) {
    assert(memberOf(method.output, "position"), `${method.output.typeName} has no position`);
    assert(memberOf(method.output, "event"), `${method.output.typeName} has no oneof event`);
    this.method = method;
    const isLatest = options.mode === "latest";
    this.#settings = {
      options,
      isLatest,
      isSnapshotAfterSkip: (options.afterSkip ?? "snapshot") === "snapshot",
      messagesMax: options.messagesMax ?? MESSAGES_MAX,
      bytesMax: options.bytesMax ?? BYTES_MAX,
    };
    this.#room = new ReaderRoom(options.readersMax ?? (isLatest ? READERS_LATEST_MAX : READERS_MAX));
    this.#retainedMax = isLatest ? 0 : (options.retainedMax ?? RETAINED_MAX);
  }

  /** Number of readers. */
  get readers(): number {
    return this.#readers.size;
  }

  /** Number of the newest change, from 1; 0 before the first. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Changes that slow readers were spared, since the incarnation started. */
  get skippedTotal(): number {
    return this.#skippedTotal;
  }

  /** Publishes a change; the topic fills its `position`. Costs next to nothing when nobody reads. */
  publish(change: ResponseInitOf<M>): void {
    assert(this.#host !== undefined, "a topic was published to before its actor started");
    this.#sequence += 1;
    if (this.#readers.size === 0 && this.#retainedMax === 0) return;
    const message = this.stamp(change);
    const bytes = this.#settings.options.sizeOf?.(message) ?? MESSAGE_BYTES;
    const held: Held<M> = { message, bytes, sequence: this.#sequence };
    this.#retain(held);
    for (const reader of this.#readers) reader.offer(held);
  }

  /** Kernel only: the incarnation starts. */
  attach(host: StreamHost): void {
    this.#host = host;
  }

  /** Kernel only. */
  subscribe(
    request: RequestOf<M>,
    reader: StreamReader<ResponseOf<M> & object>,
    options: WatchOptions,
  ): TopicSubscription<M> {
    const host = this.#host;
    assert(host !== undefined, "a topic was read before its actor started");
    const subscription = new TopicSubscription<M>(reader, request, host, this.#settings, {
      stamp: (event, sequence) => this.stamp(event, sequence),
      hasEvent: (name) => eventOf(this.method.output, name),
      headSequence: () => this.#sequence,
      skipped: (count) => {
        this.#skippedTotal += count;
      },
      closed: (closed) => {
        if (this.#readers.delete(closed)) this.#room.leave(options.outsider);
      },
      heartbeatMs: options.heartbeatMs,
    });
    const replay = this.#replayFor(request);
    const refusal = replay instanceof Failure ? replay : this.#room.enter(options.outsider);
    if (refusal !== undefined || replay instanceof Failure) {
      subscription.end(refusal);
    } else {
      this.#readers.add(subscription);
      subscription.begin(replay);
    }
    return subscription;
  }

  /** Kernel only: the incarnation ended. */
  endAll(reason: Failure): void {
    for (const reader of [...this.#readers]) reader.end(reason);
  }

  /** A response with its position filled in: after the change of this number, the newest without it. */
  protected stamp(init: object, sequence: number = this.#sequence): ResponseOf<M> & object {
    const host = this.#host;
    const epoch = host?.epoch ?? 0;
    const { $typeName: _, ...members } = init as { $typeName?: string };
    const position = {
      epoch: BigInt(epoch),
      sequence: BigInt(sequence),
      time: timestampFromMs(host?.clock.nowMs() ?? 0),
      resumeToken: resumeToken(epoch, sequence),
    };
    const stamped = { ...members, position };
    return create(this.method.output, stamped as never) as unknown as ResponseOf<M> & object;
  }

  #retain(held: Held<M>): void {
    if (this.#retainedMax === 0) return;
    this.#retained.push(held);
    this.#retainedBytes += held.bytes;
    while (this.#retained.length > this.#retainedMax || this.#retainedBytes > this.#settings.bytesMax) {
      const oldest = this.#retained.shift();
      if (oldest === undefined) return;
      this.#retainedBytes -= oldest.bytes;
    }
  }

  /** The changes after the request's resume token; undefined when the reader must begin with a snapshot. */
  #replayFor(request: RequestOf<M>): Held<M>[] | undefined | Failure {
    const token: unknown = (request as { resumeToken?: unknown }).resumeToken;
    if (typeof token !== "string" || token === "") return undefined;
    const position = parseResumeToken(token);
    if (position === undefined) return BAD_RESUME_TOKEN;
    const isOurs = position.epoch === this.#host?.epoch;
    const missed = this.#sequence - position.sequence;
    // It names a change that has not been.
    if (isOurs && missed < 0) return BAD_RESUME_TOKEN;
    if (isOurs && missed <= this.#retained.length) {
      return this.#retained.toArray().slice(this.#retained.length - missed);
    }
    return this.#settings.isLatest ? undefined : this.#tokenExpired();
  }

  /** Between the token and what is kept there were changes that nobody can tell any more. */
  #tokenExpired(): Failure {
    const epoch = this.#host?.epoch ?? 0;
    const metadata = {
      oldest_token: resumeToken(epoch, this.#sequence - this.#retained.length),
      newest_token: resumeToken(epoch, this.#sequence),
    };
    return failure(
      "OUT_OF_RANGE",
      "RESUME_TOKEN_EXPIRED",
      "changes after the resume token are no longer kept; begin anew without one, or with the oldest that is left",
      { field: "resume_token", metadata },
    );
  }
}

const BAD_RESUME_TOKEN = failure("INVALID_ARGUMENT", "BAD_RESUME_TOKEN", "not a resume token of this topic", {
  field: "resume_token",
});

function resumeToken(epoch: number, sequence: number): string {
  return `${epoch.toString(36)}.${sequence.toString(36)}`;
}

/** Tokens come from outside: anything but two numbers in base 36 is none. */
function parseResumeToken(token: string): { epoch: number; sequence: number } | undefined {
  const match = /^([0-9a-z]{1,10})\.([0-9a-z]{1,10})$/.exec(token);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { epoch: Number.parseInt(match[1], 36), sequence: Number.parseInt(match[2], 36) };
}

function memberOf(message: DescMessage, localName: string): boolean {
  return message.members.some((member) => member.localName === localName);
}

function eventOf(message: DescMessage, localName: string): boolean {
  return message.field[localName]?.oneof?.localName === "event";
}
