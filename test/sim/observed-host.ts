/**
 * The in-memory host that also tells which verdict was given on which gossip message, so that a checker can hold it against
 * what the message was, and that lets the world answer some requests in the node's place. Otherwise the twin as it is.
 */

import { createHash } from "node:crypto";
import { MemoryHost, type MemoryHostParts } from "../../src/p2p/memory/host.ts";
import type { HostEvent, MessageHandle, RequestHandle, Verdict } from "../../src/p2p/port.ts";

type Answer = Parameters<MemoryHost["respond"]>[1];
export type RequestEvent = Extract<HostEvent, { type: "request" }>;

export interface HostWatch {
  verdict(digest: string, verdict: Verdict): void;
  /** What is answered in the node's place; undefined: what the node says. */
  answer(event: RequestEvent): Answer | undefined;
}

export class ObservedHost extends MemoryHost {
  readonly #digests = new Map<MessageHandle, string>();
  readonly #substitutes = new Map<RequestHandle, Answer>();
  readonly #watch: HostWatch;

  constructor(parts: MemoryHostParts, watch: HostWatch) {
    super(parts);
    this.#watch = watch;
    this.subscribe((event) => {
      if (event.type === "gossip") this.#digests.set(event.handle, messageDigest(event.data));
      if (event.type === "requestEnded") this.#substitutes.delete(event.handle);
      if (event.type !== "request") return;
      const answer = watch.answer(event);
      if (answer !== undefined) this.#substitutes.set(event.handle, answer);
    });
  }

  override verdict(handle: MessageHandle, verdict: Verdict): void {
    const digest = this.#digests.get(handle);
    this.#digests.delete(handle);
    if (digest !== undefined) this.#watch.verdict(digest, verdict);
    super.verdict(handle, verdict);
  }

  override respond(handle: RequestHandle, answer: Answer): void {
    super.respond(handle, this.#substitutes.get(handle) ?? answer);
  }
}

export function messageDigest(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
