/**
 * Whether this node may take part in consensus: near the head (ratio and lag), a fresh head, peers, a quorum
 * of members in sight, a chain to build on, and no word of the operator against it. Pure; every condition
 * that is not met is named with its numbers. Hysteresis keeps a node at the edge from flapping: it comes back
 * at stricter limits than those it left at.
 */

import { ProductionCondition } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { quorumOf } from "../../../chain/approval.ts";
import { equalBytes } from "../../../chain/bytes.ts";
import { toHex } from "../../../chain/hex.ts";
import type { Failure } from "../../../kernel/errors.ts";
import type { SyncConfig } from "../config.ts";
import { stallWords } from "../status/stall-words.ts";
import type { Peer } from "../sync-peers.ts";

export type ProductionOverride = "none" | "forbid" | "allow";

export interface ProductionFacts {
  readonly headHeight: number;
  readonly headHash: Uint8Array;
  /** Never negative. */
  readonly headAgeMs: number;
  /** For how long it has been our head, by the monotonic clock. */
  readonly headForMs: number;
  /** Our own where none is better. */
  readonly targetHeight: number;
  readonly peers: readonly Peer[];
  /** The set in force for the next block, 48 bytes a key. */
  readonly authorities: readonly Uint8Array[];
  /** Our member key, where we have one. */
  readonly ownKey: Uint8Array | undefined;
  readonly isChainAvailable: boolean;
  /** Why it is not, where more is known. */
  readonly chainFailure?: Failure | undefined;
  /** Why the member signs nothing at present, in the ProducerActor's words. */
  readonly signing?: readonly Condition[] | undefined;
  readonly override: ProductionOverride;
  /** Monotonic milliseconds, as `statusMs` of the peers. */
  readonly nowMs: number;
  /** What else keeps this member from signing. */
  readonly bars: readonly Condition[];
}

export type ProductionLimits = Pick<
  SyncConfig,
  "syncThreshold" | "lagBlocksMax" | "headAgeMsMax" | "peersMin" | "emergencyTimeoutMs"
>;

/** What hysteresis remembers from one judgement to the next. */
export interface ProductionMemory {
  readonly isNear: boolean;
  readonly isFresh: boolean;
}

export interface Condition {
  readonly condition: ProductionCondition;
  readonly detail: string;
}

export interface ProductionVerdict {
  readonly canProduce: boolean;
  readonly unmet: readonly Condition[];
  readonly waived: readonly Condition[];
  readonly memory: ProductionMemory;
  /** No block for longer than the emergency timeout, although nobody has a better head. */
  readonly isEmergency: boolean;
  /** Near the head, and the head fresh or excused by a quorum that reports the same one. */
  readonly isSynced: boolean;
}

export const FIRST_MEMORY: ProductionMemory = { isNear: false, isFresh: false };

/** A member's report of its head counts for this long, milliseconds. */
const REPORT_AGE_MS_MAX = 10_000;

/**
 * A head that we have for less than this came from a chain that is alive, however old our clock calls it: five slots. In a
 * halt there are no new ones.
 */
const HALTED_MS_MIN = 10_000;

/** A head that was too old counts as fresh again at this share of the limit. */
const FRESH_AGAIN = 0.75;

/** Conditions that the operator's ALLOW sets aside. */
const OVERRIDABLE: ReadonlySet<ProductionCondition> = new Set([
  ProductionCondition.RATIO,
  ProductionCondition.LAG,
  ProductionCondition.AGE,
  ProductionCondition.PEERS,
]);

export function judgeProduction(
  facts: ProductionFacts,
  limits: ProductionLimits,
  before: ProductionMemory,
): ProductionVerdict {
  const near = judgeDistance(facts, limits, before.isNear);
  const age = judgeAge(facts, limits, before.isFresh);
  const emergency = near.length === 0 ? judgeEmergency(facts, limits) : undefined;
  // A halt of the whole chain: what excuses the head's age excuses that it is called an emergency.
  const halted = [age, emergency].filter((condition) => condition !== undefined);
  const excuse = halted.length === 0 ? undefined : excuseOf(facts);
  const unmet: Condition[] = [...near, ...judgePeers(facts, limits), ...judgeRest(facts)];
  const waived: Condition[] = [];
  if (excuse === undefined) unmet.push(...halted);
  else waived.push(...halted.map((each) => ({ ...each, detail: `${each.detail}; ${excuse}` })));
  const memory = { isNear: near.length === 0, isFresh: age === undefined };
  const isSynced = memory.isNear && (memory.isFresh || excuse !== undefined);
  const rest = { memory, isSynced, isEmergency: emergency !== undefined };
  if (facts.override !== "allow") return { canProduce: unmet.length === 0, unmet, waived, ...rest };
  const isSetAside = (each: Condition): boolean => OVERRIDABLE.has(each.condition) || each === emergency;
  const kept = unmet.filter((each) => !isSetAside(each));
  const setAside = unmet
    .filter(isSetAside)
    .map(({ condition, detail }) => ({ condition, detail: `${detail}; the operator allows it` }));
  return { canProduce: kept.length === 0, unmet: kept, waived: [...waived, ...setAside], ...rest };
}

/** Nobody has a better head, and this one is too old for a chain that makes a block a slot. */
function judgeEmergency(facts: ProductionFacts, limits: ProductionLimits): Condition | undefined {
  // Genesis is no block that others should have followed.
  if (facts.headHeight === 0 || facts.targetHeight > facts.headHeight) return undefined;
  if (facts.headAgeMs <= limits.emergencyTimeoutMs) return undefined;
  const detail = `no block for ${facts.headAgeMs} ms, longer than ${limits.emergencyTimeoutMs} ms`;
  return { condition: ProductionCondition.EMERGENCY, detail };
}

function judgeDistance(facts: ProductionFacts, limits: ProductionLimits, wasNear: boolean): Condition[] {
  const { headHeight, targetHeight } = facts;
  const conditions: Condition[] = [];
  const ratio = targetHeight <= 0 ? 1 : Math.min(1, headHeight / targetHeight);
  const ratioMin = wasNear ? limits.syncThreshold : (1 + limits.syncThreshold) / 2;
  if (ratio < ratioMin) {
    const detail = `${headHeight} of ${targetHeight} blocks is ${ratio.toFixed(6)}, below ${ratioMin}`;
    conditions.push({ condition: ProductionCondition.RATIO, detail });
  }
  const lag = Math.max(0, targetHeight - headHeight);
  const lagMax = wasNear ? limits.lagBlocksMax : Math.floor(limits.lagBlocksMax / 2);
  if (lag > lagMax) {
    conditions.push({
      condition: ProductionCondition.LAG,
      detail: `${lag} blocks behind, more than ${lagMax}`,
    });
  }
  return conditions;
}

function judgeAge(
  facts: ProductionFacts,
  limits: ProductionLimits,
  wasFresh: boolean,
): Condition | undefined {
  const ageMsMax = wasFresh ? limits.headAgeMsMax : limits.headAgeMsMax * FRESH_AGAIN;
  if (facts.headAgeMs <= ageMsMax) return undefined;
  const detail =
    facts.headHeight === 0
      ? "there is no block yet"
      : `the head is ${facts.headAgeMs} ms old, more than ${ageMsMax} ms`;
  return { condition: ProductionCondition.AGE, detail };
}

/**
 * After a halt every head is old. Age is excused while members that make a quorum, ourselves counted once,
 * report our own head within the last seconds; a sentry's delegation does not count. Heads that keep coming "old" are no
 * halt: then our clock is ahead.
 */
function excuseOf(facts: ProductionFacts): string | undefined {
  if (facts.headForMs < HALTED_MS_MIN) return undefined;
  const reporting = facts.peers.filter(
    ({ membership, statusHead, statusMs }) =>
      membership?.role === "member" &&
      statusHead !== undefined &&
      equalBytes(statusHead.hash, facts.headHash) &&
      facts.nowMs - statusMs <= REPORT_AGE_MS_MAX,
  );
  const members = membersAmong(facts, reporting);
  const quorum = quorumOf(facts.authorities.length);
  return members >= quorum
    ? `${members} of ${facts.authorities.length} members report the same head`
    : undefined;
}

function judgePeers(facts: ProductionFacts, limits: ProductionLimits): Condition[] {
  const conditions: Condition[] = [];
  if (facts.peers.length < limits.peersMin) {
    const detail = `${facts.peers.length} peers connected, fewer than ${limits.peersMin}`;
    conditions.push({ condition: ProductionCondition.PEERS, detail });
  }
  const visible = membersAmong(facts, facts.peers);
  const quorum = quorumOf(facts.authorities.length);
  if (visible < quorum) {
    const detail = `${visible} members in sight, fewer than the quorum of ${quorum}`;
    conditions.push({ condition: ProductionCondition.FEDERATION_QUORUM, detail });
  }
  return conditions;
}

function judgeRest(facts: ProductionFacts): Condition[] {
  const conditions = [...judgeKey(facts), ...facts.bars];
  if (!facts.isChainAvailable) {
    const detail = stallWords({ type: "chainAway", failure: facts.chainFailure });
    conditions.push({ condition: ProductionCondition.CHAIN, detail });
  }
  if (facts.override === "forbid") {
    conditions.push({ condition: ProductionCondition.EMERGENCY, detail: "the operator forbids production" });
  }
  conditions.push(...(facts.signing ?? []));
  return conditions;
}

/** An observer is as near the head as anybody, and produces nothing all the same. */
function judgeKey({ ownKey, authorities }: ProductionFacts): Condition[] {
  const condition = ProductionCondition.NO_AUTHORITY_KEY;
  if (ownKey === undefined) return [{ condition, detail: "this node has no authority key" }];
  if (authorities.some((key) => equalBytes(key, ownKey))) return [];
  return [{ condition, detail: "this node's authority key is not in the set in force" }];
}

/** Distinct members of the set in force among the peers, and ourselves where we are one. */
function membersAmong(facts: ProductionFacts, peers: readonly Peer[]): number {
  const inForce = new Set(facts.authorities.map(toHex));
  const keys = new Set<string>();
  for (const { membership } of peers) if (membership !== undefined) keys.add(toHex(membership.key));
  if (facts.ownKey !== undefined) keys.add(toHex(facts.ownKey));
  let members = 0;
  for (const key of keys) if (inForce.has(key)) members++;
  return members;
}
