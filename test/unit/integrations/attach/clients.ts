/**
 * The two ways to attach, behind one face: a stream, and unary pulls. What a test does to one it does to both. No byte is
 * encoded: frames are values.
 */

import { create, type DescMessage } from "@bufbuild/protobuf";
import { AttachHelloSchema } from "../../../../gen/alys/integration/v1/integration_pb.ts";
import type { ClientFrame, DuplexStream, NodeFrame } from "../../../../src/integrations/attach/frame.ts";
import type { AttachHub } from "../../../../src/integrations/attach/hub.ts";
import type { Receipt } from "../../../../src/integrations/attach/pull-transport.ts";
import { Failure, failure } from "../../../../src/kernel/errors.ts";
import { settleMicrotasks } from "../../../../src/kernel/ports/scheduler.ts";

type Init = { readonly callId?: bigint; readonly message: { readonly case: string; readonly value: object } };

export interface TestClient {
  /** What the node said, oldest first; welcome and heartbeats aside. */
  readonly frames: NodeFrame[];
  /** "CODE/REASON" once the attachment ended. */
  readonly end: string | undefined;
  readonly epoch: bigint;
  attach(hello?: object): Promise<void>;
  say(frame: Init): Promise<void>;
  /** Hears what there is. */
  listen(): Promise<void>;
  /** Killed, without a word. */
  vanish(): Promise<void>;
}

function helloOf(hello: object) {
  const given = { protocolVersion: 1, instanceId: "one", creditCalls: 4, creditBytes: 1_000_000n, ...hello };
  return create(AttachHelloSchema, given);
}

const told = (reason: unknown): string =>
  reason instanceof Failure ? `${reason.code}/${reason.reason}` : String(reason);

export class StreamClient implements TestClient {
  readonly frames: NodeFrame[] = [];
  end: string | undefined;
  epoch = 0n;
  /** While set, what the node sends is not taken: it waits. */
  isSlow = false;
  readonly #hub: AttachHub;
  readonly #schema: DescMessage;
  readonly #queue: object[] = [];
  readonly #held: (() => void)[] = [];
  #controller = new AbortController();
  #wake: () => void = () => {};

  constructor(hub: AttachHub, schema: DescMessage) {
    this.#hub = hub;
    this.#schema = schema;
  }

  /** Opens the stream without a word. */
  async open(): Promise<void> {
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    const stream: DuplexStream = {
      principal: "tester",
      requests: this.#requests(signal),
      signal,
      send: (frame) => this.#hear(frame as NodeFrame),
    };
    this.#hub.handler(stream).then(
      () => {
        this.end = "OK";
      },
      (reason: unknown) => {
        this.end = told(reason);
      },
    );
    await settleMicrotasks();
  }

  async attach(hello: object = {}): Promise<void> {
    await this.open();
    await this.say({ message: { case: "hello", value: helloOf(hello) } });
  }

  async say(frame: Init): Promise<void> {
    this.#queue.push(create(this.#schema, frame as never) as unknown as ClientFrame);
    this.#wake();
    await settleMicrotasks();
  }

  async listen(): Promise<void> {
    this.isSlow = false;
    for (const take of this.#held.splice(0)) take();
    await settleMicrotasks();
  }

  async vanish(): Promise<void> {
    this.#controller.abort(failure("CANCELLED", "CALLER_GONE", "killed"));
    this.#wake();
    await settleMicrotasks();
  }

  async #hear(frame: NodeFrame): Promise<void> {
    if (this.isSlow) await new Promise<void>((resolve) => this.#held.push(resolve));
    if (frame.message.case === "welcome") this.epoch = (frame.message.value as { epoch: bigint }).epoch;
    else if (frame.message.case !== "heartbeat") this.frames.push(frame);
  }

  async *#requests(signal: AbortSignal): AsyncGenerator<object> {
    for (;;) {
      for (let frame = this.#queue.shift(); frame !== undefined; frame = this.#queue.shift()) yield frame;
      if (signal.aborted) throw signal.reason;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export class PullClient implements TestClient {
  readonly frames: NodeFrame[] = [];
  readonly receipts: Receipt[] = [];
  end: string | undefined;
  epoch = 0n;
  principal = "tester";
  #hello = helloOf({});
  readonly #hub: AttachHub;
  readonly #schema: DescMessage;

  constructor(hub: AttachHub, schema: DescMessage) {
    this.#hub = hub;
    this.#schema = schema;
  }

  async attach(hello: object = {}): Promise<void> {
    this.#hello = helloOf(hello);
    this.epoch = 0n;
    await this.pull(0);
  }

  /** One PullWork; resolves when it was answered. */
  async pull(waitMs: number, signal?: AbortSignal): Promise<void> {
    const { epoch } = this;
    try {
      const caller = { principal: this.principal, signal };
      const answer = await this.#hub.pulls.pull({ hello: this.#hello, epoch, waitMs }, caller);
      this.epoch = answer.welcome.epoch ?? 0n;
      this.frames.push(...answer.frames);
    } catch (reason) {
      this.end = told(reason);
    }
    await settleMicrotasks();
  }

  async say(frame: Init): Promise<void> {
    const { epoch } = this;
    const frames = [create(this.#schema, frame as never) as unknown as ClientFrame];
    try {
      const { instanceId } = this.#hello;
      const { principal } = this;
      const request = { instanceId, epoch, frames };
      this.receipts.push(...(await this.#hub.pulls.complete(request, { principal })));
    } catch (reason) {
      this.end = told(reason);
    }
    await settleMicrotasks();
  }

  listen(): Promise<void> {
    return this.pull(0);
  }

  vanish(): Promise<void> {
    // It never comes again.
    return Promise.resolve();
  }
}
