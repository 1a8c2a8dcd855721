/**
 * Notices: tells the attached processes what happens in the node: the chain's events, the turns of synchronisation, the
 * steps of production, pegs, members that come and go. A process that attaches is told the present first. Everything here
 * is small and may be lost; what must not be is read by height.
 */

import type { DescService, MessageInitShape } from "@bufbuild/protobuf";
import {
  type PegNoticeSchema,
  ProductionStage,
  SyncChange,
  type SyncNoticeSchema,
} from "../../gen/alys/integration/v1/notice_pb.ts";
import { ProducerService, type Vote } from "../../gen/alys/producer/v1/producer_pb.ts";
import {
  type Equivocation,
  SyncService,
  SyncState,
  type SyncStatus,
} from "../../gen/alys/sync/v1/sync_pb.ts";
import { parseBlock } from "../chain/block.ts";
import { BODY_FIELD, elementViews, fieldRange, PEGIN_LENGTH } from "../chain/body-layout.ts";
import { equalBytes } from "../chain/bytes.ts";
import { sha256 } from "../chain/hash.ts";
import { type AttachHub, referenceTo } from "../integrations/attach/hub.ts";
import type { BridgeListener } from "../integrations/bridge/port.ts";
import type { ChainEvent, ChainPort } from "../integrations/chain/port.ts";
import type { EngineCoordination } from "../integrations/engine/port.ts";
import { assertNever } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { RequestInitOf, ResponseOf, StreamMethodOf } from "../kernel/protocol.ts";
import type { Ref } from "../kernel/ref.ts";
import { follow } from "../kernel/stream/follow.ts";
import type { StreamReader, Subscription } from "../kernel/stream/reader.ts";
import type { FederationChannel } from "./federation-channel.ts";

export interface NoticeParts {
  readonly chain: ChainPort;
  readonly hubs: { readonly chain: AttachHub; readonly engine: AttachHub; readonly bridge: AttachHub };
  readonly engine: EngineCoordination;
  readonly bridge: BridgeListener;
  readonly channel: FederationChannel;
  readonly clock: Clock;
  readonly ownKey: Uint8Array | undefined;
}

export interface NoticeRefs {
  readonly sync: Ref<typeof SyncService>;
  readonly producer: Ref<typeof ProducerService>;
}

/** Peg-ins told of one block; further ones are only counted. */
const PEG_INS_MAX = 256;
/** Blocks of one import that are looked through for pegs: a segment has no more. */
const PEG_BLOCKS_MAX = 64;

export class Notices {
  readonly #parts: NoticeParts;
  readonly #subscriptions: Subscription[] = [];
  #syncStatus: SyncStatus | undefined;

  constructor(parts: NoticeParts) {
    this.#parts = parts;
    const { chain, hubs } = parts;
    chain.subscribe((event) => this.#chainChanged(event));
    hubs.chain.listen((isAttached) => isAttached && this.#presentToChain());
    hubs.engine.listen((isAttached) => isAttached && this.#presentToEngine());
    hubs.bridge.listen((isAttached) => isAttached && this.#presentToBridge());
  }

  /** Begins to follow the actors above. */
  connect({ sync, producer }: NoticeRefs): void {
    this.#follow(sync, SyncService.method.watchSyncStatus, ({ event }) => {
      if (event.case === "snapshot" || event.case === "status") this.#synced(event.value);
    });
    this.#follow(sync, SyncService.method.watchBlocks, ({ event }) => {
      if (event.case === "equivocation") this.#equivocated(event.value);
    });
    this.#follow(producer, ProducerService.method.watchVotes, ({ event }) => {
      if (event.case === "production") this.#parts.hubs.chain.notify("production", event.value);
      if (event.case === "vote" && !event.value.isProposal) this.#approved(event.value);
    });
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.close();
  }

  /** Members came or left. */
  membersChanged(): void {
    const { hubs, bridge } = this.#parts;
    if (hubs.bridge.isAttached) bridge.tell({ kind: "federation", value: { status: this.federation() } });
  }

  /** The federation as this node sees it. */
  federation() {
    const { head, target, state } = this.#syncStatus ?? {};
    const isSynced = state === SyncState.SYNCED;
    return { ...this.#parts.channel.members(), isSynced, ...(head && { head }), ...(target && { target }) };
  }

  #follow<S extends DescService, M extends StreamMethodOf<S>>(
    ref: Ref<S>,
    method: M,
    onMessage: (message: ResponseOf<M>) => void,
  ): void {
    const { clock } = this.#parts;
    const parts = {
      open: (reader: StreamReader<ResponseOf<M>>) => ref.watch(method, {} as RequestInitOf<M>, reader),
      after: (delayMs: number, run: () => void) => clock.setTimer(delayMs, run),
      now: () => clock.monotonicMs(),
    };
    this.#subscriptions.push(follow(parts, { onMessage }));
  }

  #chainChanged(event: ChainEvent): void {
    switch (event.type) {
      case "imported":
        this.#tellHead({});
        return this.#tellPegs(event.head.height - event.blocks + 1, event.head.height);
      case "reorganized": {
        const { blocksReverted, commonHeight, head } = event;
        this.#tellHead({ blocksReverted, commonHeight: BigInt(commonHeight) });
        return this.#tellPegs(commonHeight + 1, head.height);
      }
      case "finalized":
        return this.#tellHead({});
      case "authoritiesChanged":
        return this.#tellAuthorities(event.firstHeight);
      case "availability":
        // Of the attached process itself.
        return;
      default:
        return assertNever(event);
    }
  }

  #tellHead(change: { readonly blocksReverted?: number; readonly commonHeight?: bigint }): void {
    const { hubs, engine } = this.#parts;
    if (!hubs.chain.isAttached && !hubs.engine.isAttached) return;
    const value = { ...this.#head(), ...change };
    hubs.chain.notify("head", value);
    engine.tell({ kind: "head", value });
  }

  #head() {
    const { head, final } = this.#parts.chain.snapshot();
    return { head: referenceTo(head), final: referenceTo(final) };
  }

  #tellAuthorities(firstHeight: number): void {
    const value = this.#authorities(firstHeight);
    this.#parts.hubs.chain.notify("authorities", value);
    this.#parts.bridge.tell({ kind: "authorities", value });
  }

  #authorities(firstHeight: number) {
    const { keys, root } = this.#parts.chain.authoritiesAt(firstHeight);
    return { firstHeight: BigInt(firstHeight), keys: [...keys], root };
  }

  #tellPegs(firstHeight: number, lastHeight: number): void {
    const { chain, bridge, hubs } = this.#parts;
    if (!hubs.bridge.isAttached) return;
    for (
      let height = Math.max(firstHeight, lastHeight - PEG_BLOCKS_MAX + 1);
      height <= lastHeight;
      height++
    ) {
      const bytes = chain.readBlock(height);
      const hash = chain.hashAt(height);
      const value = bytes && hash && pegsOf(bytes, height, hash);
      if (value !== undefined) bridge.tell({ kind: "peg", value });
    }
  }

  #synced(status: SyncStatus): void {
    const before = this.#syncStatus?.state;
    this.#syncStatus = status;
    if (before === status.state) return;
    const wasSynced = before === SyncState.SYNCED;
    if (status.state === SyncState.SYNCED || status.state === SyncState.FAILED || wasSynced) {
      const value = syncNotice(status);
      this.#parts.hubs.chain.notify("sync", value);
      this.#parts.engine.tell({ kind: "sync", value });
      this.membersChanged();
    }
  }

  /** Members approved two blocks of one slot. */
  #equivocated(evidence: Equivocation): void {
    const { slot, memberKeys, firstHeader, firstApproval, secondHeader, secondApproval } = evidence;
    const first = { header: firstHeader, approval: firstApproval };
    const second = { header: secondHeader, approval: secondApproval };
    const value = { slot, guiltyKeys: memberKeys, first, second };
    this.#parts.hubs.chain.notify("equivocation", value);
    this.#parts.bridge.tell({ kind: "equivocation", value });
  }

  /** Our own approval of another member's block. */
  #approved({ slot, block, authorityIndex }: Pick<Vote, "slot" | "block" | "authorityIndex">): void {
    const { chain, ownKey, hubs } = this.#parts;
    const key = chain.authoritiesAt(Number(block?.height ?? 0n)).keys[authorityIndex];
    if (ownKey === undefined || key === undefined || !equalBytes(key, ownKey)) return;
    const value = { slot, stage: ProductionStage.APPROVED, ...(block && { block }) };
    hubs.chain.notify("production", value);
  }

  #presentToChain(): void {
    const { hubs, chain } = this.#parts;
    hubs.chain.notify("head", this.#head());
    hubs.chain.notify("authorities", this.#authorities(chain.snapshot().head.height + 1));
    if (this.#syncStatus !== undefined) hubs.chain.notify("sync", syncNotice(this.#syncStatus));
  }

  #presentToEngine(): void {
    const { engine } = this.#parts;
    engine.tell({ kind: "head", value: this.#head() });
    if (this.#syncStatus !== undefined) engine.tell({ kind: "sync", value: syncNotice(this.#syncStatus) });
  }

  #presentToBridge(): void {
    const { bridge, chain } = this.#parts;
    const value = this.#authorities(chain.snapshot().head.height + 1);
    bridge.tell({ kind: "authorities", value });
    this.membersChanged();
  }
}

function syncNotice(status: SyncStatus): MessageInitShape<typeof SyncNoticeSchema> {
  const { state, head, target, reason } = status;
  const change =
    state === SyncState.SYNCED
      ? SyncChange.COMPLETED
      : state === SyncState.FAILED
        ? SyncChange.FAILED
        : SyncChange.REQUIRED;
  return { change, reason, ...(head && { head }), ...(target && { target }) };
}

/** What a validated block says of pegs; undefined when it says nothing. */
export function pegsOf(
  bytes: Uint8Array,
  height: number,
  hash: Uint8Array,
): MessageInitShape<typeof PegNoticeSchema> | undefined {
  const { body } = parseBlock(bytes);
  const [start, end] = fieldRange(body, BODY_FIELD.pegins);
  const elements = (field: number) => elementViews(body.bytes, ...fieldRange(body, field)).map(pegOut);
  const [pegOutProposal] = elements(BODY_FIELD.pegoutProposal);
  const finalizedPegOuts = elements(BODY_FIELD.finalizedPegouts);
  const pegInCount = (end - start) / PEGIN_LENGTH;
  if (pegInCount === 0 && pegOutProposal === undefined && finalizedPegOuts.length === 0) return undefined;
  const pegIns = Array.from({ length: Math.min(pegInCount, PEG_INS_MAX) }, (_, index) => {
    const at = start + index * PEGIN_LENGTH;
    return {
      txid: body.bytes.slice(at, at + 32),
      bitcoinBlockHash: body.bytes.slice(at + 32, at + PEGIN_LENGTH),
    };
  });
  return {
    block: { height: BigInt(height), hash },
    pegIns,
    pegInCount,
    finalizedPegOuts,
    ...(pegOutProposal && { pegOutProposal }),
  };
}

const pegOut = (bytes: Uint8Array) => ({ digest: sha256(bytes), sizeBytes: bytes.length });
