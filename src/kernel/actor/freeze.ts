/**
 * Messages are values: nobody changes one that was sent. Under test the environment carries `MessageSeals`, which
 * freezes each message and remembers the digest of its byte arrays (those cannot be frozen) to compare it later.
 */
import { createHash } from "node:crypto";
import { assert } from "../errors.ts";

interface Seal {
  readonly message: object;
  readonly label: string;
  readonly digest: string;
}

/** Seals kept open; at the bound the oldest is compared and let go. */
const SEALS_MAX = 512;

export class MessageSeals {
  readonly #seals: Seal[] = [];

  /** Freezes a message, deeply; `label` names it in the complaint. */
  seal(message: object, label: string): void {
    const digest = bytesDigest(message);
    deepFreeze(message);
    if (digest === "") return;
    if (this.#seals.length >= SEALS_MAX) {
      const oldest = this.#seals.shift();
      if (oldest !== undefined) compare(oldest);
    }
    this.#seals.push({ message, label, digest });
  }

  /** Throws if the bytes of any sealed message changed. */
  verify(): void {
    for (const seal of this.#seals) compare(seal);
  }
}

function compare(seal: Seal): void {
  assert(bytesDigest(seal.message) === seal.digest, `bytes of ${seal.label} changed after it was sent`);
}

function bytesDigest(message: object): string {
  let hash: ReturnType<typeof createHash> | undefined;
  visit(message, (value) => {
    if (!(value instanceof Uint8Array)) return;
    hash ??= createHash("sha1");
    hash.update(`${value.byteLength}:`).update(value);
  });
  return hash?.digest("hex") ?? "";
}

function deepFreeze(message: object): void {
  visit(message, (value) => {
    if (!ArrayBuffer.isView(value)) Object.freeze(value);
  });
}

function visit(value: unknown, seen: (value: object) => void): void {
  if (typeof value !== "object" || value === null) return;
  seen(value);
  if (ArrayBuffer.isView(value)) return;
  for (const child of Object.values(value)) visit(child, seen);
}
