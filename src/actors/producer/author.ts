/**
 * Author: carries out the round of our own slot (state.ts): asks sync whether we may, builds, votes, sends the
 * proposal to the other members, verifies what they answer, and brings the certified block into the chain and onto
 * the blocks topic. Owned by the ProducerActor; every method runs in a turn of its mailbox.
 */

import { ProductionStage } from "../../../gen/alys/integration/v1/notice_pb.ts";
import { NetworkInternalService } from "../../../gen/alys/network/v1/network_pb.ts";
import type { ProductionStatus } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { SyncInternalService, SyncService } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { describeFault } from "../../chain/block-fault.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { authorOf, slotAt } from "../../chain/rules.ts";
import { DOMAIN_BLOCK_APPROVAL, domain, signingRoot } from "../../chain/signing.ts";
import { assert, assertNever } from "../../kernel/errors.ts";
import type { Current } from "../../kernel/settings.ts";
import type { Ballot } from "./ballot.ts";
import { approvedBlock, buildBlock, type UnsignedBlock, unsignedProposal } from "./block-builder.ts";
import { PERMISSION_DEADLINE_MS, type ProducerConfig } from "./config.ts";
import type { ConnectedMembers } from "./members.ts";
import { decodeFederation, encodeProposal } from "./messages.ts";
import { mineFor } from "./miner.ts";
import type { ProducerContext, ProducerParts } from "./parts.ts";
import type { AuthoritySchedule } from "./schedule.ts";
import { type Gathering, IDLE, type Round, type RoundEffect, type RoundInput, step } from "./state.ts";
import type { TransactionQueue } from "./transactions.ts";
import type { VoteWitness } from "./witness.ts";

export interface AuthorParts {
  readonly context: ProducerContext;
  readonly parts: ProducerParts;
  readonly config: Current<ProducerConfig>;
  readonly ballot: Ballot;
  readonly members: ConnectedMembers;
  readonly transactions: TransactionQueue;
  readonly witness: VoteWitness;
  readonly schedule: AuthoritySchedule;
  /** Tells how far a block of ours is. */
  readonly tell: (step: ProductionStep) => void;
}

export interface ProductionStep {
  readonly slot: number;
  readonly stage: ProductionStage;
  readonly block?: Pick<UnsignedBlock, "height" | "hash"> | undefined;
  readonly reason?: string | undefined;
}

export class Author {
  readonly #with: AuthorParts;
  #round: Round = IDLE;
  /** How many of the queue's oldest transactions our last proposal carries. */
  #carried = 0;
  /** Whether our proposal of this round went out. */
  #isProposed = false;
  /** The certified block between its import and its publishing. */
  #certified: Uint8Array | undefined;
  /** What it is. */
  #ours: UnsignedBlock | undefined;
  /** Whether our last proposal carried a change of the authorities. */
  #didProposeChange = false;
  /** Whether our last proposal carried an AuxPoW that we mined. */
  #isMined = false;
  #auxpowsMined = 0;
  #blocksProposed = 0;
  #blocksCertified = 0;
  #lastRefusal = "";

  constructor(parts: AuthorParts) {
    this.#with = parts;
  }

  get counts() {
    return {
      blocksProposed: this.#blocksProposed,
      blocksCertified: this.#blocksCertified,
      auxpowsMined: this.#auxpowsMined,
      lastRefusal: this.#lastRefusal,
    };
  }

  /** A slot began. Does nothing unless it is ours. */
  slotBegan(slot: number): void {
    const { chain } = this.#with.parts;
    const { keys } = chain.authoritiesAt(chain.snapshot().head.height + 1);
    const author = keys[authorOf(slot, keys.length)];
    if (author === undefined || !equalBytes(author, this.#with.ballot.publicKey)) return;
    this.#with.tell({ slot, stage: ProductionStage.SLOT_BEGUN });
    this.#input({ kind: "ourSlotBegan", slot });
  }

  #input(input: RoundInput): void {
    const [next, effects] = step(this.#round, input);
    this.#round = next;
    for (const effect of effects) this.#run(effect);
  }

  #run(effect: RoundEffect): void {
    const { context, config } = this.#with;
    switch (effect.kind) {
      case "ask":
        this.#isProposed = false;
        return this.#ask(effect.slot);
      case "startGrace":
        context.timers.after(config.current.graceMs, () =>
          this.#input({ kind: "graceEnded", slot: effect.slot }),
        );
        return;
      case "propose":
        return this.#propose(effect.slot);
      case "gather":
        this.#isProposed = true;
        return this.#gather(effect.round);
      case "certify":
        return this.#import(effect.round);
      case "publish":
        return this.#publish();
      case "giveUp":
        if (this.#isProposed) this.#with.transactions.halve();
        this.#lastRefusal = effect.reason;
        this.#with.tell({ slot: effect.slot, stage: ProductionStage.GIVEN_UP, reason: effect.reason });
        context.log.info("our slot stays empty", { slot: effect.slot, reason: effect.reason });
        return;
      default:
        return assertNever(effect);
    }
  }

  #ask(slot: number): void {
    const { context, parts } = this.#with;
    const asked = parts.sync.ask(
      SyncService.method.canProduceBlocks,
      {},
      { deadlineMs: PERMISSION_DEADLINE_MS },
    );
    context.effect(asked, (outcome) => {
      const refusal = outcome.ok ? refusalOf(outcome.value.status) : outcome.failure.message;
      // The block of the slot before may be on its way; a proposal beside it would find no votes.
      const isHeadRecent = parts.chain.snapshot().head.slot >= slot - 1;
      this.#input({ kind: "answered", slot, refusal, isHeadRecent });
    });
  }

  #propose(slot: number): void {
    const outcome = this.#build(slot);
    if (typeof outcome === "string") return this.#input({ kind: "notProposed", slot, reason: outcome });
    const { block, members, index } = outcome;
    const { chain } = this.#with.parts;
    const proposal = { ...block, isApprovedByAuthor: true, isValid: true };
    const cast = this.#with.ballot.cast(
      proposal,
      this.#with.context.clock.nowMs(),
      chain.snapshot().head.hash,
    );
    if (!cast.ok) return this.#input({ kind: "notProposed", slot, reason: cast.reason });
    this.#blocksProposed++;
    this.#lastRefusal = "";
    this.#with.witness.saw({ ...block, authorityIndex: index, isProposal: true });
    this.#with.tell({ slot, stage: ProductionStage.PROPOSED, block });
    this.#input({ kind: "proposed", block, members, index, signature: cast.signature });
  }

  /** The block, or why there is none. */
  #build(slot: number): { block: UnsignedBlock; members: number; index: number } | string {
    const { context, parts, transactions, config, schedule } = this.#with;
    const nowMs = context.clock.nowMs();
    if (slotAt(nowMs, parts.chain.facts.slotDurationMs) !== slot)
      return "the slot was over before we could propose";
    const template = parts.chain.childTemplate();
    if (template.parentSlot >= slot) return "the head is of this slot already";
    const { keys } = template.authorities;
    const index = authorOf(slot, keys.length);
    const submitted = transactions.next();
    this.#carried = submitted.length;
    const filler = submitted.length === 0 && config.current.fillerBytes > 0;
    const carried = filler ? [context.random.bytes(config.current.fillerBytes)] : submitted;
    // Until a quorum scheduled it, a proposal with the change finds no votes: every other slot does without.
    const change = this.#didProposeChange ? undefined : schedule.changeFor(template);
    this.#didProposeChange = change !== undefined;
    const auxpow = mineFor(template, config.current.mineAuxPowEvery ?? 0, parts.chain);
    this.#isMined = auxpow !== undefined;
    const block = buildBlock(template, slot, nowMs, carried, { nextAuthorities: change, auxpow });
    const proposal = unsignedProposal(block, keys.length, index);
    const fault = parts.chain.judgeProposal(proposal, schedule.authorities);
    return fault === undefined ? { block, members: keys.length, index } : describeFault(fault);
  }

  #gather(round: Gathering): void {
    const { context, parts, config, members } = this.#with;
    const { block, slot } = round;
    const proposal = approvedBlock(block, round.members, round.signatures);
    assert(proposal !== undefined, "our own signature is a valid point");
    const payload = encodeProposal(proposal);
    const { consensusTimeoutMs } = config.current;
    for (const [index, key] of parts.chain.authoritiesAt(block.height).keys.entries()) {
      const peerId = round.signatures.has(index) ? undefined : members.peerOf(key);
      if (peerId === undefined) continue;
      const sent = parts.network.ask(
        NetworkInternalService.method.sendFederation,
        { peerId, payload, lifetimeMs: consensusTimeoutMs },
        { deadlineMs: consensusTimeoutMs },
      );
      context.effect(sent, (outcome) => {
        if (outcome.ok) return this.#verify(block, index, key, outcome.value.payload);
        context.log.info("no approval", { slot, authorityIndex: index, reason: outcome.failure.message });
      });
    }
    context.timers.after(consensusTimeoutMs, () => this.#input({ kind: "timedOut", slot }));
  }

  #verify(block: UnsignedBlock, index: number, key: Uint8Array, payload: Uint8Array): void {
    const { context, parts, witness } = this.#with;
    const { slot, height, hash } = block;
    const decoded = decodeFederation(payload);
    const approval = decoded.kind === "approval" ? decoded.approval : undefined;
    const isOurs =
      approval?.slot === slot &&
      approval.height === height &&
      approval.authorityIndex === index &&
      equalBytes(approval.blockHash, hash);
    if (approval === undefined || !isOurs) {
      context.log.warn("a member's reply is no approval of our proposal", { slot, authorityIndex: index });
      return;
    }
    const { signature } = approval;
    const root = signingRoot(hash, domain(DOMAIN_BLOCK_APPROVAL, parts.chain.facts.genesisHash));
    const checked = parts.validator.verifySignatures([{ publicKeys: [key], signingRoot: root, signature }]);
    context.effect(checked, (outcome) => {
      if (!outcome.ok || outcome.value[0] !== true) {
        context.log.warn("a member's approval does not verify", { slot, authorityIndex: index });
        return;
      }
      witness.saw({ slot, height, hash, authorityIndex: index, isProposal: false });
      this.#input({ kind: "approved", slot, index, signature });
    });
  }

  #import(round: Gathering): void {
    const { context, parts, transactions } = this.#with;
    const { slot, block, signatures } = round;
    const certified = approvedBlock(block, round.members, signatures);
    assert(certified !== undefined, "verified signatures are valid points");
    this.#certified = certified;
    this.#ours = block;
    this.#with.tell({ slot, stage: ProductionStage.CERTIFIED, block });
    const carried = this.#carried;
    const imported = parts.syncInternal.ask(SyncInternalService.method.importBlock, { block: certified });
    context.effect(imported, (outcome) => {
      if (outcome.ok) transactions.drop(carried);
      this.#input({ kind: "imported", slot, failure: outcome.ok ? undefined : outcome.failure.message });
    });
  }

  #publish(): void {
    const { context, parts } = this.#with;
    const block = this.#certified;
    assert(block !== undefined, "there is a certified block to publish");
    this.#certified = undefined;
    this.#blocksCertified++;
    if (this.#isMined) this.#auxpowsMined++;
    const ours = this.#ours;
    context.effect(parts.network.ask(NetworkInternalService.method.publishBlock, { block }), (outcome) => {
      // Not lost: others fetch it by range when they see our head.
      if (!outcome.ok) context.log.warn("a block of ours was not published", { error: outcome.failure });
      else if (ours) this.#with.tell({ slot: ours.slot, stage: ProductionStage.PUBLISHED, block: ours });
    });
  }
}

/** Why sync says no; undefined when it says yes. */
function refusalOf(status: ProductionStatus | undefined): string | undefined {
  if (status === undefined) return "sync gave no answer";
  if (status.canProduce) return undefined;
  return status.unmet.map(({ detail }) => detail).join("; ") || "sync says no";
}
