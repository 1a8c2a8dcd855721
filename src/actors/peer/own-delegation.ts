/**
 * The delegation that this node shows its peers, and how it gets a newer one: a member signs it by its own key, a sentry's
 * comes from outside. Outlives the PeerActor, whose keeper asks it to renew; the NetworkActor tells of it.
 */

import { Role } from "../../../gen/alys/wire/v1/wire_pb.ts";
import type { SecretKey } from "../../chain/bls.ts";
import { type Delegation, encodeDelegation, ROLE_MEMBER, signDelegation } from "../../chain/delegation.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { Random } from "../../kernel/ports/random.ts";

/** What a member or sentry shows to prove its role. */
export interface OwnDelegation {
  /** SSZ Delegation. */
  readonly delegation: Uint8Array;
  /** 96 bytes. */
  readonly signature: Uint8Array;
  readonly role: Role;
}

export interface DelegationSource {
  /** What is shown now. */
  readonly current: OwnDelegation;
  /** The same, read. */
  readonly delegation: Delegation;
  /** Renewed since the process started. */
  readonly renewals: number;
  /** When the next one is made, Unix milliseconds; undefined for one that comes from outside. */
  readonly nextMs: number | undefined;
  /** How often `renew` is to be asked, milliseconds. */
  readonly lookMs: number;
  /** With less than this left something went wrong, or an operator has to act. */
  readonly warnBelowMs: number;
  /** Why the last attempt to renew failed; empty when it did not. The keeper notes it. */
  lastFailure: string;
  /** Makes or takes in a newer one when it is time; answers whether there is one to tell of. Rejects when that fails. */
  renew(): Promise<boolean>;
}

export interface MemberDelegationParts {
  readonly key: SecretKey;
  /** Binary form. */
  readonly peerId: Uint8Array;
  readonly genesisHash: Uint8Array;
  readonly lifetimeMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Renewed when this part of its life is over, and up to so much earlier by chance, so that members that were started
 * together do not renew together. What is left must be enough for peers that cannot be reached, and for clocks that differ.
 */
const RENEWED_AT = 0.5;
const JITTER = 0.1;

/** Looked at this often in a lifetime, within bounds: a leap of the clock is noticed by looking. */
const LOOKS_PER_LIFETIME = 40;
const LOOK_MS_MIN = 250;
const LOOK_MS_MAX = 60_000;

/** Less than this part of it left means that several renewals failed. */
const WARNED_AT = 0.25;

export class MemberDelegation implements DelegationSource {
  readonly #parts: MemberDelegationParts;
  #current: OwnDelegation;
  #delegation: Delegation;
  #renewals = 0;
  lastFailure = "";
  /** On the monotonic clock: a wall clock that is set back puts off no renewal. */
  #dueMs = 0;

  constructor(parts: MemberDelegationParts) {
    this.#parts = parts;
    this.#delegation = this.#unsigned();
    this.#current = this.#sign(this.#delegation);
  }

  get current(): OwnDelegation {
    return this.#current;
  }

  get delegation(): Delegation {
    return this.#delegation;
  }

  get renewals(): number {
    return this.#renewals;
  }

  get nextMs(): number {
    const { clock } = this.#parts;
    return Math.floor(clock.nowMs() + Math.max(0, this.#dueMs - clock.monotonicMs()));
  }

  get lookMs(): number {
    return Math.min(LOOK_MS_MAX, Math.max(LOOK_MS_MIN, this.#parts.lifetimeMs / LOOKS_PER_LIFETIME));
  }

  get warnBelowMs(): number {
    return this.#parts.lifetimeMs * WARNED_AT;
  }

  renew(): Promise<boolean> {
    // What the signer throws becomes a rejection.
    return Promise.resolve().then(() => this.#renew());
  }

  #renew(): boolean {
    const { clock, lifetimeMs } = this.#parts;
    const leftMs = this.#delegation.expiryMs - clock.nowMs();
    // The second when the wall clock was set ahead: by that clock, and perhaps by peers', it ends sooner.
    if (clock.monotonicMs() < this.#dueMs && leftMs >= lifetimeMs * (1 - RENEWED_AT)) return false;
    const unsigned = this.#unsigned();
    this.#current = this.#sign(unsigned);
    this.#delegation = unsigned;
    this.#renewals += 1;
    return true;
  }

  /**
   * A newer one never ends before the one that it replaces: with a clock that was set back peers would drop a member that
   * they know to be one. Only an end more than two lifetimes ahead, from a clock that was far ahead, is given up.
   */
  #unsigned(): Delegation {
    const { key, peerId, lifetimeMs, clock } = this.#parts;
    const nowMs = Math.floor(clock.nowMs());
    const before = this.#delegation?.expiryMs ?? 0;
    const kept = before <= nowMs + 2 * lifetimeMs ? before : 0;
    return {
      publicKey: key.publicKey,
      peerId,
      role: ROLE_MEMBER,
      expiryMs: Math.max(nowMs + lifetimeMs, kept),
    };
  }

  #sign(unsigned: Delegation): OwnDelegation {
    const { key, genesisHash, lifetimeMs, clock, random } = this.#parts;
    const signature = signDelegation(key, unsigned, genesisHash);
    this.#dueMs = clock.monotonicMs() + lifetimeMs * (RENEWED_AT - JITTER * random.next());
    return { delegation: encodeDelegation(unsigned), signature, role: Role.MEMBER };
  }
}
