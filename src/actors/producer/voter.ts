/**
 * Voter: judges the proposals of other members and answers each with an approval or a refusal. A proposal whose parent
 * we lack waits a little for it. Owned by the ProducerActor; every method runs in a turn of its mailbox.
 */

import { type InboundFederation, NetworkInternalService } from "../../../gen/alys/network/v1/network_pb.ts";
import { SyncInternalService } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { encodeApproval } from "../../chain/approval.ts";
import { type ParsedBlock, parentApprovalBytes, parseBlock } from "../../chain/block.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { HEADER_LENGTH, headerHash } from "../../chain/header.ts";
import { MalformedError } from "../../chain/malformed.ts";
import { authorOf } from "../../chain/rules.ts";
import { DOMAIN_BLOCK_APPROVAL, domain, signingRoot } from "../../chain/signing.ts";
import type { SignatureCheck } from "../../chain/validator.ts";
import type { Proposal } from "../../chain/vote.ts";
import type { ChainHead } from "../../integrations/chain/port.ts";
import type { TimerHandle } from "../../kernel/ports/clock.ts";
import type { Current } from "../../kernel/settings.ts";
import type { Ballot } from "./ballot.ts";
import { PROPOSALS_MAX, type ProducerConfig } from "./config.ts";
import type { Refusal } from "./errors.ts";
import { decodeFederation, encodeApprovalReply } from "./messages.ts";
import type { ProducerContext, ProducerParts } from "./parts.ts";
import type { AuthoritySchedule } from "./schedule.ts";
import type { SigningService } from "./signing-service.ts";
import type { VoteWitness } from "./witness.ts";

export interface VoterParts {
  readonly context: ProducerContext;
  readonly parts: ProducerParts;
  readonly config: Current<ProducerConfig>;
  readonly ballot: Ballot;
  readonly signing: SigningService;
  readonly witness: VoteWitness;
  readonly schedule: AuthoritySchedule;
}

/** A proposal that is being judged. */
interface Pending {
  /** For the answer. */
  readonly handle: string;
  readonly block: ParsedBlock;
  /** The proposal as the voting rule sees it, both flags claimed: they are proven before anything is signed. */
  readonly claim: Proposal;
  readonly author: number;
  readonly members: readonly Uint8Array[];
  /** Our own index. */
  readonly index: number;
  /** Set while it waits for its parent. */
  grace: TimerHandle | undefined;
  mayWait: boolean;
}

export class Voter {
  readonly #with: VoterParts;
  /** At most PROPOSALS_MAX. */
  readonly #pending = new Set<Pending>();
  #approved = 0;
  #refused = 0;

  constructor(parts: VoterParts) {
    this.#with = parts;
  }

  get counts(): { proposalsApproved: number; proposalsRefused: number } {
    return { proposalsApproved: this.#approved, proposalsRefused: this.#refused };
  }

  /** A message of a member. Those that are not about voting are left to whom they concern. */
  messageArrived({ handle, payload, peerId }: InboundFederation): void {
    const decoded = decodeFederation(payload);
    if (decoded.kind === "other") return;
    if (decoded.kind !== "proposal") return this.#refuse(handle, "MALFORMED");
    if (this.#pending.size >= PROPOSALS_MAX) return this.#refuse(handle, "BUSY");
    const pending = this.#read(handle, decoded.block);
    if (typeof pending === "string") return this.#refuse(handle, pending);
    this.#pending.add(pending);
    if (pending.author === pending.index) return this.#verifyOwn(pending, peerId);
    this.#consider(pending);
  }

  /** The head moved: the parent that proposals wait for may be there. */
  headMoved(): void {
    for (const pending of [...this.#pending]) {
      if (pending.grace === undefined) continue;
      pending.grace.cancel();
      pending.grace = undefined;
      this.#consider(pending);
    }
  }

  #read(handle: string, bytes: Uint8Array): Pending | Refusal {
    const { parts, ballot } = this.#with;
    const block = parse(bytes);
    if (block === undefined) return "MALFORMED";
    const { header, approval } = block;
    const { slot, height, parentHash } = header;
    const members = parts.chain.authoritiesAt(height).keys;
    const index = members.findIndex((key) => equalBytes(key, ballot.publicKey));
    if (index < 0) return "NOT_A_MEMBER";
    const author = authorOf(slot, members.length);
    const isAuthorAlone = approval.length === members.length && approval.bits === 1 << author;
    if (!isAuthorAlone) return "NOT_APPROVED_BY_AUTHOR";
    const hash = headerHash(bytes.subarray(0, HEADER_LENGTH));
    const claim = { slot, height, hash, parentHash, isApprovedByAuthor: true, isValid: true };
    return { handle, block, claim, author, members, index, grace: undefined, mayWait: true };
  }

  /** What the voting rule says if everything claimed is true: only then is it worth verifying. */
  #consider(pending: Pending): void {
    const { context, parts, config, ballot } = this.#with;
    const { claim } = pending;
    const { head } = parts.chain.snapshot();
    const decision = ballot.consider(claim, context.clock.nowMs(), head.hash);
    if (decision.kind === "repeat") return this.#cast(pending);
    if (decision.kind === "record") return this.#verify(pending, head);
    const isAhead = decision.reason === "NOT_ON_BEST_HEAD" && claim.height > head.height;
    if (isAhead && pending.mayWait) {
      pending.grace = context.timers.after(config.current.graceMs, () => {
        pending.grace = undefined;
        pending.mayWait = false;
        this.#consider(pending);
      });
      return;
    }
    // A second block of the slot that we voted in: worth a look who signed it.
    if (decision.reason === "SLOT_NOT_ABOVE_LAST_VOTE" && claim.slot === ballot.lastVote?.slot) {
      return this.#verify(pending, head);
    }
    this.#finish(pending, decision.reason);
  }

  /** A proposal in our name that somebody else sent: whether our key signed it is all that matters. */
  #verifyOwn(pending: Pending, peerId: string): void {
    const { context, parts, signing } = this.#with;
    const { claim } = pending;
    context.effect(parts.validator.verifySignatures([this.#authorsSignature(pending)]), (outcome) => {
      if (!outcome.ok) return this.#finish(pending, "NOT_NOW");
      if (outcome.value[0] !== true) return this.#finish(pending, "NOT_APPROVED_BY_AUTHOR");
      this.#report(pending.block);
      signing.sawProposal(claim.slot, claim.hash, peerId);
      this.#finish(pending, signing.refusal(claim.slot) ?? "SLOT_NOT_ABOVE_LAST_VOTE");
    });
  }

  #authorsSignature({ block, claim, author, members }: Pending): SignatureCheck {
    const { genesisHash } = this.#with.parts.chain.facts;
    const root = signingRoot(claim.hash, domain(DOMAIN_BLOCK_APPROVAL, genesisHash));
    const { signature } = block.approval;
    return { publicKeys: members.slice(author, author + 1), signingRoot: root, signature };
  }

  /** Verifies the author's signature, and the parent's approval unless it is the one that we have ourselves. */
  #verify(pending: Pending, head: ChainHead): void {
    const { context, parts } = this.#with;
    const { chain, validator } = parts;
    const { block, claim, author } = pending;
    const bySignature = validator.verifySignatures([this.#authorsSignature(pending)]);
    const carried = parentApprovalBytes(block.body);
    const isKnown = carried === undefined || equalBytes(carried, head.approval);
    const authorities = chain.authoritiesAt(head.height);
    const byParent = isKnown
      ? Promise.resolve([true])
      : validator.verifyApprovals([{ header: head.header, approval: carried, authorities }]);
    context.effect(Promise.all([bySignature, byParent]), (outcome) => {
      if (!outcome.ok) return this.#finish(pending, "NOT_NOW");
      const [[isSigned], [isParentApproved]] = outcome.value;
      if (isSigned !== true) return this.#finish(pending, "NOT_APPROVED_BY_AUTHOR");
      this.#with.witness.saw({ ...claim, authorityIndex: author, isProposal: true });
      this.#report(block);
      if (isParentApproved !== true) return this.#finish(pending, "BAD_PARENT_APPROVAL");
      this.#judge(pending);
    });
  }

  /** An author of two proposals for one slot is found out where all approvals come together. */
  #report({ bytes, approval }: ParsedBlock): void {
    const header = bytes.subarray(0, HEADER_LENGTH);
    const request = { header, approval: encodeApproval(approval) };
    this.#with.parts.syncInternal.tell(SyncInternalService.method.reportApproval, request);
  }

  #judge(pending: Pending): void {
    const { parts, schedule } = this.#with;
    const fault = parts.chain.judgeProposal(pending.block.bytes, schedule.authorities);
    if (fault === undefined) return this.#cast(pending);
    this.#finish(pending, fault.code === "UNKNOWN_PARENT" ? "NOT_ON_BEST_HEAD" : fault.code);
  }

  #cast(pending: Pending): void {
    const { context, parts, ballot, witness } = this.#with;
    const { handle, claim, index } = pending;
    // The rule decides once more: time has passed, and another proposal may have got our vote meanwhile.
    const cast = ballot.cast(claim, context.clock.nowMs(), parts.chain.snapshot().head.hash);
    if (!cast.ok) return this.#finish(pending, cast.reason);
    this.#pending.delete(pending);
    this.#approved++;
    const { slot, height, hash } = claim;
    witness.saw({ slot, height, hash, authorityIndex: index, isProposal: false });
    const { signature } = cast;
    const payload = encodeApprovalReply({ blockHash: hash, height, slot, authorityIndex: index, signature });
    parts.network.tell(NetworkInternalService.method.respondFederation, { handle, payload });
  }

  #finish(pending: Pending, reason: Refusal): void {
    this.#pending.delete(pending);
    const { slot, height } = pending.claim;
    this.#with.context.log.info("proposal refused", { slot, height, reason, author: pending.author });
    this.#refuse(pending.handle, reason);
  }

  #refuse(handle: string, refusal: Refusal): void {
    this.#refused++;
    this.#with.parts.network.tell(NetworkInternalService.method.respondFederation, { handle, refusal });
  }
}

function parse(bytes: Uint8Array): ParsedBlock | undefined {
  try {
    return parseBlock(bytes);
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}
