/**
 * What gossipsub cannot decode: it drops such a message and says nothing. Here the router is made to tell who sent it. A
 * message that is only longer than limits of ours that no specification names is no garbage.
 */

import type { PeerId } from "@libp2p/interface";

/** A chunk of the stream as gossipsub reads it: one length-prefixed RPC. */
interface RpcBytes {
  subarray(): Uint8Array;
}

/** What gossipsub's router has of its own. */
export interface GarbageRouter {
  pipePeerReadStream(peer: PeerId, stream: AsyncIterable<RpcBytes>): Promise<void>;
  decodeRpc(bytes: Uint8Array): unknown;
}

/** How protons calls a list that is longer than its limit. */
const OVER_LIMIT = "MaxLengthError";

/** Calls `onGarbage` with each whole RPC that is no protobuf of the schema. Before the router starts. */
export function tellGarbage(
  router: GarbageRouter,
  onGarbage: (peer: PeerId, bytes: Uint8Array) => void,
): void {
  const senders = new WeakMap<Uint8Array, PeerId>();
  const pipe = router.pipePeerReadStream.bind(router);
  const decode = router.decodeRpc.bind(router);
  router.pipePeerReadStream = (peer, stream) =>
    pipe(
      peer,
      marked(stream, (bytes) => senders.set(bytes, peer)),
    );
  router.decodeRpc = (bytes) => {
    try {
      return decode(bytes);
    } catch (thrown) {
      const peer = senders.get(bytes);
      const isOverLimit = thrown instanceof Error && thrown.name === OVER_LIMIT;
      if (peer !== undefined && !isOverLimit) onGarbage(peer, bytes);
      throw thrown;
    }
  };
}

/** The same RPCs, each as one array whose sender is known when it is decoded. */
async function* marked(
  stream: AsyncIterable<RpcBytes>,
  mark: (bytes: Uint8Array) => void,
): AsyncIterable<RpcBytes> {
  for await (const rpc of stream) {
    const bytes = rpc.subarray();
    mark(bytes);
    yield { subarray: () => bytes };
  }
}
