/**
 * The history that a federation starts with, forged once for each size and length in a process, and the disks on which
 * nodes find it.
 */

import type { AuthoritySetFacts, ChainFacts } from "../../src/chain/facts.ts";
import { ChainForge, forgeSecretKeys } from "../../src/chain/forge.ts";
import { openEmbeddedChain } from "../../src/integrations/chain/embedded/embedded.ts";
import { assert, Failure } from "../../src/kernel/errors.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import type { Simulation } from "../../src/kernel/ports/simulation.ts";
import { type MemoryDisk, openMemoryStore } from "../../src/storage/memory.ts";
import { type Scenario, SLOT_MS, START_MS } from "./scenario.ts";
import { SharedValidator } from "./world-validator.ts";

/** Shallower than the usual 64, so that a run of minutes sees many blocks become final. */
const FINALITY_DEPTH = 16;
const SEGMENT_BLOCKS = 64;

export interface History {
  readonly forge: ChainForge;
  readonly facts: ChainFacts;
  readonly genesis: { readonly header: Uint8Array; readonly authorities: AuthoritySetFacts };
  /** Of heights 1 and up. */
  readonly blocks: readonly Uint8Array[];
  /** Stands FORK_DEPTH blocks below the end: whoever holds every key could go on from there. */
  readonly forkForge: ChainForge;
}

/** Deeper than what can still be replaced. */
const FORK_DEPTH = 30;

/** In some histories a member left here: far enough from both ends for segments on both sides. */
const CHANGE_HEIGHT = 97;

const histories = new Map<string, History>();

export function historyOf(scenario: Scenario): History {
  const { members, historyBlocks, gapSlots, longScenario } = scenario;
  const retired = longScenario === "authority-changes" ? 1 : 0;
  const key = `${members} ${historyBlocks} ${gapSlots} ${retired}`;
  const known = histories.get(key);
  if (known !== undefined) return known;
  const endTimestampMs = START_MS - gapSlots * SLOT_MS;
  const forge = ChainForge.of({
    members: members + retired,
    blocks: historyBlocks,
    endTimestampMs,
    slotDurationMs: SLOT_MS,
    authorityChanges:
      retired === 0
        ? []
        : [{ height: CHANGE_HEIGHT, set: forgeSecretKeys(members + retired).slice(0, members) }],
  });
  const blocks: Uint8Array[] = [];
  let forkForge = forge;
  for (let height = 1; height <= historyBlocks; height++) {
    blocks.push(forge.next());
    if (height === historyBlocks - FORK_DEPTH) forkForge = forge.fork();
  }
  const { header, authorities } = forge.genesis;
  const history = {
    forge,
    facts: forge.facts(500, FINALITY_DEPTH),
    genesis: { header, authorities },
    blocks,
    forkForge,
  };
  histories.set(key, history);
  return history;
}

/** Fills an empty disk with the first blocks of the history. */
export async function prepareDisk(
  disk: MemoryDisk,
  history: History,
  count: number,
  simulation: Simulation,
): Promise<void> {
  if (count === 0) return;
  const { facts, genesis, blocks } = history;
  const { scheduler, clock } = simulation;
  const store = openMemoryStore({ disk, genesisHash: facts.genesisHash, scheduler });
  const chain = openEmbeddedChain({ store, facts, genesis, clock, log: silentLog });
  assert(!(chain instanceof Failure), "an empty disk opens");
  const validator = new SharedValidator(facts);
  for (let start = 0, end = 0; start < count; start = end) {
    // A segment ends at a change of the authorities.
    const isBefore = start < CHANGE_HEIGHT && start + SEGMENT_BLOCKS > CHANGE_HEIGHT;
    end = Math.min(count, isBefore ? CHANGE_HEIGHT : start + SEGMENT_BLOCKS);
    const verdict = await validator.validateSegment({
      blocks: blocks.slice(start, end),
      policy: "SEGMENT",
      authorities: chain.authoritiesAt(start + 1),
      parentAuthorities: chain.authoritiesAt(Math.max(1, start)),
      nowMs: START_MS,
    });
    assert(verdict.ok, "the history is valid");
    const imported = chain.importSegment(verdict.segment);
    await simulation.settle();
    assert((await imported).kind === "imported", "the history is imported");
  }
  const closed = chain.close().then(() => store.close());
  await simulation.settle();
  await closed;
}
