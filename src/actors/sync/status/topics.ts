/**
 * What the SyncActor publishes: its status, whether it may produce, the blocks of the chain as they come, and
 * a range of blocks at the reader's pace.
 */

import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import {
  type OperationSchema,
  type ProductionStatusSchema,
  type StreamBlocksRequestSchema,
  type StreamBlocksResponseSchema,
  SyncInternalService,
  SyncService,
  type SyncStatusSchema,
} from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { blockView } from "../../../integrations/chain/block-view.ts";
import type { ChainEvent, ChainPort } from "../../../integrations/chain/port.ts";
import { assertNever, type Failure, failure } from "../../../kernel/errors.ts";
import type { Streams } from "../../../kernel/stream/streams.ts";
import { Topic } from "../../../kernel/stream/topic.ts";
import { Transfer } from "../../../kernel/stream/transfer.ts";
import { STATUS_PERIOD_MS } from "../config.ts";
import type { Evidence } from "../equivocation/evidence.ts";
import { equivocationMessage } from "../equivocation/evidence-store.ts";
import { badField, OPERATION_NOT_FOUND } from "../errors.ts";
import { stallNews } from "./stall-message.ts";
import { reference } from "./status.ts";

type StatusInit = MessageInitShape<typeof SyncStatusSchema>;
type OperationInit = MessageInitShape<typeof OperationSchema>;
type ProductionInit = MessageInitShape<typeof ProductionStatusSchema>;

export interface TopicParts {
  readonly chain: ChainPort;
  status(): StatusInit;
  production(): ProductionInit;
  /** undefined: there is none of this id. */
  operation(id: string): OperationInit | undefined;
  /** All that are remembered; bounded. */
  operations(): OperationInit[];
}

/** Approvals of ours that wait for their reader; the newest stay, and whoever was too slow looks through the chain. */
const OWN_APPROVALS_MAX = 256;

/** A message of a transfer carries about this much. */
const CHUNK_BYTES = 256 * 1024;
/** Blocks of one message: small blocks would otherwise make arrays of hundreds of thousands. */
const CHUNK_BLOCKS_MAX = 1024;

export class SyncTopics {
  readonly streams: Streams<typeof SyncService>;
  readonly internalStreams: Streams<typeof SyncInternalService>;
  readonly #parts: TopicParts;
  readonly #status: Topic<typeof SyncService.method.watchSyncStatus>;
  readonly #production: Topic<typeof SyncService.method.watchProduction>;
  readonly #blocks: Topic<typeof SyncService.method.watchBlocks>;
  readonly #operations: Topic<typeof SyncService.method.watchOperation>;
  readonly #ownApprovals = new Topic(SyncInternalService.method.watchOwnApprovals, {
    afterSkip: "changes",
    messagesMax: OWN_APPROVALS_MAX,
    retainedMax: 0,
    snapshot: () => ({ event: { case: "snapshot" as const, value: {} } }),
  });
  /** What was told of each operation last, by id. */
  #toldOperations: ReadonlyMap<string, string> = new Map();
  #lastStatus = "";
  /** State and kind of stall: a change of either is told at once. */
  #lastUrgent = "";
  #lastStatusMs = Number.NEGATIVE_INFINITY;
  #lastProduction = "";

  constructor(parts: TopicParts) {
    const { chain } = parts;
    this.#parts = parts;
    this.#status = new Topic(SyncService.method.watchSyncStatus, {
      mode: "latest",
      snapshot: () => ({ event: { case: "snapshot", value: parts.status() } }),
    });
    this.#production = new Topic(SyncService.method.watchProduction, {
      mode: "latest",
      snapshot: () => ({ event: { case: "snapshot", value: parts.production() } }),
    });
    this.#blocks = new Topic(SyncService.method.watchBlocks, {
      afterSkip: "changes",
      snapshot: () => {
        const { head, final } = chain.snapshot();
        return { event: { case: "snapshot", value: { head: reference(head), final: reference(final) } } };
      },
    });
    this.#operations = new Topic(SyncService.method.watchOperation, {
      snapshot: ({ id }) => {
        const operation = parts.operation(id);
        if (operation === undefined) return OPERATION_NOT_FOUND;
        return { event: { case: "snapshot", value: operation } };
      },
      filter: ({ event }, { id }) => event.case === "operation" && event.value.id === id,
    });
    this.internalStreams = { watchOwnApprovals: this.#ownApprovals };
    this.streams = {
      watchOperation: this.#operations,
      watchSyncStatus: this.#status,
      watchProduction: this.#production,
      watchBlocks: this.#blocks,
      streamBlocks: new Transfer(SyncService.method.streamBlocks, { open: (request) => this.#open(request) }),
    };
  }

  /** Publishes what changed since the last time: a state or a kind of stall at once, the rest no more often than the period. */
  publishChanges(nowMs: number): void {
    const production = this.#parts.production();
    const named = (conditions: ProductionInit["unmet"]) =>
      (conditions ?? []).map(({ condition }) => condition).join();
    const productionKey = `${named(production.unmet)};${named(production.waived)}`;
    if (productionKey !== this.#lastProduction) {
      this.#lastProduction = productionKey;
      this.#production.publish({ event: { case: "status", value: production } });
    }
    this.#publishOperations();
    const status = this.#parts.status();
    const urgent = `${status.state} ${status.stall?.kind}`;
    if (urgent === this.#lastUrgent && nowMs - this.#lastStatusMs < STATUS_PERIOD_MS) return;
    const key = keyOf(status);
    if (key === this.#lastStatus) return;
    this.#lastStatus = key;
    this.#lastUrgent = urgent;
    this.#lastStatusMs = nowMs;
    this.#status.publish({ event: { case: "status", value: status } });
  }

  /** The start of each, each percent of it, each thing that it does, and its end. */
  #publishOperations(): void {
    const told = new Map<string, string>();
    for (const operation of this.#parts.operations()) {
      const { id = "", isDone, progressPpm = 0, detail = "" } = operation;
      const key = `${isDone} ${Math.floor(progressPpm / 10_000)} ${detail}`;
      told.set(id, key);
      if (this.#toldOperations.get(id) === key) continue;
      this.#operations.publish({ event: { case: "operation", value: operation } });
    }
    this.#toldOperations = told;
  }

  /** Members approved two blocks of one slot. */
  equivocated(evidence: Evidence): void {
    this.#blocks.publish({ event: { case: "equivocation", value: equivocationMessage(evidence) } });
  }

  /** A verified approval by our own key. */
  ownApproval(slot: number, hash: Uint8Array, isAuthor: boolean): void {
    this.#ownApprovals.publish({
      event: { case: "approval", value: { slot: BigInt(slot), hash, isAuthor } },
    });
  }

  chainChanged(event: ChainEvent): void {
    switch (event.type) {
      case "imported": {
        const { height } = event.head;
        const bytes = this.#parts.chain.readBlock(height);
        if (bytes === undefined) return;
        const view = blockView(bytes, height <= this.#parts.chain.snapshot().final.height);
        return this.#blocks.publish({ event: { case: "imported", value: view } });
      }
      case "reorganized": {
        const { head, commonHeight, blocksReverted } = event;
        const value = { commonHeight: BigInt(commonHeight), blocksReverted, head: reference(head) };
        return this.#blocks.publish({ event: { case: "reorganized", value } });
      }
      case "finalized":
        return this.#blocks.publish({ event: { case: "finalized", value: reference(event) } });
      case "availability":
      case "authoritiesChanged":
        // Neither moves a block.
        return;
      default:
        return assertNever(event);
    }
  }

  #open(
    request: MessageShape<typeof StreamBlocksRequestSchema>,
  ): Generator<MessageInitShape<typeof StreamBlocksResponseSchema> | Failure> | Failure {
    const { chain } = this.#parts;
    const { head, earliestHeight } = chain.snapshot();
    if (request.startHeight < 1n) return badField("start_height", "the first block has height 1");
    if (request.startHeight > BigInt(head.height)) {
      return failure("OUT_OF_RANGE", "ABOVE_HEAD", `our head has height ${head.height}`, {
        field: "start_height",
      });
    }
    const first = Number(request.startHeight);
    if (first < earliestHeight) {
      return failure("OUT_OF_RANGE", "BELOW_EARLIEST", `our first block has height ${earliestHeight}`, {
        field: "start_height",
      });
    }
    const available = head.height - first + 1;
    const count =
      request.count === 0n || request.count > BigInt(available) ? available : Number(request.count);
    return chunks(chain, first, count, request.includeViews);
  }
}

/**
 * Blocks as they are pulled; a reorganization meanwhile shows as a change of parent hashes, as in any
 * reading.
 */
function* chunks(
  chain: ChainPort,
  first: number,
  count: number,
  includeViews: boolean,
): Generator<MessageInitShape<typeof StreamBlocksResponseSchema> | Failure> {
  for (let height = first; height < first + count; ) {
    const wanted = Math.min(CHUNK_BLOCKS_MAX, first + count - height);
    const blocks = chain.readRange(height, wanted, CHUNK_BYTES);
    if (blocks.length === 0) return;
    const final = chain.snapshot().final.height;
    const views = includeViews ? blocks.map((block, at) => blockView(block, height + at <= final)) : [];
    yield { blocks, startHeight: BigInt(height), views };
    height += blocks.length;
  }
}

/** What of a status counts as a change; the head's age changes always and does not. */
function keyOf(status: StatusInit): string {
  return [
    status.state,
    status.head?.height,
    status.target?.height,
    status.unprovenTarget?.height,
    status.final?.height,
    status.connectedPeers,
    status.usefulPeers,
    status.requestsInFlight,
    status.bytesBuffered,
    status.canProduceBlocks,
    status.isPaused,
    status.mode,
    stallNews(status.stall),
  ].join();
}
