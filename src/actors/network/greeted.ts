/**
 * The peers that finished the status handshake, and the member key that each one's delegation proved. Fed from the
 * PeerActor's topic; bounded by its limit of connected peers.
 */

import type { PeerInfo, WatchPeersResponse } from "../../../gen/alys/peer/v1/peer_pb.ts";

export class Greeted {
  readonly #peers = new Map<string, Uint8Array | undefined>();

  apply(message: WatchPeersResponse): void {
    const { event } = message;
    switch (event.case) {
      case "snapshot":
        this.#peers.clear();
        for (const peer of event.value.peers) this.#put(peer);
        return;
      case "connected":
      case "updated":
        return this.#put(event.value);
      case "disconnected":
      case "banned":
        this.#peers.delete(event.value.peerId);
        return;
      default:
        return;
    }
  }

  /** Nobody is known any more. */
  clear(): void {
    this.#peers.clear();
  }

  has(peerId: string): boolean {
    return this.#peers.has(peerId);
  }

  /** 48 bytes when the peer is a member or its sentry. */
  memberKey(peerId: string): Uint8Array | undefined {
    return this.#peers.get(peerId);
  }

  #put(peer: PeerInfo): void {
    this.#peers.set(peer.peerId, peer.memberKey.length > 0 ? peer.memberKey : undefined);
  }
}
