/**
 * Asks one peer for a checkpoint and judges what comes, whole, from genesis's authorities on. Nothing is decided here: what
 * follows is the search's (search.ts).
 */

import { NetworkInternalService } from "../../../../gen/alys/network/v1/network_pb.ts";
import { decodeEvidence } from "../../../chain/checkpoint/codec.ts";
import { sha256 } from "../../../chain/hash.ts";
import type { CheckpointStore } from "../../../integrations/chain/checkpoint/checkpoint-store.ts";
import { Failure } from "../../../kernel/errors.ts";
import type { Ref } from "../../../kernel/ref.ts";
import type { SearchEffect } from "../effect.ts";
import { ANSWER_DEADLINE_MS, type CheckpointAnswer } from "./search-outcome.ts";

export interface AskPeerParts {
  readonly network: Ref<typeof NetworkInternalService>;
  readonly checkpoints: CheckpointStore;
  readonly signal: AbortSignal;
}

/** Rejects with nothing that a peer could cause. */
export async function askForCheckpoint(
  { network, checkpoints, signal }: AskPeerParts,
  { peerId, heightMax }: Extract<SearchEffect, { type: "askCheckpoint" }>,
): Promise<CheckpointAnswer> {
  const request = { peerId, heightMax: BigInt(heightMax), knownChangeHeight: 0n };
  const method = NetworkInternalService.method.requestCheckpoint;
  let bytes: Uint8Array;
  try {
    bytes = (await network.ask(method, request, { signal, deadlineMs: ANSWER_DEADLINE_MS })).evidence;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return { type: "failed", failure: thrown };
  }
  const digest = sha256(bytes);
  const evidence = decodeEvidence(bytes);
  if (evidence === undefined) return { type: "unsound", fault: "MALFORMED", digest };
  const verdict = await checkpoints.judge(evidence);
  if (!verdict.ok) return { type: "unsound", fault: verdict.fault, digest };
  const { proven } = verdict;
  return { type: "sound", id: checkpoints.idOf(proven), evidence, proven, digest };
}
