/**
 * ProducerActor: proposes, votes and publishes for a local federation, above sync. It keeps the slot's time, hands the
 * messages of other members to the Voter and our own slots to the Author. What outlives it (vote record, key, chain) is
 * handed in. Nobody below knows it: what it hears comes from their streams.
 */

import { type InboundFederation, NetworkInternalService } from "../../../gen/alys/network/v1/network_pb.ts";
import { PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { ProducerInternalService, ProducerService } from "../../../gen/alys/producer/v1/producer_pb.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { slotAt } from "../../chain/rules.ts";
import { TRANSACTION_BYTES_MAX } from "../../integrations/engine/port.ts";
import type { Actor, ActorDefinition } from "../../kernel/actor/actor.ts";
import { onSettings } from "../../kernel/actor/settings-turn.ts";
import { type Current, LiveSettings, type Settings } from "../../kernel/settings.ts";
import { Topic } from "../../kernel/stream/topic.ts";
import { Author, type ProductionStep } from "./author.ts";
import { Ballot } from "./ballot.ts";
import { Bars } from "./bars.ts";
import type { ProducerConfig } from "./config.ts";
import { notAMember, transactionRefused, transactionsFull } from "./errors.ts";
import { ConnectedMembers } from "./members.ts";
import type { ProducerContext, ProducerParts } from "./parts.ts";
import { AuthoritySchedule } from "./schedule.ts";
import { Scheduler } from "./scheduler.ts";
import { SigningService, type SigningServiceParts } from "./signing-service.ts";
import { TransactionQueue } from "./transactions.ts";
import { Voter } from "./voter.ts";
import { type SeenVote, VoteWitness } from "./witness.ts";

/** The definition for the kernel's cell. */
export function producerActor(
  parts: ProducerParts,
  config: Settings<ProducerConfig>,
): ActorDefinition<typeof ProducerService, typeof ProducerInternalService> {
  return {
    name: "producer",
    service: ProducerService,
    internal: ProducerInternalService,
    create: (context) => new ProducerActor(context, parts, config),
  };
}

/** What only a node with an authority key has. */
interface Member {
  readonly ballot: Ballot;
  readonly author: Author;
  readonly voter: Voter;
  readonly signing: SigningService;
  readonly bars: Bars;
  readonly schedule: AuthoritySchedule;
}

class ProducerActor implements Actor<typeof ProducerService, typeof ProducerInternalService> {
  readonly handlers: Actor<typeof ProducerService, typeof ProducerInternalService>["handlers"];
  readonly internal: Actor<typeof ProducerService, typeof ProducerInternalService>["internal"];
  readonly streams: { readonly watchVotes: Topic<typeof ProducerService.method.watchVotes> };
  readonly #context: ProducerContext;
  readonly #parts: ProducerParts;
  readonly #members = new ConnectedMembers();
  readonly #transactions = new TransactionQueue();
  readonly #member: Member | undefined;
  readonly #scheduler: Scheduler;
  #lastSlot = 0;

  constructor(context: ProducerContext, parts: ProducerParts, config: Settings<ProducerConfig>) {
    this.#context = context;
    this.#parts = parts;
    const own = new LiveSettings(config.current);
    onSettings(context, config, (changed) => own.replace(changed));
    this.#member = this.#makeMember(own);
    const snapshot = () => ({ event: { case: "snapshot" as const, value: this.#status() } });
    // A feed of events: a reader that was too slow wants the newest votes, not the status once more.
    this.streams = {
      watchVotes: new Topic(ProducerService.method.watchVotes, { snapshot, afterSkip: "changes" }),
    };
    const scheduler = new Scheduler(context, parts, this.#member?.schedule);
    this.handlers = {
      getProducerStatus: () => ({ status: this.#status() }),
      scheduleAuthorities: (request) => scheduler.schedule(request),
      confirmKey: ({ reason }) => this.#member?.signing.confirm(reason) ?? notAMember(),
      releaseVotes: (request) => this.#member?.bars.release(request) ?? notAMember(),
    };
    this.#scheduler = scheduler;
    this.internal = { submitTransaction: ({ transaction }) => this.#submit(transaction) };
  }

  onStart(): void {
    if (this.#member === undefined) return;
    const { chain } = this.#parts;
    const { voter, signing } = this.#member;
    // The chain tells outside our turns; what it tells is looked at in one of them.
    this.#scheduler.settle();
    const subscription = chain.subscribe((event) => {
      if (event.type === "authoritiesChanged") {
        this.#context.effect(Promise.resolve(), () => this.#scheduler.settle());
      }
      if (event.type !== "imported" && event.type !== "reorganized") return;
      this.#context.effect(Promise.resolve(), () => voter.headMoved());
    });
    this.#context.signal.addEventListener("abort", () => subscription.close(), { once: true });
    this.#watchPeers(signing);
    this.#watchFederation(voter);
    signing.onStart();
    this.#lastSlot = this.#slotNow();
    this.#awaitSlot();
  }

  onStop(): void {
    // The context's signal ends the subscriptions.
  }

  #makeMember(config: Current<ProducerConfig>): Member | undefined {
    const { signer, votes, chain, watch } = this.#parts;
    if (signer === undefined || votes === undefined || watch === undefined) return undefined;
    const [context, parts, members, transactions] = [
      this.#context,
      this.#parts,
      this.#members,
      this.#transactions,
    ];
    const { clock, log } = context;
    const { facts } = chain;
    const owner = { publicKey: signer.publicKey, genesisHash: facts.genesisHash };
    const publish: SigningServiceParts["publish"] = (value) =>
      this.streams.watchVotes.publish({ event: { case: "signing", value } });
    const signing = new SigningService({ context, parts, config, owner, members, publish });
    const isClockBelieved = (): boolean => watch.clockFault() === undefined;
    const startedMs = clock.monotonicMs();
    const upMs = (): number => clock.monotonicMs() - startedMs;
    const ballot = new Ballot({ votes, signer, guard: signing, facts, upMs, log, isClockBelieved });
    const witness = new VoteWitness(log, (vote) => this.#publish(vote));
    const schedule = new AuthoritySchedule(this.#parts.schedule);
    const tell = (step: ProductionStep): void => this.#tell(step);
    const author = new Author({
      ...{ context, parts, config, ballot, members, transactions, witness, schedule, tell },
    });
    const voter = new Voter({ context, parts, config, ballot, signing, witness, schedule });
    const bars = new Bars(context, watch, ballot, facts.slotDurationMs);
    return { ballot, author, voter, signing, bars, schedule };
  }

  /** Slots begin at multiples of their duration in Unix time. */
  #awaitSlot(): void {
    const { clock, timers } = this.#context;
    const { slotDurationMs } = this.#parts.chain.facts;
    const delayMs = (this.#slotNow() + 1) * slotDurationMs - clock.nowMs();
    timers.after(delayMs, () => {
      const slot = this.#slotNow();
      // A timer may fire a little early. A slot that begins again after the clock was set back is begun again: what was
      // signed in it is the vote record's to know, and a leap ahead and back must not cost every slot between.
      if (slot !== this.#lastSlot) {
        this.#lastSlot = slot;
        this.#member?.bars.look();
        this.#member?.author.slotBegan(slot);
      }
      this.#awaitSlot();
    });
  }

  #slotNow(): number {
    return slotAt(Math.floor(this.#context.clock.nowMs()), this.#parts.chain.facts.slotDurationMs);
  }

  #watchPeers(signing: SigningService): void {
    this.#context.watch(
      this.#parts.peers,
      PeerService.method.watchPeers,
      {},
      {
        onMessage: (message) => {
          this.#members.apply(message);
          signing.peersChanged();
        },
        onGap: () => this.#members.clear(),
      },
    );
  }

  #watchFederation(voter: Voter): void {
    const onMessage = (message: InboundFederation) => voter.messageArrived(message);
    this.#context.watch(
      this.#parts.network,
      NetworkInternalService.method.watchFederation,
      {},
      {
        onMessage: ({ event }) => {
          if (event.case === "message") onMessage(event.value);
        },
      },
    );
  }

  #submit(transaction: Uint8Array) {
    const { length } = transaction;
    if (length < 1 || length > TRANSACTION_BYTES_MAX) return transactionRefused(length);
    if (!this.#transactions.add(transaction)) return transactionsFull(this.#parts.chain.facts.slotDurationMs);
    return {};
  }

  #publish({ slot, height, hash, authorityIndex, isProposal }: SeenVote): void {
    const value = { slot: BigInt(slot), block: { height: BigInt(height), hash }, authorityIndex, isProposal };
    this.streams.watchVotes.publish({ event: { case: "vote", value } });
  }

  #tell({ slot, stage, block, reason = "" }: ProductionStep): void {
    const named = block && { block: { height: BigInt(block.height), hash: block.hash } };
    const value = { slot: BigInt(slot), stage, reason, ...named };
    this.streams.watchVotes.publish({ event: { case: "production", value } });
  }

  #status() {
    const { chain } = this.#parts;
    if (this.#member === undefined) return { isEnabled: false };
    const { ballot, author, voter, signing, bars, schedule } = this.#member;
    const { keys } = chain.authoritiesAt(chain.snapshot().head.height + 1);
    const index = keys.findIndex((key) => equalBytes(key, ballot.publicKey));
    const { blocksProposed, blocksCertified, auxpowsMined, lastRefusal } = author.counts;
    const { proposalsApproved, proposalsRefused } = voter.counts;
    return {
      isEnabled: index >= 0,
      authorityKey: ballot.publicKey,
      authorityIndex: Math.max(0, index),
      blocksProposed: BigInt(blocksProposed),
      blocksCertified: BigInt(blocksCertified),
      auxpowsMined: BigInt(auxpowsMined),
      proposalsApproved: BigInt(proposalsApproved),
      proposalsRefused: BigInt(proposalsRefused),
      lastVotedSlot: BigInt(ballot.lastVote?.slot ?? 0),
      lastRefusal,
      signing: signing.status(),
      ...bars.status,
      scheduledAuthorities: [...(schedule.authorities?.keys ?? [])],
    };
  }
}
