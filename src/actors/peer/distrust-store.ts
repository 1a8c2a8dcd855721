/**
 * DistrustStore: which members approved two blocks of one slot, and of which an administrator said that they may be trusted
 * again. It follows from the kept evidence, which is another's and only read here, and from a table of the answers to it,
 * which is its own. So a restart neither ends distrust nor renews it. Owned by the PeerActor; it outlives the actor.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type DistrustedMember,
  DistrustedMemberSchema,
  type RestoredTrust,
  RestoredTrustSchema,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import { concatBytes } from "../../chain/bytes.ts";
import { HASH_LENGTH } from "../../chain/header.ts";
import { fromHex, toHex } from "../../chain/hex.ts";
import type { Table } from "../../storage/port.ts";

/** Members distrusted at a time, more than a federation has in its life; at the bound the first one gives way. */
const MEMBERS_MAX = 256;

/** Members remembered as trusted again; at the bound the one of longest ago is forgotten, and its evidence counts anew. */
const RESTORED_MAX = 256;

/**
 * Blocks remembered of one member: all that the kept evidence can name, 256 cases of two, and as many that it has forgotten
 * (32 KiB). At the bound the first ones are.
 */
const BLOCKS_MAX = 1024;

/** Slots told of one member. */
const SLOTS_TOLD = 16;

/** The blocks that were answered stand beside the record of who was trusted again. */
const BLOCKS_SUFFIX = "/blocks";

export type Hearing =
  /** The member is distrusted from now on. */
  | "distrusted"
  /** It was before. */
  | "known"
  /** An administrator answered this evidence. */
  | "answered";

interface Restored {
  readonly trust: RestoredTrust;
  readonly blocks: ReadonlySet<string>;
}

/** Evidence on disk: members who approved two blocks of a slot. */
export interface KeptCase {
  readonly slot: number;
  /** 48 bytes each. */
  readonly memberKeys: readonly Uint8Array[];
  /** Hashes of both blocks, 64 bytes. */
  readonly digest: Uint8Array;
}

interface Case {
  readonly slot: number;
  readonly members: readonly string[];
  readonly blocks: readonly string[];
}

const NOTHING_KEPT = (): readonly KeptCase[] => [];

export class DistrustStore {
  readonly #evidence: () => readonly KeptCase[];
  readonly #answers: Table | undefined;
  /** By key in hex: blocks that it approved beside another of their slot, where that is not answered. */
  readonly #distrusted = new Map<string, Set<string>>();
  /** By key in hex, in the order in which they were trusted again. */
  readonly #restored = new Map<string, Restored>();

  /** `evidence` reads what is on disk now. Without a table it remembers its answers as long as it lives. */
  constructor(evidence: () => readonly KeptCase[] = NOTHING_KEPT, answers?: Table) {
    this.#evidence = evidence;
    this.#answers = answers;
    for (const restored of readAnswers(answers))
      this.#restored.set(toHex(restored.trust.memberKey), restored);
    for (const { members, blocks } of this.#kept()) for (const member of members) this.#hear(member, blocks);
  }

  /** Keys of those who are distrusted. */
  get keys(): readonly Uint8Array[] {
    return [...this.#distrusted.keys()].map(fromHex);
  }

  isDistrusted(memberKey: Uint8Array): boolean {
    return this.#distrusted.has(toHex(memberKey));
  }

  /** Evidence against a member: hashes of the blocks back to back; of another length it counts as one thing. */
  hear(memberKey: Uint8Array, evidence: Uint8Array): Hearing {
    return this.#hear(toHex(memberKey), blocksIn(evidence));
  }

  /**
   * All evidence against a distrusted member is answered. The member is trusted again when `stored` settled, but for
   * evidence that comes meanwhile. Undefined when it is not distrusted.
   */
  lift(
    memberKey: Uint8Array,
    reason: string,
    nowMs: number,
  ): { readonly trust: RestoredTrust; readonly stored: Promise<void> } | undefined {
    const member = toHex(memberKey);
    const open = this.#distrusted.get(member);
    if (open === undefined) return undefined;
    const before = this.#restored.get(member)?.blocks ?? [];
    const kept = this.#kept().filter(({ members }) => members.includes(member));
    const all = new Set([...before, ...kept.flatMap(({ blocks }) => blocks), ...open]);
    const blocks = new Set([...all].slice(-BLOCKS_MAX));
    const trust = create(RestoredTrustSchema, { memberKey, reason, restored: timestampFromMs(nowMs) });
    return { trust, stored: this.#store(member, { trust, blocks }) };
  }

  /** When the member was trusted again, if it was. */
  restored(memberKey: Uint8Array): RestoredTrust | undefined {
    return this.#restored.get(toHex(memberKey))?.trust;
  }

  allRestored(): readonly RestoredTrust[] {
    return [...this.#restored.values()].map(({ trust }) => trust);
  }

  /** By key; whether a member's channel is closed is not this book's to say. */
  list(isCutOff: boolean): DistrustedMember[] {
    const kept = this.#kept();
    return [...this.#distrusted.keys()].sort().map((member) => {
      const answered = this.#restored.get(member)?.blocks;
      const open = kept.filter(
        ({ members, blocks }) => members.includes(member) && !blocks.every((block) => answered?.has(block)),
      );
      const slots = [...new Set(open.map(({ slot }) => slot))].sort((left, right) => left - right);
      const told = slots.slice(-SLOTS_TOLD).map(BigInt);
      return create(DistrustedMemberSchema, { memberKey: fromHex(member), slots: told, isCutOff });
    });
  }

  #hear(member: string, blocks: readonly string[]): Hearing {
    const answered = this.#restored.get(member)?.blocks;
    // Whoever approved the one and the other of these approved no more than was answered, whichever two are shown.
    if (blocks.every((block) => answered?.has(block))) return "answered";
    const known = this.#distrusted.get(member);
    const open = known ?? new Set<string>();
    for (const block of blocks) if (open.size < BLOCKS_MAX) open.add(block);
    this.#distrusted.set(member, open);
    if (this.#distrusted.size > MEMBERS_MAX) this.#distrusted.delete(firstOf(this.#distrusted));
    return known === undefined ? "distrusted" : "known";
  }

  async #store(member: string, restored: Restored): Promise<void> {
    const forgotten = this.#restored.size >= RESTORED_MAX ? firstOf(this.#restored) : member;
    const entries = new Map<string, Uint8Array | undefined>();
    if (forgotten !== member) for (const key of keysOf(forgotten)) entries.set(key, undefined);
    entries.set(member, toBinary(RestoredTrustSchema, restored.trust));
    entries.set(`${member}${BLOCKS_SUFFIX}`, concatBytes([...restored.blocks].map(fromHex)));
    await this.#answers?.put(entries);
    this.#restored.delete(forgotten);
    this.#restored.delete(member);
    this.#restored.set(member, restored);
    const open = [...(this.#distrusted.get(member) ?? [])].filter((block) => !restored.blocks.has(block));
    if (open.length === 0) this.#distrusted.delete(member);
    else this.#distrusted.set(member, new Set(open));
  }

  /** The evidence on disk, at most as much as the SyncActor keeps. */
  #kept(): Case[] {
    return this.#evidence().map(({ slot, memberKeys, digest }) => ({
      slot,
      members: memberKeys.map(toHex),
      blocks: blocksIn(digest),
    }));
  }
}

const keysOf = (member: string): string[] => [member, `${member}${BLOCKS_SUFFIX}`];

const firstOf = (map: ReadonlyMap<string, unknown>): string => map.keys().next().value ?? "";

function blocksIn(evidence: Uint8Array): string[] {
  if (evidence.length === 0 || evidence.length % HASH_LENGTH !== 0) return [toHex(evidence)];
  return Array.from({ length: evidence.length / HASH_LENGTH }, (_, index) =>
    toHex(evidence.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH)),
  );
}

/** In the order in which they were trusted again. */
function readAnswers(table: Table | undefined): Restored[] {
  const restored: Restored[] = [];
  for (const [key, bytes] of table?.entries() ?? []) {
    if (key.endsWith(BLOCKS_SUFFIX)) continue;
    const trust = decoded(() => fromBinary(RestoredTrustSchema, bytes.slice()));
    const blocks = table?.get(`${key}${BLOCKS_SUFFIX}`);
    if (trust === undefined || blocks === undefined || toHex(trust.memberKey) !== key) continue;
    restored.push({ trust, blocks: new Set(blocksIn(blocks.slice())) });
  }
  const timeOf = ({ trust }: Restored): number => (trust.restored ? timestampMs(trust.restored) : 0);
  return restored.sort((left, right) => timeOf(left) - timeOf(right));
}

function decoded<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
