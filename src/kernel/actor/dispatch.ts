/**
 * Which method is run by what: the table from a service's methods to the handlers and streams of the incarnation that
 * runs. Everything that types promise is asserted again when it is made: policies, handlers, kinds of streams.
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { Call } from "../call.ts";
import { currentCause } from "../cause.ts";
import type { CorrelationIds } from "../correlation.ts";
import { AssertionError, assert, type Failure } from "../errors.ts";
import { policyOf } from "../policy.ts";
import { isLater, type Later } from "../protocol.ts";
import type { StreamReader, Subscription, WatchOptions } from "../stream/reader.ts";
import type { StreamHost } from "../stream/subscription.ts";
import { Topic } from "../stream/topic.ts";
import { Transfer } from "../stream/transfer.ts";
import type { Actor, ActorDefinition } from "./actor.ts";
import type { MethodEntry } from "./envelope.ts";
import type { ActorEnvironment } from "./environment.ts";
import { LANES } from "./mailbox.ts";

export type OpenStream = Subscription;
type AnyStream = Topic<DescMethod> | Transfer<DescMethod> | Later;
type AnyHandlers = Readonly<Record<string, unknown>>;

export class Dispatch<P extends DescService, I extends DescService> {
  readonly #definition: ActorDefinition<P, I>;
  readonly #entries = new Map<DescMethod, MethodEntry>();
  readonly #streams = new Map<DescMethod, AnyStream | undefined>();

  constructor(definition: ActorDefinition<P, I>, ids: CorrelationIds) {
    this.#definition = definition;
    for (const method of [...definition.service.methods, ...definition.internal.methods]) {
      const policy = policyOf(method);
      if (method.methodKind === "server_streaming") this.#streams.set(method, undefined);
      if (method.methodKind !== "unary" || policy.lane === undefined) continue;
      this.#entries.set(method, {
        method,
        policy,
        name: nameOf(method),
        lane: LANES.indexOf(policy.lane),
        ids,
        outputMembers: new Set(method.output.members.map((member) => member.localName)),
        run: undefined,
      });
    }
  }

  entryOf(method: DescMethod): MethodEntry {
    const entry = this.#entries.get(method);
    if (entry !== undefined) return entry;
    // Not assert(): it would make its text for every message that is sent.
    throw new AssertionError(`${nameOf(method)} is no unary method of ${this.#definition.name}`);
  }

  /** Takes over the handlers and streams of an incarnation that starts. */
  attach(actor: Actor<P, I>, host: StreamHost): void {
    for (const entry of this.#entries.values()) {
      const handlers = (this.#isInternal(entry.method) ? actor.internal : actor.handlers) as AnyHandlers;
      const handler = handlers[entry.method.localName];
      assert(typeof handler === "function", `${entry.name} has no handler`);
      entry.run = handler.bind(handlers) as NonNullable<MethodEntry["run"]>;
    }
    for (const method of this.#streams.keys()) {
      const streams = (this.#isInternal(method) ? actor.internalStreams : actor.streams) as AnyHandlers;
      const stream = streams[method.localName];
      const isTransfer = policyOf(method).stream === "transfer";
      const isRight = isTransfer ? stream instanceof Transfer : stream instanceof Topic;
      assert(isRight || isLater(stream), `${nameOf(method)} has no ${isTransfer ? "transfer" : "topic"}`);
      const known = stream as AnyStream;
      if (!isLater(known)) known.attach(host);
      this.#streams.set(method, known);
    }
  }

  /** The incarnation ended: nothing runs, every reader is told. */
  detach(reason: Failure): void {
    for (const entry of this.#entries.values()) entry.run = undefined;
    for (const [method, stream] of this.#streams) {
      this.#streams.set(method, undefined);
      if (stream !== undefined && !isLater(stream)) stream.endAll(reason);
    }
  }

  #isInternal(method: DescMethod): boolean {
    return method.parent.typeName === this.#definition.internal.typeName;
  }

  /** Opens a stream of the incarnation that runs; a Failure says why not. */
  openStream(
    method: DescMethod,
    request: object,
    reader: StreamReader<object>,
    options: WatchOptions,
    environment: ActorEnvironment,
  ): OpenStream | Failure {
    const stream = this.#streams.get(method);
    assert(stream !== undefined, `${nameOf(method)} is no stream of ${this.#definition.name}`);
    const controller = new AbortController();
    const cause = options.cause ?? currentCause();
    const call: Call = {
      correlationId: options.correlationId ?? cause?.correlationId ?? environment.correlationIds.next(),
      traceparent: options.traceparent ?? cause?.traceparent,
      deadlineMs: Number.POSITIVE_INFINITY,
      signal: controller.signal,
    };
    if (isLater(stream)) return stream(request, call);
    const link = new SignalLink(reader, controller, options.signal);
    return link.to(
      stream instanceof Topic
        ? stream.subscribe(request as never, link, options)
        : stream.subscribe(request as never, call, link, options.outsider),
    );
  }
}

/** Closes a subscription with its reader's signal; whatever ends it aborts the call's own signal. */
class SignalLink implements StreamReader<object> {
  readonly #reader: StreamReader<object>;
  readonly #controller: AbortController;
  readonly #signal: AbortSignal | undefined;
  #close: () => void = () => {};

  constructor(reader: StreamReader<object>, controller: AbortController, signal: AbortSignal | undefined) {
    this.#reader = reader;
    this.#controller = controller;
    this.#signal = signal;
  }

  onMessage(message: object): void {
    this.#reader.onMessage(message);
  }

  onEnd(reason: Failure | undefined): void {
    this.#unlink();
    this.#reader.onEnd(reason);
  }

  to(inner: Subscription): Subscription {
    this.#close = () => {
      this.#unlink();
      inner.close();
    };
    if (this.#signal?.aborted === true) this.#close();
    else this.#signal?.addEventListener("abort", this.#close, { once: true });
    return {
      close: this.#close,
      pause: () => inner.pause(),
      resume: () => inner.resume(),
      get pending() {
        return inner.pending;
      },
    };
  }

  /** The signal may outlive many streams: it must not keep each of them. */
  #unlink(): void {
    this.#signal?.removeEventListener("abort", this.#close);
    this.#controller.abort();
  }
}

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}.${method.name}`;
}
