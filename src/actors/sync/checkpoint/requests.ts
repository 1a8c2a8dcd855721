/**
 * Requests about checkpoints that change nothing of the chain: making one, listing them, proving a block by one. Each is
 * carried out by the checkpointStore outside of the mailbox and answered in a later turn. checkpoints.ts says when they may be.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type CheckpointSchema,
  type CreateCheckpointRequest,
  type ListCheckpointsRequest,
  type ProveBlockRequest,
  type SyncInternalService,
  SyncService,
} from "../../../../gen/alys/sync/v1/sync_pb.ts";
import type {
  CheckpointStore,
  KeptCheckpoint,
} from "../../../integrations/chain/checkpoint/checkpoint-store.ts";
import type { ActorContext } from "../../../kernel/actor/actor.ts";
import type { Deferred } from "../../../kernel/actor/deferred.ts";
import { type Failure, failure } from "../../../kernel/errors.ts";
import { badField } from "../errors.ts";

type Public = typeof SyncService;
export type Context = ActorContext<Public, typeof SyncInternalService>;
export type Answer<M extends keyof Public["method"]> = Deferred<Public["method"][M]["output"]> | Failure;

const PAGE_SIZE = 100;

export function createCheckpoint(
  checkpointStore: CheckpointStore,
  context: Context,
  { height }: CreateCheckpointRequest,
): Answer<"createCheckpoint"> {
  const answer = context.deferred(SyncService.method.createCheckpoint);
  const work = checkpointStore.create(height === undefined ? undefined : Number(height));
  context.effect(work, (outcome) => {
    if (outcome.ok) answer.resolve({ checkpoint: checkpointMessage(outcome.value) });
    else answer.reject(outcome.failure);
  });
  return answer;
}

const BAD_PAGE_TOKEN = failure("INVALID_ARGUMENT", "BAD_PAGE_TOKEN", "there is no such page", {
  field: "page_token",
});

export function listCheckpoints(
  checkpointStore: CheckpointStore,
  context: Context,
  { pageSize, pageToken }: ListCheckpointsRequest,
): Answer<"listCheckpoints"> {
  const answer = context.deferred(SyncService.method.listCheckpoints);
  context.effect(checkpointStore.list(), (outcome) => {
    if (!outcome.ok) return answer.reject(outcome.failure);
    // The token is the id of the last one shown; a checkpoint that is gone ends the listing.
    const start = pageToken === "" ? 0 : outcome.value.findIndex(({ id }) => id === pageToken) + 1;
    if (pageToken !== "" && start === 0) return answer.reject(BAD_PAGE_TOKEN);
    const page = outcome.value.slice(start, start + (pageSize || PAGE_SIZE));
    const isEnd = start + page.length >= outcome.value.length;
    const nextPageToken = isEnd ? "" : (page.at(-1)?.id ?? "");
    return answer.resolve({ checkpoints: page.map(checkpointMessage), nextPageToken });
  });
  return answer;
}

export function proveBlock(
  checkpointStore: CheckpointStore,
  context: Context,
  { by, checkpointId }: ProveBlockRequest,
): Answer<"proveBlock"> {
  if (by.case === undefined) return badField("by", "height or hash is required");
  const answer = context.deferred(SyncService.method.proveBlock);
  const block = by.case === "height" ? { height: Number(by.value) } : { hash: by.value };
  context.effect(checkpointStore.prove(block, checkpointId), (outcome) => {
    if (!outcome.ok) return answer.reject(outcome.failure);
    const { height, hash, checkpoint, historyRoot, proof } = outcome.value;
    return answer.resolve({
      block: { height: BigInt(height), hash },
      checkpoint: { height: BigInt(checkpoint.height), hash: checkpoint.hash },
      historyRoot,
      proof,
    });
  });
  return answer;
}

export function checkpointMessage(kept: KeptCheckpoint): MessageInitShape<typeof CheckpointSchema> {
  const { id, height, hash, createdMs, bytes } = kept;
  return {
    id,
    block: { height: BigInt(height), hash },
    created: timestampFromMs(createdMs),
    sizeBytes: BigInt(bytes),
  };
}
