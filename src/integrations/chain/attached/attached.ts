/**
 * AttachedChain: the chain port of a node to which a ChainActor may attach. The node's own chain stays the truth for
 * validated blocks; the attached process follows it. Where it is required, an import counts only once it confirmed, and
 * the chain is not available while it is away. docs/adr/0013 says why.
 */

import type { BlockFault } from "../../../chain/block-fault.ts";
import type { AuthoritySetFacts, ChainFacts } from "../../../chain/facts.ts";
import type { ValidatedSegment } from "../../../chain/validator.ts";
import { failure } from "../../../kernel/errors.ts";
import type { Clock } from "../../../kernel/ports/clock.ts";
import type { Log } from "../../../kernel/ports/log.ts";
import type { AttachHub } from "../../attach/hub.ts";
import type {
  ChainEvent,
  ChainPort,
  ChainSnapshot,
  ChildAuthorities,
  ChildTemplate,
  ImportOutcome,
} from "../port.ts";
import { type Contradiction, contradictionText } from "./divergence.ts";
import { Replicator } from "./replicator.ts";

export interface AttachedChainParts {
  /** The node's own; closed with this one. */
  readonly chain: ChainPort;
  readonly hub: AttachHub;
  /** Import and produce only with an attached ChainActor. */
  readonly isRequired: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** The attached process began to contradict our chain, or stopped to: undefined. */
  readonly diverged?: (contradiction: Contradiction | undefined) => void;
}

/** An import waits so long for the ChainActor's word; then it is `notNow`, and asked again it is there already. */
const CONFIRM_MS_MAX = 10_000;

interface Waiter {
  readonly height: number;
  settle(isConfirmed: boolean): void;
}

export class AttachedChain implements ChainPort {
  readonly facts: ChainFacts;
  readonly genesisHeader: Uint8Array;
  readonly #chain: ChainPort;
  readonly #isRequired: boolean;
  readonly #clock: Clock;
  readonly #follower: Replicator;
  readonly #listeners = new Set<(event: ChainEvent) => void>();
  /** Imports that wait for the follower: as many as the importer has under way. */
  readonly #waiters = new Set<Waiter>();
  #wasAvailable: boolean;

  constructor({ chain, hub, isRequired, clock, log, diverged = () => {} }: AttachedChainParts) {
    this.facts = chain.facts;
    this.genesisHeader = chain.genesisHeader;
    this.#chain = chain;
    this.#isRequired = isRequired;
    this.#clock = clock;
    this.#follower = new Replicator({ chain, hub, clock, log, changed: () => this.#changed(), diverged });
    this.#wasAvailable = this.#isAvailable();
    chain.subscribe((event) => this.#told(event));
  }

  snapshot(): ChainSnapshot {
    const snapshot = this.#chain.snapshot();
    if (!snapshot.isAvailable || this.#isAvailable()) return snapshot;
    return { ...snapshot, isAvailable: false, unavailable: this.#whyNot() };
  }

  /** Where the attached process says that it builds on other blocks than ours. */
  get contradiction(): Contradiction | undefined {
    return this.#follower.contradiction;
  }

  async importSegment(segment: ValidatedSegment): Promise<ImportOutcome> {
    if (!this.#isAvailable()) return { kind: "notNow", failure: this.#whyNot() };
    // Read now: the buffers belong to the chain until it is done.
    const lastHeight = segment.last.height;
    const outcome = await this.#chain.importSegment(segment);
    if (!this.#isRequired) return outcome;
    switch (outcome.kind) {
      case "imported":
      case "reorganized":
      case "known": {
        const height = outcome.kind === "known" ? lastHeight : outcome.head.height;
        return (await this.#confirmed(height)) ? outcome : { kind: "notNow", failure: this.#whyNot() };
      }
      default:
        return outcome;
    }
  }

  authoritiesAt(height: number): AuthoritySetFacts {
    return this.#chain.authoritiesAt(height);
  }

  authoritiesAfter(hash: Uint8Array): ChildAuthorities | undefined {
    return this.#chain.authoritiesAfter(hash);
  }

  judgeProposal(block: Uint8Array, scheduledAuthorities?: AuthoritySetFacts): BlockFault | undefined {
    return this.#chain.judgeProposal(block, scheduledAuthorities);
  }

  childTemplate(): ChildTemplate {
    return this.#chain.childTemplate();
  }

  readBlock(height: number): Uint8Array | undefined {
    return this.#chain.readBlock(height);
  }

  readBlockByHash(hash: Uint8Array): ReturnType<ChainPort["readBlockByHash"]> {
    return this.#chain.readBlockByHash(hash);
  }

  readRange(firstHeight: number, count: number, bytesMax: number): Uint8Array[] {
    return this.#chain.readRange(firstHeight, count, bytesMax);
  }

  hashAt(height: number): Uint8Array | undefined {
    return this.#chain.hashAt(height);
  }

  heightOf(hash: Uint8Array): number | undefined {
    return this.#chain.heightOf(hash);
  }

  subscribe(listener: (event: ChainEvent) => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  async close(): Promise<void> {
    this.#follower.close();
    for (const waiter of this.#waiters) waiter.settle(false);
    await this.#chain.close();
    this.#listeners.clear();
  }

  #isAvailable(): boolean {
    return this.#follower.refusal === undefined && (!this.#isRequired || this.#follower.isFollowing);
  }

  #whyNot() {
    const { refusal, contradiction } = this.#follower;
    if (refusal !== undefined)
      return failure("UNAVAILABLE", "CHAIN_ACTOR_REFUSES", `the ChainActor refuses block ${refusal.height}`);
    if (contradiction !== undefined) {
      const text = contradictionText(contradiction);
      return failure("UNAVAILABLE", "CHAIN_ACTOR_DIVERGED", `the ChainActor is on another chain: ${text}`);
    }
    return failure("UNAVAILABLE", "CHAIN_ACTOR_AWAY", "the ChainActor is away or behind");
  }

  /** Resolves whether the follower applied the block of this height in time. */
  #confirmed(height: number): Promise<boolean> {
    if (this.#follower.confirmedHeight >= height) return Promise.resolve(true);
    if (!this.#isAvailable()) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (isConfirmed: boolean): void => {
        timer.cancel();
        this.#waiters.delete(waiter);
        resolve(isConfirmed);
      };
      const waiter: Waiter = { height, settle };
      const timer = this.#clock.setTimer(CONFIRM_MS_MAX, () => settle(false));
      this.#waiters.add(waiter);
    });
  }

  #told(event: ChainEvent): void {
    if (event.type === "imported") this.#follower.headMoved();
    else if (event.type === "reorganized") this.#follower.headMoved(event.commonHeight);
    this.#emit(event);
  }

  #changed(): void {
    const isAvailable = this.#isAvailable();
    for (const waiter of this.#waiters) {
      if (this.#follower.confirmedHeight >= waiter.height) waiter.settle(true);
      else if (!isAvailable) waiter.settle(false);
    }
    if (isAvailable === this.#wasAvailable) return;
    this.#wasAvailable = isAvailable;
    this.#emit({ type: "availability", isAvailable });
  }

  #emit(event: ChainEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
