/**
 * A ChainActor in this process: speaks over an abstract duplex stream, keeps its blocks in a map, and does what a test
 * wants with the calls. No byte is encoded: frames are values.
 */

import { create } from "@bufbuild/protobuf";
import {
  ChainServiceAttachRequestSchema,
  ImportVerdict,
} from "../../../../gen/alys/integration/v1/integration_pb.ts";
import type { ClientFrame, DuplexStream, NodeFrame } from "../../../../src/integrations/attach/frame.ts";
import type { AttachHub } from "../../../../src/integrations/attach/hub.ts";
import { failure } from "../../../../src/kernel/errors.ts";
import { hashOfBlock } from "../chain/segments.ts";

type Said = Parameters<typeof create<typeof ChainServiceAttachRequestSchema>>[1];

export class FakeClient {
  /** What the node said. */
  readonly frames: NodeFrame[] = [];
  /** Applied, by height from 1; survives the client's streams. */
  blocks: Uint8Array[] = [];
  /** How often a block was appended, by height: more than once only after a reorganization. */
  readonly verdicts: ImportVerdict[] = [];
  judge: (height: number) => ImportVerdict = () => ImportVerdict.IMPORTED;
  answers = true;
  ended: Promise<string> = Promise.resolve("");
  #controller = new AbortController();
  #queue: ClientFrame[] = [];
  #wake: () => void = () => {};
  #isClosed = false;
  #genesis = Buffer.alloc(32);

  /** Opens a stream and says hello, unless told to be silent. */
  attach(hub: AttachHub, hello: object | undefined = {}): void {
    this.#controller = new AbortController();
    this.#queue = [];
    this.#isClosed = false;
    const { signal } = this.#controller;
    const stream: DuplexStream = {
      requests: this.#requests(signal),
      signal,
      send: (frame) => {
        this.#hear(frame as NodeFrame);
        return Promise.resolve();
      },
    };
    this.ended = hub.handler(stream).then(
      () => "OK",
      (reason: { reason: string }) => reason.reason,
    );
    if (hello === undefined) return;
    const last = this.blocks.at(-1);
    const value = {
      protocolVersion: 1,
      instanceId: "fake",
      creditCalls: 4,
      creditBytes: 8n * 1024n * 1024n,
      ...(last && { lastApplied: { height: BigInt(this.blocks.length), hash: hashOfBlock(last) } }),
      ...hello,
    };
    this.say({ message: { case: "hello", value } });
  }

  say(frame: Said): void {
    this.#queue.push(create(ChainServiceAttachRequestSchema, frame) as ClientFrame);
    this.#wake();
  }

  /** Killed: the stream breaks. */
  vanish(): void {
    this.#controller.abort(failure("CANCELLED", "CALLER_GONE", "the caller left"));
    this.#wake();
  }

  /** Half-closes. */
  leave(): void {
    this.#isClosed = true;
    this.#wake();
  }

  get lastFrame(): NodeFrame | undefined {
    return this.frames.at(-1);
  }

  #hear(frame: NodeFrame): void {
    this.frames.push(frame);
    if (frame.message.case === "welcome") {
      this.#genesis = Buffer.from((frame.message.value as { genesisHash: Uint8Array }).genesisHash);
    }
    if (frame.message.case === "heartbeat") this.say({ message: { case: "heartbeat", value: {} } });
    if (frame.message.case !== "importBlocks" || !this.answers) return;
    const { blocks } = frame.message.value as { blocks: Uint8Array[] };
    const verdicts = blocks.map((block) => this.#import(block));
    this.verdicts.push(...verdicts);
    const value = { verdicts, reason: "as the test wants" };
    this.say({ callId: frame.callId, message: { case: "importBlocks", value } });
  }

  #import(block: Uint8Array): ImportVerdict {
    const hash = Buffer.from(hashOfBlock(block));
    if (this.blocks.some((known) => hash.equals(hashOfBlock(known)))) return ImportVerdict.ALREADY_KNOWN;
    const parent = block.subarray(0, 32);
    let height = this.blocks.length;
    if (height > 0 && this.#genesis.equals(parent)) height = 0;
    while (height > 0 && !Buffer.from(hashOfBlock(this.blocks[height - 1]!)).equals(parent)) height--;
    if (height === 0 && !this.#genesis.equals(parent)) return ImportVerdict.NOT_NOW;
    const verdict = this.judge(height + 1);
    if (verdict === ImportVerdict.IMPORTED) this.blocks = [...this.blocks.slice(0, height), block.slice()];
    return verdict;
  }

  async *#requests(signal: AbortSignal): AsyncGenerator<object> {
    for (;;) {
      for (let frame = this.#queue.shift(); frame !== undefined; frame = this.#queue.shift()) yield frame;
      if (signal.aborted) throw signal.reason;
      if (this.#isClosed) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
