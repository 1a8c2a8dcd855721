/**
 * EquivocationDetector: two verified approvals of different headers of one slot. Remembers what was approved in the newest
 * slots, names the members who are in both, once for each further header, and hands out the evidence. Fed by live blocks,
 * by blocks near the head that a range sync had verified one by one, and by the proposals that the producer verified. A
 * machine without effects of its own, owned by machine.ts.
 */

import { decodeApproval } from "../../../chain/approval.ts";
import { keysOf } from "../../../chain/authorities.ts";
import { splitBlock } from "../../../chain/block.ts";
import { equalBytes } from "../../../chain/bytes.ts";
import { findEquivocation } from "../../../chain/equivocation.ts";
import type { AuthoritySetFacts } from "../../../chain/facts.ts";
import { decodeHeader, headerHash, type ReadHeader } from "../../../chain/header.ts";
import { toHex } from "../../../chain/hex.ts";
import { authorOf } from "../../../chain/rules.ts";
import type { ApprovalCheck } from "../../../chain/validator.ts";
import type { LiveEffect } from "../effect.ts";
import type { SyncMetrics } from "../metrics.ts";

export interface EquivocationDetectorParts {
  readonly metrics: SyncMetrics;
  /** Our own authority key: every approval that bears its bit is told. */
  readonly ownKey?: Uint8Array | undefined;
  effect(effect: LiveEffect): void;
}

/** Slots remembered, some eight minutes; at the bound the lowest ones are forgotten. */
const SLOTS_MAX = 320;
/** Forgotten at once: looking for the lowest costs as much as remembering so many. */
const SLOTS_FORGOTTEN = 64;
/** Different headers of one slot that are compared; more come only from members who are named already. */
const HEADERS_MAX = 8;

export class EquivocationDetector {
  readonly #parts: EquivocationDetectorParts;
  /** Approvals by slot, each header's as it was seen first and whenever others are in it. */
  readonly #seen = new Map<number, ApprovalCheck[]>();
  /** By slot and key, the headers that were told of: what names no other one is ignored. Bounded with slots and headers. */
  readonly #told = new Map<number, Map<string, Set<string>>>();

  constructor(parts: EquivocationDetectorParts) {
    this.#parts = parts;
  }

  /** SSZ SignedBlocks whose own approvals were verified under this set; their memory is not kept. */
  sawBlocks(blocks: readonly Uint8Array[], authorities: AuthoritySetFacts): void {
    for (const block of blocks) {
      const { header, approval } = splitBlock(block);
      this.saw({ header: header.slice(), approval: approval.slice(), authorities });
    }
  }

  /** `check.approval` was verified under `check.authorities`; `read` is its header, where somebody read it before. */
  saw(check: ApprovalCheck, read?: ReadHeader): void {
    const { slot } = read?.header ?? decodeHeader(check.header);
    this.#tellOwn(slot, check, read?.hash);
    const seen = this.#seen.get(slot) ?? [];
    const rivals = seen.filter(({ header }) => !equalBytes(header, check.header));
    for (const rival of rivals) this.#compare(slot, rival, check);
    const isNews = !seen.some((other) => covers(other, check));
    if (!isNews || seen.length >= HEADERS_MAX) return;
    this.#seen.set(slot, [...seen, check]);
    this.#forget();
  }

  #tellOwn(slot: number, { header, approval, authorities }: ApprovalCheck, known?: Uint8Array): void {
    const { ownKey } = this.#parts;
    if (ownKey === undefined) return;
    const index = authorities.keys.findIndex((key) => equalBytes(key, ownKey));
    if (index < 0 || (decodeApproval(approval).bits & (1 << index)) === 0) return;
    const isAuthor = authorOf(slot, authorities.keys.length) === index;
    const hash = known ?? headerHash(header);
    this.#parts.effect({ type: "ownApproval", slot, hash, isAuthor });
  }

  #compare(slot: number, first: ApprovalCheck, second: ApprovalCheck): void {
    const found = findEquivocation(first, second);
    if (found === undefined) return;
    const told = this.#told.get(slot) ?? new Map<string, Set<string>>();
    const headers = [first, second].map(({ header }) => toHex(headerHash(header)));
    const guiltyKeys = found.guiltyKeys.filter((key) => {
      const known = told.get(toHex(key));
      return !headers.every((header) => known?.has(header));
    });
    if (guiltyKeys.length === 0) return;
    for (const key of guiltyKeys) {
      const known = told.get(toHex(key)) ?? [];
      told.set(toHex(key), new Set([...known, ...headers]));
    }
    this.#told.set(slot, told);
    this.#parts.metrics.add("equivocations", guiltyKeys.length);
    this.#parts.effect({ type: "equivocation", evidence: { slot, guiltyKeys, first, second } });
  }

  #forget(): void {
    if (this.#seen.size <= SLOTS_MAX) return;
    const ascending = [...this.#seen.keys()].sort((left, right) => left - right);
    for (const slot of ascending.slice(0, SLOTS_FORGOTTEN)) {
      this.#seen.delete(slot);
      this.#told.delete(slot);
    }
  }
}

/** Whether the one tells of everybody who is in the other, for the same header. */
function covers(one: ApprovalCheck, other: ApprovalCheck): boolean {
  if (!equalBytes(one.header, other.header)) return false;
  const known = new Set(keysOf(one.authorities, decodeApproval(one.approval).bits).map(toHex));
  return keysOf(other.authorities, decodeApproval(other.approval).bits).every((key) => known.has(toHex(key)));
}
