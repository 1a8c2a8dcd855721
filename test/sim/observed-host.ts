/**
 * The in-memory host that also tells which verdict was given on which gossip message, so that a checker can hold it against
 * what the message was. Otherwise the twin as it is.
 */

import { createHash } from "node:crypto";
import { MemoryHost, type MemoryHostParts } from "../../src/p2p/memory/host.ts";
import type { MessageHandle, Verdict } from "../../src/p2p/port.ts";

export class ObservedHost extends MemoryHost {
  readonly #digests = new Map<number, string>();
  readonly #told: (digest: string, verdict: Verdict) => void;

  constructor(parts: MemoryHostParts, told: (digest: string, verdict: Verdict) => void) {
    super(parts);
    this.#told = told;
    this.subscribe((event) => {
      if (event.type === "gossip") this.#digests.set(event.handle, messageDigest(event.data));
    });
  }

  override verdict(handle: MessageHandle, verdict: Verdict): void {
    const digest = this.#digests.get(handle);
    this.#digests.delete(handle);
    if (digest !== undefined) this.#told(digest, verdict);
    super.verdict(handle, verdict);
  }
}

export function messageDigest(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
