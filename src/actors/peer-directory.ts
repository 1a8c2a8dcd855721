/**
 * The peers as whoever watches them sees them: one projection of WatchPeers for all actors and for the node. A snapshot replaces
 * everything, each event changes one peer; heartbeats and lifted bans change nothing, and after `skipped` a snapshot follows.
 * Bounded by the PeerActor's limit of connected peers. Pure.
 */

import type { PeerInfo, WatchPeersResponse } from "../../gen/alys/peer/v1/peer_pb.ts";

export type PeerChange =
  /** All connected peers, instead of those that were known. */
  | { readonly type: "all"; readonly peers: readonly PeerInfo[] }
  /** New, or told anew. */
  | { readonly type: "seen"; readonly peer: PeerInfo }
  | { readonly type: "gone"; readonly peerId: string };

/** What a message says of the connected peers; undefined where it says nothing of them. */
export function peerChangeOf({ event }: WatchPeersResponse): PeerChange | undefined {
  switch (event.case) {
    case "snapshot":
      return { type: "all", peers: event.value.peers };
    case "connected":
    case "updated":
      return { type: "seen", peer: event.value };
    case "disconnected":
    case "banned":
      return { type: "gone", peerId: event.value.peerId };
    default:
      return undefined;
  }
}

/** Connected peers by id, in order of connection, each as `project` reads it; without a projection a peer is left out. */
export class PeerDirectory<T extends {}> {
  readonly #peers = new Map<string, T>();
  readonly #project: (peer: PeerInfo) => T | undefined;

  constructor(project: (peer: PeerInfo) => T | undefined) {
    this.#project = project;
  }

  get size(): number {
    return this.#peers.size;
  }

  /** False where the message says nothing of the connected peers. */
  apply(message: WatchPeersResponse): boolean {
    const change = peerChangeOf(message);
    if (change?.type === "all") {
      this.#peers.clear();
      for (const peer of change.peers) this.#put(peer);
    } else if (change?.type === "seen") this.#put(change.peer);
    else if (change?.type === "gone") this.#peers.delete(change.peerId);
    return change !== undefined;
  }

  /** Nobody is known any more. */
  clear(): void {
    this.#peers.clear();
  }

  has(peerId: string): boolean {
    return this.#peers.has(peerId);
  }

  get(peerId: string): T | undefined {
    return this.#peers.get(peerId);
  }

  entries(): Iterable<[string, T]> {
    return this.#peers.entries();
  }

  values(): Iterable<T> {
    return this.#peers.values();
  }

  #put(peer: PeerInfo): void {
    const projected = this.#project(peer);
    if (projected === undefined) this.#peers.delete(peer.peerId);
    else this.#peers.set(peer.peerId, projected);
  }
}
