/**
 * ConnectedMembers: through which connected peer each member of the federation is reached, from the PeerActor's
 * stream. Bounded by the PeerActor's own limit of connected peers.
 */

import {
  ConnectionState,
  type PeerInfo,
  type WatchPeersResponse,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import { quorumOf } from "../../chain/approval.ts";
import { ROLE_MEMBER } from "../../chain/delegation.ts";
import { toHex } from "../../chain/hex.ts";

export class ConnectedMembers {
  /** Hex of the member key by peer id, in order of connection. */
  readonly #keys = new Map<string, string>();
  /** Height of the head that each connected peer proved, or claims beyond what we can judge. */
  readonly #heights = new Map<string, number>();

  /** Takes in one message of WatchPeers; a snapshot replaces everything. */
  apply({ event }: WatchPeersResponse): void {
    switch (event.case) {
      case "snapshot":
        this.clear();
        for (const peer of event.value.peers) this.#put(peer);
        return;
      case "connected":
      case "updated":
        return this.#put(event.value);
      case "disconnected":
      case "banned":
        return this.#forget(event.value.peerId);
      default:
        // Heartbeats and lifted bans change nothing; after `skipped` a snapshot follows.
        return;
    }
  }

  clear(): void {
    this.#keys.clear();
    this.#heights.clear();
  }

  /** Peers that hold a delegation of this key (48 bytes) as a member. A sentry's is not one: it does not sign. */
  holdersOf(key: Uint8Array): string[] {
    const wanted = toHex(key);
    return [...this.#keys].filter(([, held]) => held === wanted).map(([peerId]) => peerId);
  }

  /** Somebody shows, or claims, a block after genesis. */
  get showBlocks(): boolean {
    return [...this.#heights.values()].some((height) => height > 0);
  }

  /** Members of this set that make a quorum, ourselves counted, show genesis as their head, and nobody shows more. */
  areAtGenesis(keys: readonly Uint8Array[], ownKey: Uint8Array): boolean {
    if (this.showBlocks) return false;
    const atGenesis = new Set([toHex(ownKey)]);
    for (const [peerId, key] of this.#keys) if (this.#heights.has(peerId)) atGenesis.add(key);
    return keys.filter((key) => atGenesis.has(toHex(key))).length >= quorumOf(keys.length);
  }

  /** The peer that speaks for the member with this key (48 bytes) and can sign; the longest connected one. */
  peerOf(key: Uint8Array): string | undefined {
    const wanted = toHex(key);
    for (const [peerId, held] of this.#keys) if (held === wanted) return peerId;
    return undefined;
  }

  #forget(peerId: string): void {
    this.#keys.delete(peerId);
    this.#heights.delete(peerId);
  }

  #put(peer: PeerInfo): void {
    const isConnected = peer.connectionState === ConnectionState.CONNECTED;
    if (!isConnected) return this.#forget(peer.peerId);
    // What it claims under authorities that we do not know yet is above everything that we know.
    const claimed = peer.unprovenHead === undefined ? 0 : Number.POSITIVE_INFINITY;
    if (peer.head === undefined) this.#heights.delete(peer.peerId);
    else this.#heights.set(peer.peerId, Math.max(Number(peer.head.height), claimed));
    const isMember = peer.memberKey.length > 0 && peer.memberRole === ROLE_MEMBER;
    if (isMember) this.#keys.set(peer.peerId, toHex(peer.memberKey));
    else this.#keys.delete(peer.peerId);
  }
}
