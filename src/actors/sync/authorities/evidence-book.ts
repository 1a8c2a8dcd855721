/**
 * EvidenceBook: what equivocations leave behind, kept over restarts for whoever decides about the member: one record for
 * each slot and pair of blocks, an encoded alys.sync.v1.Equivocation. Owned by the SyncActor; the table outlives it.
 */

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { EquivocationSchema } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { concatBytes } from "../../../chain/bytes.ts";
import { sha256 } from "../../../chain/hash.ts";
import { toHex } from "../../../chain/hex.ts";
import type { Table } from "../../../storage/port.ts";
import type { Evidence } from "./equivocations.ts";

/** Records kept, under a kilobyte each; at the bound the one of the lowest slot goes. */
export const EVIDENCE_MAX = 256;

export class EvidenceBook {
  readonly #table: Table | undefined;

  /** Without a table the log alone keeps it. */
  constructor(table: Table | undefined) {
    this.#table = table;
  }

  /** Rejects with the table's Failure. */
  async keep(evidence: Evidence): Promise<void> {
    if (this.#table === undefined) return;
    const message = create(EquivocationSchema, equivocationMessage(evidence));
    const keys = [...this.#table.entries()].map(([key]) => key);
    const entries = new Map<string, Uint8Array | undefined>();
    // Ascending by slot, since the keys begin with it.
    for (const key of keys.slice(0, Math.max(0, keys.length + 1 - EVIDENCE_MAX))) entries.set(key, undefined);
    entries.set(keyOf(evidence), toBinary(EquivocationSchema, message));
    await this.#table.put(entries);
  }
}

export function equivocationMessage(evidence: Evidence): MessageInitShape<typeof EquivocationSchema> {
  const { slot, guiltyKeys, first, second } = evidence;
  return {
    slot: BigInt(slot),
    memberKeys: [...guiltyKeys],
    firstHeader: first.header,
    firstApproval: first.approval,
    secondHeader: second.header,
    secondApproval: second.approval,
  };
}

/** Digest of both headers: what tells two cases apart. */
export function digestOf({ first, second }: Evidence): Uint8Array {
  return sha256(concatBytes([first.header, second.header]));
}

const SLOT_DIGITS = 16;

function keyOf(evidence: Evidence): string {
  const digest = toHex(digestOf(evidence)).slice(0, 16);
  return `${String(evidence.slot).padStart(SLOT_DIGITS, "0")}-${digest}`;
}
