/**
 * The envelope of a gossip message: GossipBlock and GossipTransaction are protobufs with one field of bytes. Only their
 * canonical encoding is taken: everything else would be the same message under other bytes, as often as somebody likes, or
 * would carry what nobody asked for. The id of a message is taken over what is inside.
 */

import { createHash } from "node:crypto";

/** Field 1, length-delimited. */
const FIELD_TAG = 0x0a;

/** A length below 2^28 takes four bytes at most; no topic carries more. */
const LENGTH_BYTES_MAX = 4;

/** 160 bits of SHA-256: no two messages share them, and 5,000 ids in an IHAVE stay at 100 kB. */
const MESSAGE_ID_LENGTH = 20;

/**
 * What is inside, as a view. Undefined unless `data` is exactly one field 1 of one byte or more, with the shortest length, and
 * nothing before or after it.
 */
export function openEnvelope(data: Uint8Array): Uint8Array | undefined {
  if (data[0] !== FIELD_TAG) return undefined;
  let length = 0;
  for (let index = 0; index < LENGTH_BYTES_MAX; index += 1) {
    const byte = data[1 + index];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte >= 0x80) continue;
    // A last byte of nothing is a longer form of a shorter length.
    const isShortest = byte !== 0 || index === 0;
    const start = 2 + index;
    return isShortest && length > 0 && data.length === start + length ? data.subarray(start) : undefined;
  }
  return undefined;
}

/** Ids by the array in which a message arrived: what has two megabytes is hashed once. */
const hashed = new WeakMap<Uint8Array, Uint8Array>();

/** SHA-256 of topic and content, cut. What is in no canonical envelope is its own content: only we ourselves could send it. */
export function messageId(topicId: string, data: Uint8Array): Uint8Array {
  const known = hashed.get(data);
  if (known !== undefined) return known;
  const content = openEnvelope(data) ?? data;
  const digest = createHash("sha256").update(topicId).update("\0").update(content).digest();
  const id = new Uint8Array(digest.subarray(0, MESSAGE_ID_LENGTH));
  hashed.set(data, id);
  return id;
}
