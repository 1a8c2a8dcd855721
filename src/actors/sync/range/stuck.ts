/**
 * Liveness: finds whatever waits for something that nobody is doing, such as an answer without a request or a
 * verdict that will not come. Nothing should ever be found; what is found is a defect, which is logged,
 * counted and mended. Pure: the pipeline shows itself, the actor acts.
 */

import type { Batch } from "./batch.ts";

/** What the pipeline has under way, by the batch it is for. */
export interface UnderWay {
  readonly batches: readonly Batch[];
  /** Ids of requests that will still settle. */
  readonly requestIds: ReadonlySet<number>;
  /** Tickets (see ticketKey) of validations and imports that will still settle. */
  readonly tickets: ReadonlySet<string>;
}

/** Names one segment of one answer in one attempt. */
export interface Ticket {
  readonly batchId: number;
  readonly revision: number;
  readonly index: number;
}

export function ticketKey(ticket: Ticket): string {
  return `${ticket.batchId}.${ticket.revision}.${ticket.index}`;
}

export interface Stuck {
  readonly batchId: number;
  readonly waitsFor: "answer" | "verdict" | "import";
}

/** Batches that wait for an outcome that nobody owes them. */
export function findStuck(underWay: UnderWay): Stuck[] {
  const stuck: Stuck[] = [];
  for (const batch of underWay.batches) {
    const waitsFor = missing(batch, underWay);
    if (waitsFor !== undefined) stuck.push({ batchId: batch.id, waitsFor });
  }
  return stuck;
}

function missing(batch: Batch, underWay: UnderWay): Stuck["waitsFor"] | undefined {
  if (batch.state === "downloading") {
    const isOwed = underWay.requestIds.has(batch.requestId);
    const isHedgeOwed = batch.hedge === undefined || underWay.requestIds.has(batch.hedge.requestId);
    return isOwed && isHedgeOwed ? undefined : "answer";
  }
  if (batch.state !== "validating" && batch.state !== "importing") return undefined;
  const { id, revision } = batch;
  for (const [index, { step }] of batch.slots.entries()) {
    if (step.at !== "checking" && step.at !== "submitted") continue;
    if (underWay.tickets.has(ticketKey({ batchId: id, revision, index }))) continue;
    return step.at === "checking" ? "verdict" : "import";
  }
  return undefined;
}
