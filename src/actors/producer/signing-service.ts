/**
 * SigningService: feeds the guard (signing-guard.ts) with what this member hears of its own key, and carries out what follows:
 * the note on disk, the log, WatchVotes, and the word to the SyncActor, whose CanProduceBlocks names it. Owned by the
 * ProducerActor; every method runs in a turn of its mailbox. The guard's state outlives the actor in GuardMemory, so that
 * only a start of the process begins to listen anew.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ProducerService, SigningStatusSchema } from "../../../gen/alys/producer/v1/producer_pb.ts";
import {
  type OwnApproval,
  ProductionCondition,
  type ProductionStatus,
  SyncInternalService,
  SyncService,
} from "../../../gen/alys/sync/v1/sync_pb.ts";
import { toHex } from "../../chain/hex.ts";
import { slotAt } from "../../chain/rules.ts";
import { decodeVoteRecord, isOwnersRecord, type VoteOwner } from "../../chain/vote.ts";
import { assert, assertNever, Failure } from "../../kernel/errors.ts";
import type { Reply } from "../../kernel/protocol.ts";
import type { Current } from "../../kernel/settings.ts";
import { PERMISSION_DEADLINE_MS, type ProducerConfig } from "./config.ts";
import { keyStillElsewhere, nothingToConfirm } from "./errors.ts";
import type { ConnectedMembers } from "./members.ts";
import { findOwnSignatures, type OwnSignature } from "./own-signatures.ts";
import type { ProducerContext, ProducerParts } from "./parts.ts";
import { decodeNote, encodeNote } from "./sighting-note.ts";
import {
  describeRefusal,
  type GuardEffect,
  type GuardInput,
  type GuardMemory,
  type GuardState,
  listeningSlots,
  type RecordFound,
  refusalOf,
  type Sighting,
  type SigningRefusal,
  type SlotsNow,
  startGuard,
  stepGuard,
} from "./signing-guard.ts";
import { CONDITION_OF, signingStatus } from "./signing-status.ts";

export interface SigningServiceParts {
  readonly context: ProducerContext;
  readonly parts: ProducerParts;
  readonly config: Current<ProducerConfig>;
  readonly owner: VoteOwner;
  readonly members: ConnectedMembers;
  /** Tells those who watch that the refusal changed. */
  readonly publish: (status: MessageInitShape<typeof SigningStatusSchema>) => void;
}

type ConfirmAnswer = Reply<typeof ProducerService.method.confirmKey.output>;

/** Conditions that keep a slot from counting as listened: with them the newest blocks may not reach us. */
const NOT_LEVEL: ReadonlySet<ProductionCondition> = new Set([
  ProductionCondition.RATIO,
  ProductionCondition.LAG,
  ProductionCondition.AGE,
  ProductionCondition.PEERS,
  ProductionCondition.FEDERATION_QUORUM,
  ProductionCondition.CHAIN,
]);

export class SigningService {
  readonly #with: SigningServiceParts;
  readonly #memory: GuardMemory;
  /** False while the note of a sighting has yet to be written. */
  #isNoted = true;
  #searchedHeight = 0;
  /** Undefined: it is to be told again, as what a busy actor was told may have expired. */
  #toldSync: string | undefined;
  #toldRefusal: SigningRefusal | undefined;

  constructor(parts: SigningServiceParts) {
    this.#with = parts;
    const { guard } = parts.parts;
    this.#memory = guard ?? { state: undefined };
    this.#memory.sinceMs ??= parts.context.clock.monotonicMs();
    this.#memory.state ??= this.#start();
  }

  get #state(): GuardState {
    const { state } = this.#memory;
    assert(state !== undefined, "the guard has started");
    return state;
  }

  onStart(): void {
    const { context, parts } = this.#with;
    const { sighting } = this.#state;
    if (sighting !== undefined)
      this.#say(sighting, "this member's key was seen elsewhere before: it signs nothing");
    this.#watchApprovals();
    this.#search();
    this.#listened(false);
    this.#tell();
    context.timers.every(parts.chain.facts.slotDurationMs, () => this.#slotPassed());
  }

  /** Why nothing may be signed for this slot. */
  refusal(slot: number): SigningRefusal | undefined {
    return refusalOf(this.#state, slot);
  }

  /** The record of it is durable and the signature comes next. */
  signing(slot: number, hash: Uint8Array): void {
    this.#input({ kind: "signing", slot, hash });
  }

  /** A proposal that our key signed, verified. */
  sawProposal(slot: number, hash: Uint8Array, peerId: string): void {
    this.#saw({ kind: "proposal", slot, hash, peerId });
  }

  /** Who is connected has changed. */
  peersChanged(): void {
    const { members, owner } = this.#with;
    const [peerId] = members.holdersOf(owner.publicKey);
    if (peerId !== undefined) this.#saw({ kind: "delegation", slot: 0, hash: new Uint8Array(), peerId });
    // At genesis there is nothing to listen to: it does not have to wait for the slot's end.
    if (!this.#state.isReleased) this.#listened(false);
  }

  /** An administrator says that the key is nowhere else. */
  confirm(reason: string): ConfirmAnswer {
    const { context, parts, members, owner } = this.#with;
    const { sighting } = this.#state;
    if (sighting === undefined) return nothingToConfirm();
    const [holder] = members.holdersOf(owner.publicKey);
    if (holder !== undefined) return keyStillElsewhere(holder);
    const cleared = this.#attempt("the note was not removed: nothing is confirmed", () =>
      parts.stop?.clear(),
    );
    if (cleared !== undefined) return cleared;
    context.log.warn("an administrator confirms that this member's key is nowhere else", { reason });
    this.#isNoted = true;
    this.#memory.sinceMs = context.clock.monotonicMs();
    this.#input({ kind: "confirmed" });
    const seen = signingStatus({ ...this.#state, sighting }, this.#slotNow()).sighting;
    return { signing: this.status(), ...(seen === undefined ? {} : { sighting: seen }) };
  }

  status(): MessageInitShape<typeof SigningStatusSchema> {
    return signingStatus(this.#state, this.#slotNow());
  }

  #start(): GuardState {
    const { parts, config } = this.#with;
    const { chain, stop } = parts;
    const { head } = chain.snapshot();
    const sighting = decodeNote(stop?.read());
    return startGuard({
      record: this.#recordFound(),
      slotsWanted: listeningSlots(
        chain.authoritiesAt(head.height + 1).keys.length,
        config.current.listeningSlots ?? 0,
      ),
      isChainBegun: head.height > 0,
      sighting,
    });
  }

  #recordFound(): RecordFound {
    const bytes = this.#with.parts.votes?.last();
    if (bytes === undefined) return { kind: "missing" };
    const vote = decodeVoteRecord(bytes);
    return isOwnersRecord(vote, this.#with.owner) ? { kind: "ours", vote } : { kind: "foreign" };
  }

  #slotPassed(): void {
    this.#toldSync = undefined;
    if (!this.#isNoted && this.#state.sighting !== undefined) this.#note(this.#state.sighting);
    const { isReleased, sighting } = this.#state;
    if (isReleased && sighting === undefined) return this.#tell();
    this.#search();
    const { context, parts } = this.#with;
    const asked = parts.sync.ask(
      SyncService.method.canProduceBlocks,
      {},
      { deadlineMs: PERMISSION_DEADLINE_MS },
    );
    context.effect(asked, (outcome) => {
      this.#listened(outcome.ok && isLevel(outcome.value.status));
      this.#tell();
    });
  }

  #listened(level: boolean): void {
    const { parts, config, members, owner } = this.#with;
    const { chain } = parts;
    const { height } = chain.snapshot().head;
    const { keys } = chain.authoritiesAt(height + 1);
    this.#input({
      kind: "slotPassed",
      isLevel: level,
      isGenesis: height === 0 && members.areAtGenesis(keys, owner.publicKey),
      isChainBegun: height > 0 || members.showBlocks,
      slotsWanted: listeningSlots(keys.length, config.current.listeningSlots ?? 0),
    });
  }

  /** Signatures of ours in our own chain: while nothing is signed, so that the reason can be told. */
  #search(): void {
    const { context, parts, owner } = this.#with;
    const found = findOwnSignatures(parts.chain, owner.publicKey, this.#searchedHeight);
    this.#searchedHeight = found.searchedHeight;
    const { record } = this.#state;
    const newest = record.kind === "ours" ? record.vote.slot : 0;
    const news = found.signatures.filter(({ slot }) => slot >= newest);
    if (news.length === 0) return;
    const checked = parts.validator.verifyApprovals(news.map(({ check }) => check));
    context.effect(checked, (outcome) => {
      if (!outcome.ok)
        return context.log.warn("signatures of ours were not checked", { error: outcome.failure });
      for (const [index, signature] of news.entries())
        if (outcome.value[index] === true) this.#sawSigned(signature);
    });
  }

  #sawSigned({ slot, hash, isAuthor }: Pick<OwnSignature, "slot" | "hash" | "isAuthor">): void {
    this.#saw({ kind: isAuthor ? "block" : "approval", slot, hash, peerId: "" });
  }

  #watchApprovals(): void {
    const { context, parts } = this.#with;
    const onApproval = ({ slot, hash, isAuthor }: OwnApproval): void =>
      this.#sawSigned({ slot: Number(slot), hash, isAuthor });
    context.watch(
      parts.syncInternal,
      SyncInternalService.method.watchOwnApprovals,
      {},
      {
        onMessage: ({ event }) => {
          if (event.case === "approval") onApproval(event.value);
          // What was missed is on the chain, if it is anywhere.
          if (event.case === "skipped") this.#search();
        },
      },
    );
  }

  #saw(sighting: Omit<Sighting, "seenMs">): void {
    const seenMs = this.#with.context.clock.nowMs();
    this.#input({ kind: "seen", sighting: { ...sighting, seenMs }, slots: this.#slots() });
  }

  #input(input: GuardInput): void {
    const [next, effects] = stepGuard(this.#state, input);
    this.#memory.state = next;
    for (const effect of effects) this.#run(effect);
  }

  #run(effect: GuardEffect): void {
    switch (effect.kind) {
      case "stopped":
        this.#say(
          effect.sighting,
          "this member's key is used elsewhere: it signs nothing until an administrator confirms",
        );
        return this.#note(effect.sighting);
      case "confirmed":
      case "changed":
        return this.#tell();
      default:
        return assertNever(effect);
    }
  }

  #say({ kind, slot, hash, peerId }: Sighting, message: string): void {
    this.#with.context.log.error(message, { kind, slot, hash: toHex(hash), peer: peerId });
  }

  /** Should it fail, nothing is signed all the same, and the next slot tries again. */
  #note(sighting: Sighting): void {
    const { stop } = this.#with.parts;
    const failed = this.#attempt("the note that our key is elsewhere is not durable yet", () =>
      stop?.write(encodeNote(sighting)),
    );
    this.#isNoted = failed === undefined;
  }

  #attempt(message: string, write: () => void): Failure | undefined {
    try {
      write();
      return undefined;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#with.context.log.error(message, { error });
      return error;
    }
  }

  /** Tells the SyncActor every new number, and those who watch every new reason. */
  #tell(): void {
    const { parts, context, publish } = this.#with;
    const refusal = refusalOf(this.#state, this.#slotNow());
    const detail = refusal === undefined ? "" : describeRefusal(this.#state, refusal);
    if (detail !== this.#toldSync) {
      this.#toldSync = detail;
      const unmet = refusal === undefined ? [] : [{ condition: CONDITION_OF[refusal], detail }];
      parts.syncInternal.tell(SyncInternalService.method.reportSigning, { unmet });
    }
    if (refusal === this.#toldRefusal) return;
    this.#toldRefusal = refusal;
    if (refusal === undefined) context.log.info("this member signs", { slot: this.#slotNow() });
    else if (refusal === "LISTENING") context.log.info("this member listens before it signs", { detail });
    else if (refusal !== "OWN_KEY_ELSEWHERE")
      context.log.warn("this member does not sign yet", { refusal, detail });
    publish(this.status());
  }

  #slotNow(): number {
    const { context, parts } = this.#with;
    return slotAt(Math.floor(context.clock.nowMs()), parts.chain.facts.slotDurationMs);
  }

  /** Votes are cast up to the drift before their slot begins. */
  #slots(): SlotsNow {
    const { clock } = this.#with.context;
    const { driftMs, slotDurationMs } = this.#with.parts.chain.facts;
    const upMs = clock.monotonicMs() - (this.#memory.sinceMs ?? 0);
    const slotOf = (ms: number): number => slotAt(Math.floor(ms) + driftMs, slotDurationMs);
    return { start: slotOf(clock.nowMs() - upMs), newest: slotOf(clock.nowMs()) };
  }
}

function isLevel(status: ProductionStatus | undefined): boolean {
  return status !== undefined && !status.unmet.some(({ condition }) => NOT_LEVEL.has(condition));
}
