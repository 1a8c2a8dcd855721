/**
 * EvidenceStore: what equivocations leave behind, kept over restarts: whoever is named in it and not trusted again by an
 * administrator is distrusted from the start of a node on (the PeerActor's DistrustStore). One record for each slot, pair of
 * blocks and members, an encoded alys.sync.v1.Equivocation. Owned by the SyncActor; the table outlives it.
 */

import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Equivocation, EquivocationSchema } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { compareBytes, concatBytes } from "../../../chain/bytes.ts";
import { sha256 } from "../../../chain/hash.ts";
import { HEADER_LENGTH, headerHash } from "../../../chain/header.ts";
import { toHex } from "../../../chain/hex.ts";
import type { Table } from "../../../storage/port.ts";
import type { Evidence } from "./evidence.ts";

/**
 * Records kept, under a kilobyte each. At the bound the lowest slot goes whose members other records name too, so that who
 * has approved much twice clears nobody; only where there is none the lowest of all.
 */
export const EVIDENCE_MAX = 256;

export class EvidenceStore {
  readonly #table: Table | undefined;

  /** Without a table the log alone keeps it. */
  constructor(table: Table | undefined) {
    this.#table = table;
  }

  /** What is kept already stays as it is. Rejects with the table's Failure. */
  async keep(evidence: Evidence): Promise<void> {
    if (this.#table === undefined) return;
    const key = keyOf(evidence);
    if (this.#table.get(key) !== undefined) return;
    const message = create(EquivocationSchema, equivocationMessage(evidence));
    const entries = new Map<string, Uint8Array | undefined>();
    for (const superfluous of superfluousIn([...this.#table.entries()], message)) {
      entries.set(superfluous, undefined);
    }
    entries.set(key, toBinary(EquivocationSchema, message));
    await this.#table.put(entries);
  }
}

/** Keys of the records that make room for another one. Ascending by slot, since the keys begin with it. */
function superfluousIn(entries: readonly [string, Uint8Array][], added: Equivocation): string[] {
  const records = entries.map(([key, bytes]) => ({ key, members: membersIn(bytes) }));
  const times = new Map<string, number>();
  const count = (members: readonly string[], by: number): void => {
    for (const member of members) times.set(member, (times.get(member) ?? 0) + by);
  };
  count(added.memberKeys.map(toHex), 1);
  for (const { members } of records) count(members, 1);
  const superfluous: string[] = [];
  while (records.length >= EVIDENCE_MAX) {
    const isNamedElsewhere = ({ members }: (typeof records)[number]): boolean =>
      members.every((member) => (times.get(member) ?? 0) > 1);
    const [gone] = records.splice(Math.max(0, records.findIndex(isNamedElsewhere)), 1);
    if (gone === undefined) break;
    count(gone.members, -1);
    superfluous.push(gone.key);
  }
  return superfluous;
}

/** None in a record that cannot be read: it goes first. */
const membersIn = (bytes: Uint8Array): string[] => readRecord(bytes)?.memberKeys.map(toHex) ?? [];

/** What is kept of one case; `digest` as digestOf has it. */
export interface KeptCase {
  readonly slot: number;
  readonly memberKeys: readonly Uint8Array[];
  readonly digest: Uint8Array;
}

/** Everything in a book's table, ascending by slot. Records that cannot be read count as none. */
export function keptCases(table: Table | undefined): KeptCase[] {
  const cases: KeptCase[] = [];
  for (const [, bytes] of table?.entries() ?? []) {
    const record = readRecord(bytes);
    if (record === undefined) continue;
    const { slot, memberKeys, firstHeader, secondHeader } = record;
    if (firstHeader.length !== HEADER_LENGTH || secondHeader.length !== HEADER_LENGTH) continue;
    cases.push({ slot: Number(slot), memberKeys, digest: digestOfHeaders(firstHeader, secondHeader) });
  }
  return cases;
}

function readRecord(bytes: Uint8Array): Equivocation | undefined {
  try {
    return fromBinary(EquivocationSchema, bytes.slice());
  } catch {
    return undefined;
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

/** Hashes of both blocks, 32 bytes each, the lower one first: what tells two cases apart, whichever block came first. */
export function digestOf({ first, second }: Evidence): Uint8Array {
  return digestOfHeaders(first.header, second.header);
}

function digestOfHeaders(first: Uint8Array, second: Uint8Array): Uint8Array {
  return concatBytes([headerHash(first), headerHash(second)].sort(compareBytes));
}

const SLOT_DIGITS = 16;

function keyOf(evidence: Evidence): string {
  const members = [...evidence.guiltyKeys].sort(compareBytes);
  const digest = toHex(sha256(concatBytes([digestOf(evidence), ...members]))).slice(0, 16);
  return `${String(evidence.slot).padStart(SLOT_DIGITS, "0")}-${digest}`;
}
