/**
 * The privileged channel's envelopes: sealing ours (sequence, expiry, ed25519 signature) and opening those of members.
 * Pure but for the signing function handed in; the NetworkActor owns one endpoint for the life of an incarnation.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type FederationMessage,
  FederationMessageSchema,
  SignedFederationMessageSchema,
} from "../../../gen/alys/wire/v1/wire_pb.ts";
import { sha256 } from "../../chain/hash.ts";
import { toHex } from "../../chain/hex.ts";

/** Signing and checking by the keys of peer ids; the host has them. */
export interface PeerKeys {
  sign(bytes: Uint8Array): Uint8Array;
  verifyPeerSignature(peerId: string, bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** Why an envelope was not believed. */
export type EnvelopeFault =
  | "malformed"
  | "bad signature"
  | "expired"
  | "from the future"
  | "replayed"
  | "empty";

/** Only these prove bad faith; clocks and restarts explain the others. */
export const isProof = (fault: EnvelopeFault): boolean =>
  fault === "malformed" || fault === "bad signature" || fault === "empty";

/**
 * An envelope lives no longer than this. After a restart of ours the windows begin anew: so long a sender could repeat
 * what it said before. Also how far the sequence of a sender may begin ahead of our clock: a clock once set years ahead
 * must not shut its owner out for years.
 */
export const LIFETIME_MS_MAX = 60_000;

export type Opened =
  | { readonly ok: true; readonly message: FederationMessage; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly fault: EnvelopeFault };

/**
 * Between two messages of one sequence, by the sender's clock: after a longer pause none is on its way any more that would be
 * taken for replayed. A leap by less ends before it could matter.
 */
const GAP_MS_MAX = 10_000;

/** Messages of one sender that may overtake each other; an older one counts as replayed. */
const WINDOW = 64;

/** Senders remembered. Members are at most 15, with sentries and restarts this is ample; the oldest is forgotten. */
const SENDERS_MAX = 256;

interface Seen {
  readonly startMs: bigint;
  highest: bigint;
  /** Bit i: counter highest − i was seen. */
  window: bigint;
}

export class FederationEndpoint {
  readonly #keys: PeerKeys;
  readonly #context: Uint8Array;
  #startMs: bigint;
  readonly #seen = new Map<string, Seen>();
  readonly #driftMs: number;
  #counter = 0n;
  /** When the newest message was sealed, by the wall clock. */
  #sealedMs: number;

  /**
   * `startMs` begins this process's sequence and must lie above that of its last life: the time of its start does.
   * `driftMs` is by how much the clocks of two members may differ.
   */
  constructor(keys: PeerKeys, genesisHash: Uint8Array, startMs: number, driftMs: number) {
    this.#keys = keys;
    this.#context = new TextEncoder().encode(`/alys/${toHex(genesisHash)}/federation/1`);
    this.#startMs = BigInt(Math.floor(startMs));
    this.#driftMs = driftMs;
    this.#sealedMs = Math.floor(startMs);
  }

  /** Seals a payload (an encoded FederationMessage whose envelope fields are ours to fill); undefined: it says nothing. */
  seal(payload: Uint8Array, nowMs: number, lifetimeMs: number): Uint8Array | undefined {
    const content = contentOf(payload);
    if (content === undefined) return undefined;
    this.#rebase(Math.floor(nowMs));
    this.#counter += 1n;
    const message = toBinary(
      FederationMessageSchema,
      create(FederationMessageSchema, {
        startMs: this.#startMs,
        counter: this.#counter,
        expiryMs: BigInt(Math.floor(nowMs) + lifetimeMs),
        payload: content,
      }),
    );
    const signature = this.#keys.sign(this.#signed(message));
    return toBinary(
      SignedFederationMessageSchema,
      create(SignedFederationMessageSchema, { message, signature }),
    );
  }

  /** Opens an envelope that this peer sent us on its own connection. */
  open(peerId: string, envelope: Uint8Array, nowMs: number): Opened {
    try {
      const { message: bytes, signature } = fromBinary(SignedFederationMessageSchema, envelope);
      if (!this.#keys.verifyPeerSignature(peerId, this.#signed(bytes), signature)) {
        return { ok: false, fault: "bad signature" };
      }
      const message = fromBinary(FederationMessageSchema, bytes);
      if (message.payload.case === undefined) return { ok: false, fault: "empty" };
      const now = Math.floor(nowMs);
      if (message.expiryMs < BigInt(now - this.#driftMs)) return { ok: false, fault: "expired" };
      const latest = BigInt(now + LIFETIME_MS_MAX + this.#driftMs);
      if (message.expiryMs > latest || message.startMs > latest) {
        return { ok: false, fault: "from the future" };
      }
      this.#forgetFuture(peerId, latest);
      if (!this.#accepts(peerId, message.startMs, message.counter)) return { ok: false, fault: "replayed" };
      return { ok: true, message, bytes };
    } catch {
      // Whatever the decoder says of bytes from outside, the answer is the same.
      return { ok: false, fault: "malformed" };
    }
  }

  /**
   * After a leap of our clock, or a silence, a sequence begins anew at the time that it is now: one begun by a clock far
   * ahead is refused as from the future, one begun by a clock far behind as replayed, each for as long as it lasts.
   */
  #rebase(nowMs: number): void {
    const isGoingOn = Math.abs(nowMs - this.#sealedMs) <= GAP_MS_MAX;
    this.#sealedMs = nowMs;
    if (isGoingOn) return;
    this.#startMs = BigInt(nowMs);
    this.#counter = 0n;
  }

  /**
   * A sequence that begins in our future was accepted when our own clock was far ahead. What was said in it can only come
   * again from the sender itself, and is refused as from the future until then.
   */
  #forgetFuture(peerId: string, latest: bigint): void {
    const seen = this.#seen.get(peerId);
    if (seen !== undefined && seen.startMs > latest) this.#seen.delete(peerId);
  }

  #signed(message: Uint8Array): Uint8Array {
    const digest = sha256(message);
    const bytes = new Uint8Array(this.#context.length + digest.length);
    bytes.set(this.#context);
    bytes.set(digest, this.#context.length);
    return bytes;
  }

  /** Streams of one connection may overtake each other, so a window and not a bare maximum decides. */
  #accepts(peerId: string, startMs: bigint, counter: bigint): boolean {
    const seen = this.#seen.get(peerId);
    if (seen === undefined || startMs > seen.startMs) {
      this.#seen.delete(peerId);
      if (this.#seen.size >= SENDERS_MAX) this.#seen.delete(this.#seen.keys().next().value ?? "");
      this.#seen.set(peerId, { startMs, highest: counter, window: 1n });
      return true;
    }
    if (startMs < seen.startMs) return false;
    if (counter > seen.highest) {
      const shift = counter - seen.highest;
      seen.window = shift >= WINDOW ? 1n : BigInt.asUintN(WINDOW, seen.window << shift) | 1n;
      seen.highest = counter;
      return true;
    }
    const age = seen.highest - counter;
    if (age >= WINDOW || ((seen.window >> age) & 1n) === 1n) return false;
    seen.window |= 1n << age;
    return true;
  }
}

/** What is said in an encoded FederationMessage; undefined when it is malformed or says nothing. */
function contentOf(payload: Uint8Array): FederationMessage["payload"] | undefined {
  try {
    const { payload: content } = fromBinary(FederationMessageSchema, payload);
    return content.case === undefined ? undefined : content;
  } catch {
    return undefined;
  }
}
