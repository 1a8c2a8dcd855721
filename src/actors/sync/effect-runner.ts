/**
 * EffectRunner: carries out what the machine wants done, and hands each outcome back to it in a later turn. The
 * only place of this actor that asks, tells, validates and imports. No decision is taken here.
 */

import { Verdict as GossipVerdict, NetworkInternalService } from "../../../gen/alys/network/v1/network_pb.ts";
import { Offence, PeerInternalService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { toHex } from "../../chain/hex.ts";
import type { SegmentInput, SegmentVerdict, ValidatedSegment, Validator } from "../../chain/validator.ts";
import { missingHistory, prependHistory } from "../../integrations/chain/checkpoint/checkpoint-recovery.ts";
import type { CheckpointStore } from "../../integrations/chain/checkpoint/checkpoint-store.ts";
import type { ChainPort, ImportOutcome } from "../../integrations/chain/port.ts";
import type { Outcome } from "../../kernel/actor/actor.ts";
import { asError, assert, assertNever, Failure, failure } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { Log } from "../../kernel/ports/log.ts";
import type { Ref } from "../../kernel/ref.ts";
import { askForCheckpoint } from "./checkpoint/ask-peer.ts";
import type { SearchOutcome } from "./checkpoint/search-outcome.ts";
import type { SyncEffect } from "./effect.ts";
import type { Evidence } from "./equivocation/evidence.ts";
import { digestOf, type EvidenceStore } from "./equivocation/evidence-store.ts";
import type { SyncInput } from "./input.ts";
import { fetchLaterSet } from "./later-set.ts";
import type { SearchReason } from "./status/stall-reason.ts";
import { readTail } from "./store-check/read-tail.ts";
import type { TailOutcome } from "./store-check/tail-check.ts";
import { type SetsInForce, setsBehindParent } from "./validation-sets.ts";

export interface EffectRunnerParts {
  readonly chain: ChainPort;
  readonly validator: Validator;
  readonly network: Ref<typeof NetworkInternalService>;
  readonly peer: Ref<typeof PeerInternalService>;
  readonly requestDeadlineMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** ActorContext.effect. */
  effect<T>(work: Promise<T>, done: (outcome: Outcome<T>) => void): void;
  readonly evidenceStore: EvidenceStore;
  /** Evidence is told to those who watch. */
  published(evidence: Evidence): void;
  /** A verified approval by our own key. */
  ownApproval(slot: number, hash: Uint8Array, isAuthor: boolean): void;
  /** The producer's block is durable, or refused. */
  own(token: number, answer: Uint8Array | Failure): void;
  /** Undefined where the chain is kept by another process. */
  readonly checkpoints: CheckpointStore | undefined;
  /** The back-fill has ended: nothing is missing, or our own disk failed. */
  backFilled(failure: Failure | undefined): void;
  /** Where the search for a checkpoint stands, and how it ended. */
  searchTold(reason: SearchReason): void;
  searchEnded(outcome: SearchOutcome): void;
  /** Hands an outcome to the machine, in a turn of the actor, and carries out what follows. */
  step(input: SyncInput): void;
}

const VERDICTS = {
  accept: GossipVerdict.ACCEPT,
  ignore: GossipVerdict.IGNORE,
  reject: GossipVerdict.REJECT,
} as const;

/** The NetworkActor ends a request at its deadline; ours is later, so that its reason arrives. */
const ASK_GRACE_MS = 1_000;

/** A block by its hash, the way there and back: a slot is too late for it. */
const LOOKUP_DEADLINE_MS = 3_000;

/** Blocks to be validated as one. */
type Run = Pick<Extract<SyncEffect, { type: "validate" }>, "blocks" | "policy" | "sets" | "parentApproval"> &
  Pick<SegmentInput, "header">;

export class EffectRunner {
  readonly #parts: EffectRunnerParts;
  readonly #requests = new Map<number, AbortController>();

  constructor(parts: EffectRunnerParts) {
    this.#parts = parts;
  }

  perform(effect: SyncEffect): void {
    const { network, peer, own, step, log } = this.#parts;
    switch (effect.type) {
      case "request":
        return this.#request(effect);
      case "cancel":
        return this.#requests.get(effect.requestId)?.abort();
      case "validate": {
        const { ticket } = effect;
        return this.#validate(effect, (outcome) => {
          if (outcome.ok) step({ type: "validated", ticket, verdict: outcome.value });
          else step({ type: "validationFailed", ticket, failure: outcome.failure });
        });
      }
      case "validateLive": {
        const { id, block, sets, header } = effect;
        return this.#validate({ ...alone([block], sets), header }, (outcome) => {
          if (outcome.ok) step({ type: "liveValidated", id, verdict: outcome.value });
          else step({ type: "liveValidationFailed", id, failure: outcome.failure });
        });
      }
      case "import": {
        const { ticket } = effect;
        return this.#import(effect.segment, (outcome) => step({ type: "imported", ticket, outcome }));
      }
      case "lookUp":
        return this.#lookUp(effect);
      case "fetchAuthorities":
        return this.#fetchAuthorities(effect.peerId);
      case "judgeClaim":
        return this.#judgeClaim(effect);
      case "checkTail":
        return this.#checkTail(effect.first, effect.count);
      case "slowPeer": {
        const { peerId, leftAloneMs } = effect;
        return log.warn("a peer is too slow to be asked", { peer: peerId, leftAloneMs });
      }
      case "importLive":
        return this.#import(effect.segment, (outcome) =>
          step({ type: "liveImported", id: effect.id, outcome }),
        );
      case "verdict": {
        const request = { handle: effect.handle, verdict: VERDICTS[effect.verdict] };
        return network.tell(NetworkInternalService.method.giveVerdict, request);
      }
      case "offence": {
        const { peerId, offence, detail, evidence } = effect;
        log.warn("a peer misbehaved", { peer: peerId, detail });
        return peer.tell(PeerInternalService.method.reportOffence, { peerId, offence, detail, evidence });
      }
      case "unserving": {
        const { peerId } = effect;
        log.warn("a peer serves nothing towards the head that it claims", { peer: peerId });
        return peer.tell(PeerInternalService.method.dropUnserving, { peerId });
      }
      case "performance": {
        const { type: _, bytes, ...performance } = effect;
        const request = { ...performance, bytes: BigInt(bytes) };
        return peer.tell(PeerInternalService.method.recordPerformance, request);
      }
      case "refreshStatus":
        return peer.tell(PeerInternalService.method.refreshStatus, {});
      case "stuck": {
        const { type: _, ...stuck } = effect;
        return log.error("a batch was stuck", stuck);
      }
      case "equivocation":
        return this.#equivocation(effect.evidence);
      case "ownApproval":
        return this.#parts.ownApproval(effect.slot, effect.hash, effect.isAuthor);
      case "accepted":
        return own(effect.token, effect.hash);
      case "refused":
        return own(effect.token, effect.reason);
      case "warning":
        return log.warn(effect.message, effect.fields);
      case "prepend":
        return this.#prepend(effect);
      case "backFilled":
        return this.#parts.backFilled(effect.failure);
      case "askCheckpoint":
        return this.#askCheckpoint(effect);
      case "keepCheckpoint":
        return this.#keepCheckpoint(effect);
      case "searchTold":
        return this.#parts.searchTold(effect.reason);
      case "searchEnded":
        return this.#parts.searchEnded(effect.outcome);
      default:
        return assertNever(effect);
    }
  }

  #request(effect: Extract<SyncEffect, { type: "request" }>): void {
    const { network, requestDeadlineMs, step } = this.#parts;
    const { requestId, peerId, first, count, deadlineMs = requestDeadlineMs } = effect;
    const controller = new AbortController();
    this.#requests.set(requestId, controller);
    const work = network.ask(
      NetworkInternalService.method.requestBlocks,
      { peerId, startHeight: BigInt(first), count },
      { deadlineMs: deadlineMs + ASK_GRACE_MS, signal: controller.signal },
    );
    this.#parts.effect(work, (outcome) => {
      this.#requests.delete(requestId);
      if (outcome.ok) {
        const { blocks, latencyMs, durationMs, bytes } = outcome.value;
        step({
          type: "answered",
          requestId,
          blocks,
          timing: { latencyMs, durationMs, bytes: Number(bytes) },
        });
      } else {
        step({ type: "requestFailed", requestId, failure: outcome.failure });
      }
    });
  }

  #lookUp({ id, peerId, hash }: Extract<SyncEffect, { type: "lookUp" }>): void {
    const { network, step, log } = this.#parts;
    const method = NetworkInternalService.method.requestBlocksByHash;
    const work = network.ask(method, { peerId, hashes: [hash] }, { deadlineMs: LOOKUP_DEADLINE_MS });
    this.#parts.effect(work, (outcome) => {
      if (outcome.ok) return step({ type: "lookedUp", id, block: outcome.value.blocks[0] });
      log.debug("a lookup failed", { peer: peerId, reason: outcome.failure.message });
      return step({ type: "lookUpFailed", id, failure: outcome.failure });
    });
  }

  /** Told to everybody who must know: log, operator's table, watchers, and the PeerActor, which ends the members' roles. */
  #equivocation(evidence: Evidence): void {
    const { log, peer, evidenceStore, published } = this.#parts;
    const { slot, guiltyKeys } = evidence;
    log.error("members approved two blocks of one slot", { slot, members: guiltyKeys.map(toHex) });
    const detail = `it approved two blocks of slot ${slot}`;
    const report = { offence: Offence.EQUIVOCATION, detail, evidence: digestOf(evidence) };
    for (const memberKey of guiltyKeys)
      peer.tell(PeerInternalService.method.reportOffence, { ...report, memberKey });
    published(evidence);
    this.#parts.effect(evidenceStore.keep(evidence), (outcome) => {
      if (!outcome.ok) log.warn("evidence was not kept", { slot, reason: outcome.failure.message });
    });
  }

  #fetchAuthorities(peerId: string): void {
    const { network, chain, clock, signal, log, step } = this.#parts;
    const work = fetchLaterSet({ network, chain, clock, signal }, peerId);
    this.#parts.effect(work, (outcome) => {
      if (!outcome.ok)
        log.debug("no way to a claimed head", { peer: peerId, reason: outcome.failure.message });
      step({ type: "authoritiesFetched", peerId, authorities: outcome.ok ? outcome.value : undefined });
    });
  }

  #judgeClaim({ peerId, claimed, authorities }: Extract<SyncEffect, { type: "judgeClaim" }>): void {
    const { validator, step } = this.#parts;
    const work = validator.verifyApprovals([{ ...claimed, authorities }]).catch(fail);
    this.#parts.effect(work, (outcome) => {
      step({ type: "claimJudged", peerId, isTrue: outcome.ok ? outcome.value[0] === true : undefined });
    });
  }

  /** Our own blocks from `first` on, read, hashed, linked and validated. */
  #checkTail(first: number, count: number): void {
    const { chain, step } = this.#parts;
    const read = readTail(chain, first, count);
    const report = (outcome: TailOutcome): void => step({ type: "tailChecked", outcome });
    if ("damage" in read) {
      this.#parts.effect(Promise.resolve(read), () => report(read));
      return;
    }
    const sets = setsBehindParent(chain, read.blocks[0] ?? new Uint8Array(), first);
    this.#validate(alone(read.blocks, sets), (outcome) => {
      if (!outcome.ok) report({ height: first, damage: { type: "unchecked", failure: outcome.failure } });
      else if (outcome.value.ok) report({ checked: read.blocks.length });
      else {
        const { index, fault } = outcome.value;
        report({ height: first + index, damage: { type: "invalid", fault } });
      }
    });
  }

  #prepend({ runId, blocks }: Extract<SyncEffect, { type: "prepend" }>): void {
    const checkpoints = this.#checkpoints();
    this.#parts.effect(prependHistory(checkpoints, blocks), (outcome) => {
      const missing = missingHistory(checkpoints);
      const failed = outcome.ok ? undefined : outcome.failure;
      this.#parts.step({ type: "prepended", runId, missing, failure: failed });
    });
  }

  #askCheckpoint(effect: Extract<SyncEffect, { type: "askCheckpoint" }>): void {
    const { network, signal, step, log } = this.#parts;
    const { askId, peerId } = effect;
    const work = askForCheckpoint({ network, signal, checkpoints: this.#checkpoints() }, effect);
    this.#parts.effect(work, (outcome) => {
      const answer = outcome.ok ? outcome.value : ({ type: "failed", failure: outcome.failure } as const);
      if (answer.type === "failed")
        log.debug("a peer delivered no checkpoint", { peer: peerId, reason: answer.failure.message });
      step({ type: "checkpointAnswered", askId, answer });
    });
  }

  #keepCheckpoint({ evidence, proven, block }: Extract<SyncEffect, { type: "keepCheckpoint" }>): void {
    this.#parts.effect(this.#checkpoints().keepProven(evidence, proven, block), (outcome) =>
      this.#parts.step({ type: "checkpointKept", outcome: outcome.ok ? outcome.value : outcome.failure }),
    );
  }

  #checkpoints(): CheckpointStore {
    const { checkpoints } = this.#parts;
    assert(checkpoints !== undefined, "nothing is fetched around checkpoints where none are kept");
    return checkpoints;
  }

  #validate(run: Run, done: (outcome: Outcome<SegmentVerdict>) => void): void {
    const { validator, signal } = this.#parts;
    const work = validator.validateSegment(this.#input(run), signal).catch(fail);
    this.#parts.effect(work, done);
  }

  #input({ blocks, policy, sets, parentApproval, header }: Run): SegmentInput {
    const { chain, clock } = this.#parts;
    const { authorities, parentAuthorities } = sets;
    const { head } = chain.snapshot();
    const isOnHead =
      head.approval.length > 0 && blocks[0] && equalBytes(blocks[0].subarray(0, 32), head.hash);
    const verifiedParentApproval = isOnHead ? head.approval : parentApproval;
    return {
      blocks,
      policy,
      authorities,
      nowMs: clock.nowMs(),
      ...(header && { header }),
      ...(equalBytes(authorities.root, parentAuthorities.root) ? {} : { parentAuthorities }),
      ...(verifiedParentApproval && { verifiedParentApproval }),
    };
  }

  #import(segment: ValidatedSegment, done: (outcome: ImportOutcome) => void): void {
    this.#parts.effect(this.#parts.chain.importSegment(segment), (outcome) =>
      done(outcome.ok ? outcome.value : { kind: "notNow", failure: outcome.failure }),
    );
  }
}

/** With nothing beside them. */
function alone(blocks: readonly Uint8Array[], sets: SetsInForce): Run {
  return { blocks, policy: "EVERY_BLOCK", sets, parentApproval: undefined };
}

/** The validator rejects when a worker dies or it is closed: a failure of our own, whatever it threw. */
function fail(thrown: unknown): never {
  if (thrown instanceof Failure) throw thrown;
  throw failure("UNAVAILABLE", "VALIDATOR_FAILED", asError(thrown).message);
}
