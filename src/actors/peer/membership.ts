/**
 * Who is a member: what a delegation proves is remembered, who was named beforehand is reserved, and a key that
 * equivocated is trusted no more until an administrator lifts it, as long as a quorum is left without it: a federation that
 * cuts off more of itself than it can do without stands still, and whoever holds stolen keys could have it do so. Owned by
 * Connections.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ListDistrustedMembersResponseSchema,
  type PeerInternalService,
  PeerService,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import { quorumOf } from "../../chain/approval.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { toHex } from "../../chain/hex.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import type { ActorContext } from "../../kernel/actor/actor.ts";
import type { Deferred } from "../../kernel/actor/deferred.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import type { Host } from "../../p2p/port.ts";
import type { DistrustStore } from "./distrust-store.ts";
import type { KnownPeer } from "./known/known-peer.ts";
import type { PeerStore } from "./peer-store.ts";
import type { ProvenStatus } from "./proven-status.ts";

export interface MembershipParts {
  readonly context: ActorContext<typeof PeerService, typeof PeerInternalService>;
  readonly chain: ChainPort;
  readonly book: PeerStore;
  readonly distrust: DistrustStore;
  readonly host: Host;
  /** Who is trusted changed: everybody's role is judged again. */
  readonly onChanged: () => void;
}

export class Membership {
  readonly #parts: MembershipParts;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  /** Says whom the kept evidence is against. */
  start(): void {
    const { context, distrust } = this.#parts;
    for (const key of distrust.keys)
      context.log.warn("a member is distrusted: it equivocated before", { key: toHex(key) });
    this.#warnOfQuorum();
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

  /**
   * Takes in what a status proved of a peer, and answers it without the role of a key that is distrusted. Such a member
   * keeps the slot that is due to it: it has lost the privileged channel and is not to be banned by score.
   */
  greeted(peer: KnownPeer, status: ProvenStatus): ProvenStatus {
    const { memberKey } = status;
    this.set(peer, status);
    const isDistrusted = memberKey !== undefined && this.#parts.distrust.isDistrusted(memberKey);
    if (!isDistrusted || !this.#isQuorumLeft()) return status;
    const trusted = withoutRole(status);
    this.set(peer, trusted);
    return trusted;
  }

  /** Whether the members in force who did not equivocate are a quorum. */
  #isQuorumLeft(): boolean {
    const { chain, distrust } = this.#parts;
    const { keys } = chain.authoritiesAt(chain.snapshot().head.height + 1);
    const left = keys.filter((key) => !distrust.isDistrusted(key));
    return left.length >= quorumOf(keys.length);
  }

  /** What a status proved of a peer. Without a role the privileges go, and the slot of one that had them stays. */
  set(peer: KnownPeer, { memberKey, memberRole, memberUntilMs }: ProvenStatus): void {
    const { book } = this.#parts;
    if (memberKey === undefined) {
      if (peer.memberKey !== undefined) book.endMembership(peer);
      return;
    }
    const isSame = peer.memberKey !== undefined && equalBytes(peer.memberKey, memberKey);
    if (isSame && peer.memberRole === memberRole && peer.isReserved) {
      if (peer.memberUntilMs === memberUntilMs) return;
      peer.memberUntilMs = memberUntilMs;
      return book.markDirty(peer);
    }
    book.rememberMember(peer, memberKey, memberRole, memberUntilMs);
    this.#protect();
  }

  /** A member equivocated: its key counts no more, or, when too many did, all of theirs count again. */
  distrust(memberKey: Uint8Array, evidence: Uint8Array): void {
    const { context, distrust, onChanged } = this.#parts;
    const key = toHex(memberKey);
    switch (distrust.hear(memberKey, evidence)) {
      case "known":
        return;
      case "answered":
        return context.log.info("evidence against a member was answered before", { key });
      case "distrusted":
        context.log.error("a member equivocated: its key is distrusted", { key });
        this.#warnOfQuorum();
        return onChanged();
    }
  }

  /** An administrator trusts a member again; the answer comes when that is durable. */
  liftDistrust(
    memberKey: Uint8Array,
    reason: string,
  ): Deferred<typeof PeerService.method.liftDistrust.output> | Failure {
    const { context, distrust, onChanged } = this.#parts;
    const lifting = distrust.lift(memberKey, reason, context.clock.nowMs());
    const key = toHex(memberKey);
    if (lifting === undefined) {
      const why = distrust.restored(memberKey) === undefined ? "" : " any more";
      return failure("NOT_FOUND", "MEMBER_NOT_DISTRUSTED", `member ${key} is not distrusted${why}`, {
        field: "member_key",
      });
    }
    const answer = context.deferred(PeerService.method.liftDistrust);
    context.effect(lifting.stored, (outcome) => {
      if (!outcome.ok) return answer.reject(outcome.failure);
      context.log.warn("an administrator trusts a member again", { key, reason });
      onChanged();
      answer.resolve({ trust: lifting.trust });
    });
    return answer;
  }

  listDistrusted(): MessageInitShape<typeof ListDistrustedMembersResponseSchema> {
    const { distrust } = this.#parts;
    const members = distrust.list(this.#isQuorumLeft());
    return { members, restored: [...distrust.allRestored()] };
  }

  #warnOfQuorum(): void {
    const { context, distrust } = this.#parts;
    const members = distrust.keys.length;
    if (members === 0 || this.#isQuorumLeft()) return;
    context.log.error("no quorum is left without those who equivocated: they stay members", { members });
  }

  /** The host's own reserve of connections follows ours. */
  #protect(): void {
    const { book, host } = this.#parts;
    const reserved = book.index.reserved().map(({ peerId }) => peerId);
    host.protectPeers(new Set(reserved));
  }
}

export const withoutRole = (status: ProvenStatus): ProvenStatus => ({
  ...status,
  memberKey: undefined,
  memberRole: 0,
  memberUntilMs: 0,
});
