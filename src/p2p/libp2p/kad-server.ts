/**
 * What we answer in the DHT: FIND_NODE, with peers that are connected and have greeted, and nothing else. The library's own
 * server keeps records and providers for others without a bound on their size or number, scans them for each question, and tells
 * addresses of peers long gone; it stays a client here (table, refresh, walk). The wire is Kademlia's, so any libp2p peer can ask.
 */

import { createHash } from "node:crypto";
import type { Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { multiaddr } from "@multiformats/multiaddr";
import type { Clock } from "../../kernel/ports/clock.ts";
import { deadlineAfter } from "../deadline.ts";
import { hostFailure } from "../failures.ts";
import type { FoundPeer } from "../port.ts";

/** A question is a type and a key: a peer id has 38 bytes, the key of a walk 32. A longer message is refused unread. */
const QUESTION_BYTES_MAX = 512;
/** Bytes of the key of a question; a longer one is refused. */
const KEY_BYTES_MAX = 128;

/** Kademlia's k. With eight addresses each an answer has some 10 KiB. */
const CLOSER_MAX = 20;
/** Addresses told of each peer in an answer. */
const ADDRESSES_MAX = 8;

/** From the opening of a stream to its question, and from an answer to the next one. */
const QUESTION_DEADLINE_MS = 10_000;

/** Questions of all peers together: each is a comparison with every connected peer, 0.3 ms at a thousand. */
const QUESTIONS_PER_SECOND_MAX = 100;

/** Digests of peer ids that are remembered; a connected peer is asked about again and again. */
const DIGESTS_MAX = 4096;

const FIND_NODE = 4;

/** The field numbers of Kademlia's messages. */
const FIELD = { type: 1, key: 2, closer: 8, peerId: 1, address: 2, connection: 3 } as const;
const CONNECTED = 1;

export interface KadServerParts {
  readonly clock: Clock;
  /** Those that may be told to others, with the addresses that may. */
  readonly tellable: () => readonly FoundPeer[];
  /** Counts a question that is none; false: the peer is cut. */
  readonly onRefused: (peerId: string) => void;
}

export class KadServer {
  readonly #parts: KadServerParts;
  readonly #digests = new Map<string, Buffer>();
  #secondMs = 0;
  #askedThisSecond = 0;

  constructor(parts: KadServerParts) {
    this.#parts = parts;
  }

  /** Answers the questions on one stream until it ends. */
  accept(stream: Stream, peerId: string): void {
    let held: Uint8Array = new Uint8Array();
    const deadline = deadlineAfter(this.#parts.clock, QUESTION_DEADLINE_MS, "FIRST_BYTE_DEADLINE");
    const refuse = (why: string): void => {
      this.#parts.onRefused(peerId);
      stream.abort(hostFailure("REQUEST_CANCELLED", why));
    };
    deadline.signal.addEventListener("abort", () => stream.abort(hostFailure("REQUEST_CANCELLED", "late")));
    stream.addEventListener("close", () => deadline.dispose(), { once: true });
    stream.addEventListener("message", ({ data }) => {
      const piece = data instanceof Uint8Array ? data : data.subarray();
      if (held.length + piece.length > QUESTION_BYTES_MAX) return refuse("a question is too long");
      held = Buffer.concat([held, piece]);
      for (;;) {
        const framed = takeFrame(held);
        if (framed === "more") return;
        if (framed === "malformed") return refuse("no length");
        held = framed.rest;
        const key = keyOf(framed.message);
        if (key === undefined) return refuse("FIND_NODE alone is answered");
        if (!this.#isInTime()) return refuse("too many questions");
        stream.send(this.#answer(key, peerId));
      }
    });
  }

  #isInTime(): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs - this.#secondMs >= 1000) {
      this.#secondMs = nowMs;
      this.#askedThisSecond = 0;
    }
    this.#askedThisSecond += 1;
    return this.#askedThisSecond <= QUESTIONS_PER_SECOND_MAX;
  }

  #answer(key: Uint8Array, askerId: string): Uint8Array {
    const target = createHash("sha256").update(key).digest();
    const closest = this.#parts
      .tellable()
      .filter(({ peerId }) => peerId !== askerId)
      .map((peer) => ({ peer, digest: this.#digestOf(peer.peerId) }))
      .sort((one, other) => compareDistance(one.digest, other.digest, target))
      .slice(0, CLOSER_MAX);
    const closer = closest.map(({ peer }) => field(FIELD.closer, encodePeer(peer)));
    const message = Buffer.concat([number(FIELD.type, FIND_NODE), field(FIELD.key, key), ...closer]);
    return Buffer.concat([varint(message.length), message]);
  }

  #digestOf(peerId: string): Buffer {
    const known = this.#digests.get(peerId);
    if (known !== undefined) return known;
    if (this.#digests.size >= DIGESTS_MAX) this.#digests.clear();
    const digest = createHash("sha256").update(peerIdFromString(peerId).toMultihash().bytes).digest();
    this.#digests.set(peerId, digest);
    return digest;
  }
}

function encodePeer({ peerId, addresses }: FoundPeer): Uint8Array {
  return Buffer.concat([
    field(FIELD.peerId, peerIdFromString(peerId).toMultihash().bytes),
    ...addresses.slice(0, ADDRESSES_MAX).map((address) => field(FIELD.address, multiaddr(address).bytes)),
    number(FIELD.connection, CONNECTED),
  ]);
}

/** Which of two digests is nearer to the target by XOR. */
function compareDistance(one: Uint8Array, other: Uint8Array, target: Uint8Array): number {
  for (let index = 0; index < target.length; index++) {
    const wanted = target[index] ?? 0;
    const difference = ((one[index] ?? 0) ^ wanted) - ((other[index] ?? 0) ^ wanted);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The key of a FIND_NODE; undefined for anything else, and for bytes that are no such message. */
export function keyOf(message: Uint8Array): Uint8Array | undefined {
  let offset = 0;
  let type = 0;
  let key: Uint8Array | undefined;
  while (offset < message.length) {
    const tag = readVarint(message, offset);
    if (tag === undefined) return undefined;
    const value = readVarint(message, tag.end);
    if (value === undefined) return undefined;
    offset = value.end;
    const wire = tag.value & 7;
    if (wire === 0) {
      if (tag.value >> 3 === FIELD.type) type = value.value;
    } else if (wire === 2) {
      if (value.value > message.length - offset) return undefined;
      if (tag.value >> 3 === FIELD.key) key = message.subarray(offset, offset + value.value);
      offset += value.value;
    } else return undefined;
  }
  const isQuestion = type === FIND_NODE && key !== undefined && key.length > 0 && key.length <= KEY_BYTES_MAX;
  return isQuestion ? key : undefined;
}

function takeFrame(
  bytes: Uint8Array,
): "more" | "malformed" | { readonly message: Uint8Array; readonly rest: Uint8Array } {
  const length = readVarint(bytes, 0);
  if (length === undefined) return bytes.length < 5 ? "more" : "malformed";
  if (length.value > QUESTION_BYTES_MAX) return "malformed";
  const end = length.end + length.value;
  if (end > bytes.length) return "more";
  return { message: bytes.subarray(length.end, end), rest: bytes.subarray(end) };
}

/** A varint of at most four bytes. */
function readVarint(
  bytes: Uint8Array,
  start: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 4; index++) {
    const byte = bytes[start + index];
    if (byte === undefined) return undefined;
    value |= (byte & 0x7f) << (7 * index);
    if (byte < 0x80) return { value, end: start + index + 1 };
  }
  return undefined;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}

function field(tag: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([varint((tag << 3) | 2), varint(bytes.length), bytes]);
}

function number(tag: number, value: number): Uint8Array {
  return Buffer.concat([varint(tag << 3), varint(value)]);
}
