/**
 * The validator's in-memory twin: checks on the calling thread, before the promise resolves. For simulation
 * and tests; a node uses threads.ts, because each check holds its thread for milliseconds.
 */
import { verifyApprovals } from "../approval-check.ts";
import { verifyEach } from "../bls.ts";
import { checkSegment } from "../check-segment.ts";
import type { ChainFacts } from "../facts.ts";
import type { ApprovalCheck, SegmentInput, SegmentVerdict, SignatureCheck, Validator } from "../validator.ts";
import { assertSegment, cancelled, closed } from "./refusals.ts";
import { ends } from "./task.ts";

/** Same answers as the pool, at once. */
export class InlineValidator implements Validator {
  readonly #facts: ChainFacts;
  #isClosed = false;

  constructor(facts: ChainFacts) {
    this.#facts = facts;
  }

  async validateSegment(input: SegmentInput, signal?: AbortSignal): Promise<SegmentVerdict> {
    assertSegment(input);
    this.#refuseWhenClosed();
    if (signal?.aborted === true) throw cancelled();
    const verdict = checkSegment(this.#facts, input);
    if (!verdict.ok || input.header === undefined) return verdict;
    return { ok: true, segment: { ...verdict.segment, ...ends(input.header, verdict.segment) } };
  }

  async verifyApprovals(checks: readonly ApprovalCheck[]): Promise<boolean[]> {
    this.#refuseWhenClosed();
    return verifyApprovals(checks, this.#facts.genesisHash);
  }

  async verifySignatures(checks: readonly SignatureCheck[]): Promise<boolean[]> {
    this.#refuseWhenClosed();
    return verifyEach(checks);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw closed();
  }
}
