/** Long scenarios of fork choice: certified blocks that compete, forks below the final block, and ancestors that nobody has. */

import { approvedBlock, buildBlock } from "../../../src/actors/producer/block-builder.ts";
import { quorumOf } from "../../../src/chain/approval.ts";
import { DOMAIN_BLOCK_APPROVAL, domain, signingRoot } from "../../../src/chain/signing.ts";
import { assert } from "../../../src/kernel/errors.ts";
import { DeepAncestry } from "../adversaries/deep-ancestry.ts";
import { DeepFork } from "../adversaries/deep-fork.ts";
import { Messenger } from "../adversaries/messenger.ts";
import type { Machine } from "../machine.ts";
import { SLOT_MS, START_MS } from "../scenario.ts";
import { signOnce } from "../world-validator.ts";
import type { Stage } from "./stage.ts";

const SETTLED_MS = 60_000;
const OFFERED_MS = 30_000;
/** What is asked of one peer is half of its quota: 64 blocks by hash in 40 s. */
const ASKED_MS = 60_000;

/**
 * An author gathers its approvals and dies before it publishes; the others build on without it; then its block comes out
 * after all. It has the lower slot: where it has the height of the head it is the better one.
 */
export async function competingBlocks(stage: Stage): Promise<void> {
  const { world } = stage;
  const messenger = stage.enter((where, number) => new Messenger(where, "messenger", number));
  await stage.within("the messenger is known", 20_000, () => messenger.isConnected);
  const { slot, author } = nextSlotWithout(stage);
  await stage.pass(slot * SLOT_MS - START_MS - world.nowMs - 20);
  author?.disturb();
  author?.kill("killed", false);
  await stage.pass(100);
  const before = stage.bestHeight;
  const kept = certifiedBlock(stage, slot);
  await stage.within("the others go on", 5 * SLOT_MS, () => stage.bestHeight > before);
  // At once it replaces the head; a block later it is left beside the chain.
  if (stage.random.next() < 0.3)
    await stage.within("and on", 5 * SLOT_MS, () => stage.bestHeight > before + 1);
  messenger.publish(kept);
  world.count("competingBlocks");
  await stage.pass(3_000);
  if (author?.process === undefined) author?.start();
  await stage.mustGoOn(SETTLED_MS);
  messenger.stop();
}

/** The next slot whose author does not run, or may be killed without the quorum. */
function nextSlotWithout({ world }: Stage): { readonly slot: number; readonly author: Machine | undefined } {
  const { members } = world.scenario;
  const running = world.machines.filter(({ key, process }) => key !== undefined && process !== undefined);
  for (let slot = Math.floor((START_MS + world.nowMs) / SLOT_MS) + 2; ; slot++) {
    const author = running.find(({ memberIndex }) => memberIndex === slot % members);
    if (author === undefined || running.length > quorumOf(members)) return { slot, author };
  }
}

/** A child of the best head in this slot, signed by a quorum, its author among them. */
function certifiedBlock({ world }: Stage, slot: number): Uint8Array {
  const { members } = world.scenario;
  const { forge, facts } = world.history;
  const [first, ...rest] = world.processes().map(({ chain }) => chain);
  assert(first !== undefined, "somebody runs");
  const best = rest.reduce(
    (left, right) => (right.snapshot().head.height > left.snapshot().head.height ? right : left),
    first,
  );
  const block = buildBlock(best.childTemplate(), slot, slot * SLOT_MS, [Uint8Array.of(0xcc)]);
  const root = signingRoot(block.hash, domain(DOMAIN_BLOCK_APPROVAL, facts.genesisHash));
  const signatures = new Map<number, Uint8Array>();
  for (let turn = 0; turn < quorumOf(members); turn++) {
    const member = (slot + turn) % members;
    const key = forge.secretKeys[member];
    if (key === undefined) continue;
    signatures.set(member, signOnce(key, root));
    world.machines
      .find(({ memberIndex }) => memberIndex === member)
      ?.vote({ slot, height: block.height, hash: block.hash });
  }
  const certified = approvedBlock(block, members, signatures);
  assert(certified !== undefined, "honest signatures aggregate");
  return certified;
}

export async function forkBelowFinal(stage: Stage): Promise<void> {
  const { world } = stage;
  const before = new Map(world.machines.map((machine) => [machine, machine.process?.chain.snapshot().final]));
  // What one alone says is not followed far enough to come below the final block.
  const forkers = [1, 2].map((which) =>
    stage.enter((where, number) => new DeepFork(where, `forker-${which}`, number)),
  );
  await stage.pass(OFFERED_MS);
  stage.must("the fork was followed by nobody", (world.counts.get("deepForkServed") ?? 0) > 0);
  for (const [machine, final] of before) {
    const now = machine.process?.chain.hashAt(final?.height ?? 0);
    stage.must(
      `${machine.name} replaced its final block ${final?.height}`,
      final !== undefined && now !== undefined && Buffer.compare(now, final.hash) === 0,
    );
  }
  for (const forker of forkers) forker.stop();
  await stage.mustGoOn(SETTLED_MS);
}

export async function deepAncestry(stage: Stage): Promise<void> {
  const { world } = stage;
  const adversaries = (["far", "far", "near"] as const).map((how) =>
    stage.enter((where, number) => new DeepAncestry(where, how, number)),
  );
  await stage.pass(ASKED_MS);
  stage.must("the ancient chain was offered to nobody", (world.counts.get("deepAncestry") ?? 0) > 0);
  for (const adversary of adversaries) adversary.stop();
  world.count("ancestorsAsked", world.mischief.strayRequests);
  await stage.mustGoOn(SETTLED_MS);
}
