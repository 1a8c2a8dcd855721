/** Bytes that a hostile peer sends, made by hand so that they may break every rule: protobuf fields, frames, gossip RPCs. */

/** A protobuf varint. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A field of bytes, or of a number as varint. */
export function field(number: number, value: Uint8Array | string | number): Buffer {
  if (typeof value === "number") return Buffer.concat([varint(number << 3), varint(value)]);
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

/** Length and bytes, as libp2p's protocols frame their messages. */
export function framed(bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(bytes.length), bytes]);
}

/** gossipsub's RPC that publishes these messages on one topic. */
export function publication(topic: string, messages: readonly Uint8Array[]): Buffer {
  return framed(
    Buffer.concat(messages.map((data) => field(2, Buffer.concat([field(2, data), field(4, topic)])))),
  );
}

/** gossipsub's RPC that subscribes to topics, or leaves them. */
export function subscription(topics: readonly string[], subscribes = true): Buffer {
  return framed(
    Buffer.concat(
      topics.map((topic) => field(1, Buffer.concat([field(1, subscribes ? 1 : 0), field(2, topic)]))),
    ),
  );
}

/** gossipsub's RPC with control messages: IHAVE (1), IWANT (2), GRAFT (3), PRUNE (4). */
export function control(...messages: readonly Uint8Array[]): Buffer {
  return framed(field(3, Buffer.concat(messages)));
}

/** A message of the Kademlia protocol: type, key, and more fields as they are. */
export function kademlia(type: number, key: Uint8Array, ...more: readonly Uint8Array[]): Buffer {
  return framed(Buffer.concat([field(1, type), field(2, key), ...more]));
}

/** Kademlia's numbers of message types. */
export const KAD = {
  putValue: 0,
  getValue: 1,
  addProvider: 2,
  getProviders: 3,
  findNode: 4,
  ping: 5,
} as const;
