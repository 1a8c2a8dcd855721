/**
 * BackFill: fetches the history behind an adopted checkpoint from the top down, run after run, from whichever peer has
 * it, and hands each run to the chain, which checks that it leads to what is there. A peer whose blocks do not is asked no
 * more and reported. It ends when nothing is missing, or when it is stopped; without peers it waits.
 */

import { NetworkInternalService } from "../../../../gen/alys/network/v1/network_pb.ts";
import { Offence, PeerInternalService } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { concatBytes } from "../../../chain/bytes.ts";
import { sha256 } from "../../../chain/hash.ts";
import {
  missingHistory,
  prependHistory,
} from "../../../integrations/chain/checkpoint/checkpoint-recovery.ts";
import type { CheckpointStore } from "../../../integrations/chain/checkpoint/checkpoint-store.ts";
import { Failure } from "../../../kernel/errors.ts";
import type { Clock } from "../../../kernel/ports/clock.ts";
import type { Log } from "../../../kernel/ports/log.ts";
import type { Ref } from "../../../kernel/ref.ts";
import type { QuotaLedger } from "../range/quota.ts";
import type { SyncPeers } from "../sync-peers.ts";
import { takeTurn } from "./turn.ts";

export interface BackFillParts {
  readonly checkpointStore: CheckpointStore;
  readonly peers: SyncPeers;
  readonly network: Ref<typeof NetworkInternalService>;
  readonly peerInternal: Ref<typeof PeerInternalService>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly quota: QuotaLedger;
  /** Nobody is asked for anything meanwhile; what was asked for is taken when it comes. */
  isPaused(): boolean;
}

/** What an actor's part hands on of its own to work outside of the mailbox. */
export function outsideParts(
  parts: Pick<BackFillParts, "peers" | "quota" | "network" | "peerInternal" | "isPaused">,
  { clock, log, signal }: Pick<BackFillParts, "clock" | "log" | "signal">,
  checkpointStore: CheckpointStore,
): BackFillParts {
  const { peers, quota, network, peerInternal } = parts;
  return {
    checkpointStore,
    peers,
    quota,
    network,
    peerInternal,
    clock,
    log,
    signal,
    isPaused: () => parts.isPaused(),
  };
}

/** Blocks of one run: 110 KiB of usual blocks. Their bytes are bounded below. */
const RUN_BLOCKS = 256;
/** Bytes of a run; above it a shorter one is asked for. Half of what a write may have. */
const RUN_BYTES_MAX = 8 * 1024 * 1024;
/** Before peers are asked again that could not answer, milliseconds. */
const PAUSE_MS = 1_000;

export class BackFill {
  readonly #parts: BackFillParts;
  /** Peers that lied. Bounded by the peers that may connect; a restart forgives. */
  readonly #liars = new Set<string>();
  #runBlocks = RUN_BLOCKS;
  #asked = 0;
  #isStopped = false;

  constructor(parts: BackFillParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** True when nothing is missing any more, false when it was stopped. Rejects with a Failure of our own disk alone. */
  async run(): Promise<boolean> {
    const { checkpointStore, signal } = this.#parts;
    for (;;) {
      if (this.#isStopped || signal.aborted) return false;
      const missing = missingHistory(checkpointStore);
      if (missing === 0) return true;
      if (this.#parts.isPaused() || !(await this.#step(missing))) await this.#pause();
    }
  }

  /** Whether a run was added, or the next one shall be tried at once. */
  async #step(missing: number): Promise<boolean> {
    const { checkpointStore } = this.#parts;
    const peerId = this.#nextPeer();
    if (peerId === undefined) return false;
    const blocks = await this.#fetch(peerId, missing);
    if (blocks === undefined) return false;
    if (this.#isStopped) return true;
    if (blocks.length === 0) {
      this.#runBlocks = Math.max(1, Math.floor(this.#runBlocks / 2));
      return true;
    }
    try {
      await prependHistory(checkpointStore, blocks);
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.reason !== "WRONG_HISTORY") throw thrown;
      this.#blame(peerId, thrown, blocks);
    }
    return true;
  }

  /** The run that ends at `last`; empty when it is too large, undefined when the peer does not deliver it, or not now. */
  async #fetch(peerId: string, last: number): Promise<Uint8Array[] | undefined> {
    const { network, signal } = this.#parts;
    const first = Math.max(1, last - this.#runBlocks + 1);
    const blocks: Uint8Array[] = [];
    let bytes = 0;
    while (first + blocks.length <= last) {
      await takeTurn(this.#parts, peerId, "blocks-by-range");
      if (this.#isStopped || this.#parts.isPaused()) return undefined;
      const startHeight = BigInt(first + blocks.length);
      const count = last - first - blocks.length + 1;
      try {
        const request = { peerId, startHeight, count };
        const answer = await network.ask(NetworkInternalService.method.requestBlocks, request, { signal });
        if (answer.blocks.length === 0) return undefined;
        blocks.push(...answer.blocks);
        bytes += answer.blocks.reduce((sum, block) => sum + block.length, 0);
      } catch (thrown) {
        if (!(thrown instanceof Failure)) throw thrown;
        return undefined;
      }
      if (bytes > RUN_BYTES_MAX && this.#runBlocks > 1) return [];
    }
    return blocks;
  }

  /** In turn, those that say that they have the whole history. */
  #nextPeer(): string | undefined {
    const able = [...this.#parts.peers.all()]
      .filter(({ peerId, earliestHeight }) => earliestHeight <= 1 && !this.#liars.has(peerId))
      .map(({ peerId }) => peerId)
      .sort();
    return able[this.#asked++ % Math.max(1, able.length)];
  }

  #blame(peerId: string, cause: Failure, blocks: readonly Uint8Array[]): void {
    const { peerInternal, log } = this.#parts;
    this.#liars.add(peerId);
    log.warn("a peer's history does not lead to ours", { peer: peerId, detail: cause.message });
    const evidence = sha256(concatBytes(blocks));
    const report = { peerId, offence: Offence.WRONG_ANSWER, detail: cause.message, evidence };
    peerInternal.tell(PeerInternalService.method.reportOffence, report);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.clock.setTimer(PAUSE_MS, resolve);
    });
  }
}
