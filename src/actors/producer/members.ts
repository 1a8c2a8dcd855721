/**
 * ConnectedMembers: through which connected peer each member of the federation is reached, from the PeerActor's
 * stream. Bounded by the PeerActor's own limit of connected peers.
 */

import {
  ConnectionState,
  type PeerInfo,
  type WatchPeersResponse,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import { ROLE_MEMBER } from "../../chain/delegation.ts";
import { toHex } from "../../chain/hex.ts";

export class ConnectedMembers {
  /** Hex of the member key by peer id, in order of connection. */
  readonly #keys = new Map<string, string>();

  /** Takes in one message of WatchPeers; a snapshot replaces everything. */
  apply({ event }: WatchPeersResponse): void {
    switch (event.case) {
      case "snapshot":
        this.#keys.clear();
        for (const peer of event.value.peers) this.#put(peer);
        return;
      case "connected":
      case "updated":
        return this.#put(event.value);
      case "disconnected":
        this.#keys.delete(event.value.peerId);
        return;
      case "banned":
        this.#keys.delete(event.value.peerId);
        return;
      default:
        // Heartbeats and lifted bans change nothing; after `skipped` a snapshot follows.
        return;
    }
  }

  clear(): void {
    this.#keys.clear();
  }

  /** The peer that speaks for the member with this key (48 bytes) and can sign; the longest connected one. */
  peerOf(key: Uint8Array): string | undefined {
    const wanted = toHex(key);
    for (const [peerId, held] of this.#keys) if (held === wanted) return peerId;
    return undefined;
  }

  #put(peer: PeerInfo): void {
    const isMember = peer.memberKey.length > 0 && peer.memberRole === ROLE_MEMBER;
    if (isMember && peer.connectionState === ConnectionState.CONNECTED) {
      this.#keys.set(peer.peerId, toHex(peer.memberKey));
    } else {
      this.#keys.delete(peer.peerId);
    }
  }
}
