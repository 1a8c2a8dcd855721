/**
 * Asks one peer for the way from the authorities of our head to later ones: the changes between, each approved by the set
 * before it, as `checkpoint/1` delivers them. What comes is judged whole; only the set at its end is kept. Nobody is
 * blamed here: a peer's checkpoint may begin below a change that only we have.
 */

import { NetworkInternalService } from "../../../gen/alys/network/v1/network_pb.ts";
import { authoritySet } from "../../chain/authorities.ts";
import { AUTHORITY_CHANGE_DISTANCE } from "../../chain/authority/change.ts";
import { decodeEvidence } from "../../chain/checkpoint/codec.ts";
import { judgeEvidence } from "../../chain/checkpoint/evidence.ts";
import type { AuthoritySetFacts } from "../../chain/facts.ts";
import type { AuthorityPeriod } from "../../chain/lineage.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { Ref } from "../../kernel/ref.ts";

export interface LaterSetParts {
  readonly network: Ref<typeof NetworkInternalService>;
  readonly chain: Pick<ChainPort, "facts" | "childTemplate">;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The last set; undefined when there is no way or it does not hold. Rejects with the Failure of the request. */
export async function fetchLaterSet(
  { network, chain, clock, signal }: LaterSetParts,
  peerId: string,
): Promise<AuthoritySetFacts | undefined> {
  const known = newestPeriod(chain);
  const { evidence: bytes } = await network.ask(
    NetworkInternalService.method.requestCheckpoint,
    { peerId, heightMax: 0n, knownChangeHeight: BigInt(known.firstHeight - 1) },
    { signal },
  );
  const evidence = decodeEvidence(bytes);
  const newest = evidence?.changes.at(-1);
  if (evidence === undefined || newest === undefined) return undefined;
  const steps = judgeEvidence(evidence, known, chain.facts);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value.ok ? authoritySet(newest.change.keys) : undefined;
    // Each step verifies some 16 signatures: other work runs between.
    await new Promise<void>((resolve) => {
      clock.setTimer(0, resolve);
    });
    if (signal.aborted) return undefined;
  }
}

/** The set in force behind our head, and the first height under it as far as changes tell it. */
function newestPeriod(chain: LaterSetParts["chain"]): AuthorityPeriod {
  const { authorities, lowestChangeHeight } = chain.childTemplate();
  // 1 where none changed it.
  return { firstHeight: Math.max(1, lowestChangeHeight - AUTHORITY_CHANGE_DISTANCE + 1), authorities };
}
