/** KnownPeer: what is known of one peer, and where its connection stands. The PeerStore keeps them. */

import type { PeerType } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import type { Cause } from "../../../kernel/cause.ts";
import type { ConnectionInfo } from "../../../p2p/port.ts";
import type { ProvenStatus } from "../proven-status.ts";
import type { Reputation } from "../reputation.ts";
import type { ScoreState } from "../score.ts";
import type { KnownAddress } from "./address-list.ts";

/**
 * Where a peer's connection stands; what belongs to a state lives in it. `session` numbers the time from the first
 * connection of a peer to the last one's end: what is about an earlier session is stale.
 */
export type Link =
  | { readonly state: "disconnected" }
  /** `cause`: on whose behalf; the handshake that follows belongs to it. */
  | {
      readonly state: "dialling";
      readonly cause: Cause | undefined;
      /** Where it may end. */
      readonly addresses: readonly string[];
    }
  | {
      readonly state: "handshaking";
      readonly session: number;
      readonly connection: ConnectionInfo;
      readonly sinceMs: number;
    }
  | {
      readonly state: "connected";
      readonly session: number;
      readonly connection: ConnectionInfo;
      readonly status: ProvenStatus;
    }
  /** Goodbye was said; nothing is asked or believed any more. */
  | { readonly state: "closing" };

export interface KnownPeer {
  readonly peerId: string;
  /** Peers known for longer have the lower one. */
  readonly order: number;
  /** In the order in which they are dialled. */
  addresses: readonly KnownAddress[];
  /** Class that an operator assigned; a proven delegation makes it FEDERATION. */
  assignedType: PeerType;
  isBootstrap: boolean;
  /** Named as a member beforehand, by configuration or an operator. */
  isNamed: boolean;
  /** It announced protocols of another chain and none of ours. */
  isOfOtherChain: boolean;
  /** Named, or remembered as a member: reserved slot. */
  isReserved: boolean;
  /** Key of the member whom the slot is due to, 48 bytes; it outlives the role. */
  reservedFor: Uint8Array | undefined;
  /** BLS key of its delegation, 48 bytes. */
  memberKey: Uint8Array | undefined;
  memberRole: number;
  /** When that delegation ends, Unix milliseconds; 0 without one. */
  memberUntilMs: number;
  link: Link;
  score: ScoreState;
  reputation: Reputation;
  /** When it was last connected, Unix milliseconds; 0: only heard of. */
  lastSeenMs: number;
  /** Dials and handshakes that failed in a row. */
  failures: number;
  /** Not dialled before then, monotonic milliseconds. */
  notBeforeMs: number;
  /** Not let in before then, monotonic milliseconds: we sent it away. */
  refusedUntilMs: number;
  /** When its Status was asked for again, monotonic milliseconds. */
  askedMs: number;
  requestsAnswered: number;
  requestsFailed: number;
  blocksServed: number;
  bytesServed: number;
}
