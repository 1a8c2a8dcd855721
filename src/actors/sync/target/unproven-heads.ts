/**
 * UnprovenHeads: heads that peers claim under authorities that we do not know. Whoever claims one is asked for the changes that
 * lead to them; a set that follows from ours proves every head that it approved, long before our own chain is there.
 * Where nobody can show the way, the chain is followed block by block. A machine without effects of its own, owned by
 * machine.ts.
 */

import { Offence } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import type { AuthoritySetFacts } from "../../../chain/facts.ts";
import { sha256 } from "../../../chain/hash.ts";
import { decodeHeader, headerHash } from "../../../chain/header.ts";
import { toHex } from "../../../chain/hex.ts";
import type { LiveEffect } from "../effect.ts";
import type { QuotaLedger } from "../range/quota.ts";
import type { ClaimedHead, SyncPeers } from "../sync-peers.ts";

export interface UnprovenHeadsParts {
  readonly peers: SyncPeers;
  readonly quota: QuotaLedger;
  effect(effect: LiveEffect): void;
}

const PROTOCOL = "checkpoint";

/** Before a peer is asked for the changes again, milliseconds: a checkpoint that leads further is hours away. */
const ASK_AGAIN_MS = 60_000;
/** Sets ahead of our chain; at the bound the oldest is forgotten, and asked for again. */
const SETS_MAX = 16;

export class UnprovenHeads {
  readonly #parts: UnprovenHeadsParts;
  /** By their roots. */
  readonly #sets = new Map<string, AuthoritySetFacts>();
  /** When each connected peer was asked for changes, monotonic milliseconds. */
  readonly #askedMs = new Map<string, number>();
  /** The peer that is being asked: one at a time, since judging its answer may take seconds. */
  #asking: string | undefined;
  /** Claims that are with the validator, by peer. */
  readonly #judging = new Map<string, ClaimedHead>();

  constructor(parts: UnprovenHeadsParts) {
    this.#parts = parts;
  }

  /** Once a tick, and after each outcome. */
  move(nowMs: number): void {
    for (const { peerId, hint, claimed } of this.#parts.peers.all()) {
      if (hint === undefined || claimed === undefined || this.#judging.has(peerId)) continue;
      const authorities = this.#sets.get(toHex(decodeHeader(claimed.header).authoritiesRoot));
      if (authorities !== undefined) {
        this.#judging.set(peerId, claimed);
        this.#parts.effect({ type: "judgeClaim", peerId, claimed, authorities });
      } else if (this.#asking === undefined && this.#mayAsk(peerId, nowMs)) {
        this.#asking = peerId;
        this.#parts.quota.take(peerId, PROTOCOL, nowMs);
        this.#askedMs.set(peerId, nowMs + ASK_AGAIN_MS);
        this.#parts.effect({ type: "fetchAuthorities", peerId });
      }
    }
  }

  #mayAsk(peerId: string, nowMs: number): boolean {
    return nowMs >= (this.#askedMs.get(peerId) ?? 0) && this.#parts.quota.has(peerId, PROTOCOL, nowMs);
  }

  /** The set that a peer's evidence leads to from ours; undefined when it has none or none that holds. */
  fetched(peerId: string, authorities: AuthoritySetFacts | undefined): void {
    this.#parts.quota.ended(peerId, PROTOCOL);
    if (this.#asking === peerId) this.#asking = undefined;
    if (authorities === undefined) return;
    const key = toHex(authorities.root);
    this.#sets.delete(key);
    this.#sets.set(key, authorities);
    for (const oldest of this.#sets.keys()) {
      if (this.#sets.size <= SETS_MAX) return;
      this.#sets.delete(oldest);
    }
  }

  /** Whether the claim's approval holds; undefined: it could not be judged now. */
  judged(peerId: string, isTrue: boolean | undefined): void {
    const claimed = this.#judging.get(peerId);
    this.#judging.delete(peerId);
    if (claimed === undefined || isTrue === undefined) return;
    const { peers, effect } = this.#parts;
    if (isTrue) {
      const { height, slot } = decodeHeader(claimed.header);
      return peers.proveByGossip(peerId, { height, slot, hash: headerHash(claimed.header) });
    }
    peers.dropClaim(peerId);
    const evidence = sha256(claimed.header);
    const detail = "the head's approval does not hold under the set that it names";
    effect({ type: "offence", peerId, offence: Offence.FALSE_HEAD, detail, evidence });
  }

  peerGone(peerId: string): void {
    if (this.#asking === peerId) this.#asking = undefined;
    this.#askedMs.delete(peerId);
    this.#judging.delete(peerId);
  }
}
