/**
 * Scheduler: answers ScheduleAuthorities. It checks the set against the one in force and its proofs in a worker, makes
 * it durable and only then lets it count; and it takes away what has come into force. Every method runs in a turn of
 * the ProducerActor's mailbox.
 */

import type { MessageShape } from "@bufbuild/protobuf";
import {
  ProducerService,
  type ScheduleAuthoritiesRequestSchema,
  type ScheduleAuthoritiesResponseSchema,
} from "../../../gen/alys/producer/v1/producer_pb.ts";
import { SIGNATURE_LENGTH } from "../../chain/approval.ts";
import { badProof, checkChange, possessionChecks } from "../../chain/authority/change.ts";
import type { AuthorityChange } from "../../chain/block.ts";
import { PUBLIC_KEY_LENGTH } from "../../chain/body-layout.ts";
import type { Reply } from "../../kernel/protocol.ts";
import { badLengths, changeRefused, notAMember, superseded } from "./errors.ts";
import type { ProducerContext, ProducerParts } from "./parts.ts";
import type { AuthoritySchedule } from "./schedule.ts";

type Answer = Reply<typeof ScheduleAuthoritiesResponseSchema>;

export class Scheduler {
  readonly #context: ProducerContext;
  readonly #parts: ProducerParts;
  readonly #schedule: AuthoritySchedule | undefined;
  /** Counts requests: of two that overlap the later one stays. */
  #newest = 0;

  /** No schedule: a node without an authority key. */
  constructor(context: ProducerContext, parts: ProducerParts, schedule: AuthoritySchedule | undefined) {
    this.#context = context;
    this.#parts = parts;
    this.#schedule = schedule;
  }

  schedule({ keys, proofs }: MessageShape<typeof ScheduleAuthoritiesRequestSchema>): Answer {
    const { chain, validator } = this.#parts;
    const schedule = this.#schedule;
    if (schedule === undefined) return notAMember();
    if (keys.length === 0) return this.#store(schedule, undefined, Promise.resolve([]));
    if (keys.some(({ length }) => length !== PUBLIC_KEY_LENGTH)) return badLengths("keys", PUBLIC_KEY_LENGTH);
    if (proofs.some(({ length }) => length !== SIGNATURE_LENGTH))
      return badLengths("proofs", SIGNATURE_LENGTH);
    const change = { keys, proofs };
    const fault = checkChange(change, chain.childTemplate().authorities);
    if (fault !== undefined) return changeRefused(fault);
    const proven = validator.verifySignatures(possessionChecks(change, chain.facts.genesisHash));
    return this.#store(schedule, change, proven);
  }

  /** Nothing is left to do once the scheduled set is in force. */
  settle(): void {
    const schedule = this.#schedule;
    if (schedule === undefined || !schedule.isDone(this.#parts.chain.childTemplate().authorities)) return;
    schedule.apply(undefined);
    this.#context.effect(schedule.store(undefined), (outcome) => {
      // Left on disk it does no harm: it is found done again at the next start.
      if (!outcome.ok) this.#context.log.warn("the schedule was not cleared", { error: outcome.failure });
    });
  }

  #store(
    schedule: AuthoritySchedule,
    change: AuthorityChange | undefined,
    proven: Promise<readonly boolean[]>,
  ): Answer {
    const answer = this.#context.deferred(ProducerService.method.scheduleAuthorities);
    const request = ++this.#newest;
    this.#context.effect(proven, (checked) => {
      if (!checked.ok) return void answer.reject(checked.failure);
      if (!checked.value.every((holds) => holds)) return void answer.reject(changeRefused(badProof()));
      if (request !== this.#newest) return void answer.reject(superseded());
      this.#context.effect(schedule.store(change), (stored) => {
        if (!stored.ok) return void answer.reject(stored.failure);
        if (request === this.#newest) schedule.apply(change);
        this.#context.log.info("authorities scheduled", { members: change?.keys.length ?? 0 });
        const { lowestChangeHeight } = this.#parts.chain.childTemplate();
        answer.resolve({ lowestHeight: BigInt(lowestChangeHeight) });
      });
    });
    return answer;
  }
}
