/**
 * The names and limits of what peers may say to each other: request protocols and gossip topics. A full name carries
 * the chain, so that nodes of two chains find no common protocol and can exchange nothing. Both host implementations
 * and the actors above read the limits here, so that an honest peer is measured by the numbers it measures itself by.
 */

import { assert } from "../kernel/errors.ts";

/** A request protocol, by its short name. */
export type Protocol =
  | "status"
  | "blocks-by-range"
  | "blocks-by-hash"
  | "checkpoint"
  | "goodbye"
  | "federation";

/** A gossip topic, by its short name. */
export type TopicName = "blocks" | "transactions";

export const PROTOCOLS: readonly Protocol[] = [
  "status",
  "blocks-by-range",
  "blocks-by-hash",
  "checkpoint",
  "goodbye",
  "federation",
];

export const TOPICS: readonly TopicName[] = ["blocks", "transactions"];

/** A SignedBlock is at most 2 MiB (chain rules); no other object of a response is larger. */
const OBJECT_BYTES_MAX = 2 * 1024 * 1024;

/** Protobuf keys, lengths and the status byte around one largest object; a chunk past it is malformed. */
const ENVELOPE_BYTES_MAX = 4096;

/** The largest chunk of a response: one largest object in its envelope. Longer: refused before it is allocated. */
export const CHUNK_BYTES_MAX = OBJECT_BYTES_MAX + ENVELOPE_BYTES_MAX;

/**
 * The largest response, all chunks together: 2 MiB of objects, or one largest object, in envelopes. It stays below the
 * 4 MiB of unread data at which a QUIC stream is aborted, so a reader never has to pause. Longer: the stream is reset.
 */
export const RESPONSE_BYTES_MAX = OBJECT_BYTES_MAX + 16 * ENVELOPE_BYTES_MAX;

/** At most this many chunks in one response (64 blocks are a segment; 1,024 tiny blocks still fit). */
export const RESPONSE_CHUNKS_MAX = 1024;

/** What a node accepts on one protocol, per peer. */
export interface ProtocolLimits {
  /** Longest request payload, bytes; a longer length prefix resets the stream before anything is allocated. */
  readonly requestBytesMax: number;
  /** Requests a peer may make at once (the bucket's size). */
  readonly burst: number;
  /** Time in which the whole burst is regained, milliseconds. */
  readonly refillMs: number;
  /** Requests of one peer being served at the same time; one more is answered "rate limited". */
  readonly concurrentMax: number;
}

/**
 * Derivation: an honest client uses at most half of each quota (outbound budget), so each number is twice what it needs.
 * - status: one handshake, one refresh each slot of 2 s, a probe after reconnects → 10 in 15 s.
 * - blocks-by-range: 2 in flight, each up to 2 MiB; at 50 MB/s (QUIC) that is 25 requests/s when they are full, and small
 *   blocks make short responses: 64 at once, 64/s regained.
 * - blocks-by-hash: a lookup of a few missing parents each slot. checkpoint: one adoption, a few parts.
 * - goodbye: once. - federation: a proposal, its approvals and status, n ≤ 15 members, each slot.
 */
export const PROTOCOL_LIMITS: Readonly<Record<Protocol, ProtocolLimits>> = {
  status: { requestBytesMax: 8 * 1024, burst: 10, refillMs: 15_000, concurrentMax: 2 },
  "blocks-by-range": { requestBytesMax: 64, burst: 64, refillMs: 1_000, concurrentMax: 4 },
  "blocks-by-hash": { requestBytesMax: 8 * 1024, burst: 32, refillMs: 10_000, concurrentMax: 2 },
  checkpoint: { requestBytesMax: 1024, burst: 8, refillMs: 10_000, concurrentMax: 1 },
  goodbye: { requestBytesMax: 64, burst: 2, refillMs: 10_000, concurrentMax: 1 },
  federation: { requestBytesMax: CHUNK_BYTES_MAX, burst: 64, refillMs: 2_000, concurrentMax: 8 },
};

/** Longest gossip message, bytes; a longer one is refused at decoding. */
export const TOPIC_BYTES_MAX: Readonly<Record<TopicName, number>> = {
  blocks: CHUNK_BYTES_MAX,
  transactions: 1024 * 1024 + ENVELOPE_BYTES_MAX,
};

/** First 8 hex digits of the genesis hash: enough to tell chains apart in names; the handshake compares all of it. */
export function chainTag(genesisHash: Uint8Array): string {
  assert(genesisHash.length === 32, "a genesis hash has 32 bytes");
  return Buffer.from(genesisHash.subarray(0, 4)).toString("hex");
}

/** `/alys/<chain>/<protocol>/1` */
export function protocolId(genesisHash: Uint8Array, protocol: Protocol): string {
  return `/alys/${chainTag(genesisHash)}/${protocol}/1`;
}

/** `/alys/<chain>/<topic>/1` */
export function topicId(genesisHash: Uint8Array, topic: TopicName): string {
  return `/alys/${chainTag(genesisHash)}/${topic}/1`;
}
