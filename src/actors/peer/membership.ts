/**
 * Who is a member: what a delegation proves is remembered, who was named beforehand is reserved, and a key that
 * equivocated is trusted no more, as long as a quorum is left without it: a federation that cuts off more of itself than
 * it can do without stands still, and whoever holds stolen keys could have it do so. Owned by Links.
 */

import { quorumOf } from "../../chain/approval.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { toHex } from "../../chain/hex.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import type { Log } from "../../kernel/log.ts";
import type { Host } from "../../p2p/port.ts";
import type { ProvenStatus } from "./handshake.ts";
import type { KnownPeer, PeerBook } from "./peer-book.ts";

export interface MembershipParts {
  readonly chain: ChainPort;
  readonly book: PeerBook;
  readonly host: Host;
  readonly log: Log;
}

export class Membership {
  readonly #parts: MembershipParts;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  /** Gives peers of members reserved slots. */
  reserve(peerIds: readonly string[]): void {
    const { book } = this.#parts;
    for (const peerId of peerIds) {
      const peer = book.ensure(peerId);
      peer.isNamed = true;
      peer.isReserved = true;
    }
    this.#protect();
  }

  /** A status without the role of a key that is distrusted. */
  trusted(status: ProvenStatus): ProvenStatus {
    const { memberKey } = status;
    const isDistrusted = memberKey !== undefined && this.#parts.book.distrustedKeys.has(toHex(memberKey));
    return isDistrusted && this.#isQuorumLeft() ? withoutRole(status) : status;
  }

  /** Whether the members in force who did not equivocate are a quorum. */
  #isQuorumLeft(): boolean {
    const { chain, book } = this.#parts;
    const { keys } = chain.authoritiesAt(chain.snapshot().head.height + 1);
    const left = keys.filter((key) => !book.distrustedKeys.has(toHex(key)));
    return left.length >= quorumOf(keys.length);
  }

  /** What a status proved of a peer. Without a role the privileges go, and the slot of one that had them stays. */
  set(peer: KnownPeer, { memberKey, memberRole }: ProvenStatus): void {
    const { book } = this.#parts;
    if (memberKey === undefined) {
      if (peer.memberKey === undefined) return;
      peer.memberKey = undefined;
      peer.memberRole = 0;
      return book.markDirty(peer);
    }
    const isSame = peer.memberKey !== undefined && equalBytes(peer.memberKey, memberKey);
    if (isSame && peer.memberRole === memberRole && peer.isReserved) return;
    book.rememberMember(peer, memberKey, memberRole);
    this.#protect();
  }

  /** A member equivocated: its key counts no more, or, when too many did, all of theirs count again. */
  distrust(memberKey: Uint8Array): void {
    const { book, log } = this.#parts;
    if (book.distrustedKeys.has(toHex(memberKey))) return;
    book.distrustedKeys.add(toHex(memberKey));
    const members = book.distrustedKeys.size;
    log.error("a member equivocated: its key is distrusted", { key: toHex(memberKey) });
    if (!this.#isQuorumLeft()) {
      log.error("no quorum is left without those who equivocated: they stay members", { members });
    }
  }

  /** The host's own reserve of connections follows ours. */
  #protect(): void {
    const { book, host } = this.#parts;
    const reserved = [...book.all()].filter((peer) => peer.isReserved).map(({ peerId }) => peerId);
    host.protectPeers(new Set(reserved));
  }
}

export const withoutRole = (status: ProvenStatus): ProvenStatus => ({
  ...status,
  memberKey: undefined,
  memberRole: 0,
  memberUntilMs: 0,
});
