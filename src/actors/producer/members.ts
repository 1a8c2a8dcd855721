/** ConnectedMembers: through which connected peer each member of the federation is reached. */

import {
  ConnectionState,
  type PeerInfo,
  type WatchPeersResponse,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import { quorumOf } from "../../chain/approval.ts";
import { ROLE_MEMBER } from "../../chain/delegation.ts";
import { toHex } from "../../chain/hex.ts";
import { PeerDirectory } from "../peer-directory.ts";

interface ConnectedPeer {
  /** Hex of the member's key; undefined where the peer is no member. A sentry is none: it does not sign. */
  readonly memberKey: string | undefined;
  /** Of the head that it proved, or claims beyond what we can judge; undefined while it showed none. */
  readonly height: number | undefined;
}

export class ConnectedMembers {
  readonly #peers = new PeerDirectory(connectedPeer);

  /** Takes in one message of WatchPeers. */
  apply(message: WatchPeersResponse): void {
    this.#peers.apply(message);
  }

  clear(): void {
    this.#peers.clear();
  }

  /** Peers that hold a delegation of this key (48 bytes) as a member, the longest connected one first. */
  holdersOf(key: Uint8Array): string[] {
    const wanted = toHex(key);
    return [...this.#peers.entries()]
      .filter(([, { memberKey }]) => memberKey === wanted)
      .map(([peerId]) => peerId);
  }

  /** Somebody shows, or claims, a block after genesis. */
  get showBlocks(): boolean {
    return [...this.#peers.values()].some(({ height }) => height !== undefined && height > 0);
  }

  /** Members of this set that make a quorum, ourselves counted, show genesis as their head, and nobody shows more. */
  areAtGenesis(keys: readonly Uint8Array[], ownKey: Uint8Array): boolean {
    if (this.showBlocks) return false;
    const atGenesis = new Set([toHex(ownKey)]);
    for (const { memberKey, height } of this.#peers.values())
      if (memberKey !== undefined && height !== undefined) atGenesis.add(memberKey);
    return keys.filter((key) => atGenesis.has(toHex(key))).length >= quorumOf(keys.length);
  }

  /** The peer that speaks for the member with this key (48 bytes) and can sign; the longest connected one. */
  peerOf(key: Uint8Array): string | undefined {
    return this.holdersOf(key)[0];
  }
}

function connectedPeer(peer: PeerInfo): ConnectedPeer | undefined {
  if (peer.connectionState !== ConnectionState.CONNECTED) return undefined;
  // What it claims under authorities that we do not know yet is above everything that we know.
  const claimed = peer.unprovenHead === undefined ? 0 : Number.POSITIVE_INFINITY;
  const isMember = peer.memberKey.length > 0 && peer.memberRole === ROLE_MEMBER;
  return {
    memberKey: isMember ? toHex(peer.memberKey) : undefined,
    height: peer.head && Math.max(Number(peer.head.height), claimed),
  };
}
