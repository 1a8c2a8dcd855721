/**
 * The contract of the chain port: what every ChainActor behind it answers, embedded or attached. Register it with a
 * way to open a fresh chain of the given forge.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parentApprovalBytes, parseBlock, splitBlock } from "../../src/chain/block.ts";
import { ChainForge, forgeSecretKeys } from "../../src/chain/forge.ts";
import type { ChainEvent, ChainPort, ImportOutcome } from "../../src/integrations/chain/port.ts";
import {
  hashOfBlock,
  quickForge,
  run,
  segmentOf,
  withOtherApproval,
} from "../unit/integrations/chain/segments.ts";

export interface OpenedChain {
  readonly chain: ChainPort;
  /** Lets pending work proceed until there is none. */
  settle(): Promise<void>;
}

export function chainPortContract(
  name: string,
  open: (forge: ChainForge, finalityDepth: number) => Promise<OpenedChain>,
): void {
  async function fresh(finalityDepth = 64) {
    const forge = quickForge(3);
    const { chain, settle } = await open(forge, finalityDepth);
    const events: ChainEvent[] = [];
    chain.subscribe((event) => events.push(event));
    const send = async (blocks: readonly Uint8Array[]): Promise<ImportOutcome> => {
      const outcome = chain.importSegment(segmentOf(blocks));
      await settle();
      return outcome;
    };
    return { forge, chain, settle, events, send };
  }

  test(`${name}: an empty chain stands on genesis`, async () => {
    const { chain, forge } = await fresh();
    const { head, final, earliestHeight, isAvailable } = chain.snapshot();
    assert.equal(head.height, 0);
    assert.deepEqual(head.hash, forge.genesis.hash);
    assert.deepEqual(head.header, forge.genesis.header);
    assert.equal(head.approval.length, 0);
    assert.deepEqual(final, { height: 0, hash: forge.genesis.hash });
    assert.equal(earliestHeight, 1);
    assert.equal(isAvailable, true);
    assert.equal(chain.heightOf(forge.genesis.hash), 0);
    assert.equal(chain.readBlock(0), undefined);
    assert.equal(chain.childTemplate().parentApproval, undefined);
    await chain.close();
  });

  test(`${name}: importSegment moves the head, serves the blocks and tells it once a segment`, async () => {
    const { chain, forge, events, send } = await fresh();
    const blocks = run(forge, 10);
    const outcome = await send(blocks);
    assert.equal(outcome.kind, "imported");
    const { head } = chain.snapshot();
    assert.equal(head.height, 10);
    assert.deepEqual(head.hash, forge.headHash);
    assert.deepEqual(
      events.map(({ type }) => type),
      ["imported"],
    );
    assert.deepEqual(chain.readRange(3, 4, 1_000_000).map(hashOfBlock), blocks.slice(2, 6).map(hashOfBlock));
    assert.equal(chain.readRange(3, 4, 1).length, 1);
    assert.equal(chain.heightOf(hashOfBlock(blocks[4]!)), 5);
    assert.deepEqual(chain.hashAt(5), hashOfBlock(blocks[4]!));
    const byHash = chain.readBlockByHash(hashOfBlock(blocks[4]!));
    assert.equal(byHash?.height, 5);
    assert.equal(byHash?.isCanonical, true);
    await chain.close();
  });

  test(`${name}: importSegment called before the last one settled keeps the order`, async () => {
    const { chain, forge, settle } = await fresh();
    const outcomes = Array.from({ length: 8 }, () => chain.importSegment(segmentOf(run(forge, 4))));
    await settle();
    assert.deepEqual(
      (await Promise.all(outcomes)).map(({ kind }) => kind),
      Array.from({ length: 8 }, () => "imported"),
    );
    assert.equal(chain.snapshot().head.height, 32);
    await chain.close();
  });

  test(`${name}: the approval kept of a block is the one inside its successor`, async () => {
    const { chain, forge, send } = await fresh();
    const published = withOtherApproval(forge.next(), 7);
    await send([published]);
    assert.deepEqual(splitBlock(chain.readBlock(1)!).approval, splitBlock(published).approval);
    // The successor's author had gathered another quorum than the one that was published.
    const second = forge.next();
    await send([second]);
    const kept = splitBlock(chain.readBlock(1)!).approval;
    assert.notDeepEqual(kept, splitBlock(published).approval);
    assert.deepEqual(kept, new Uint8Array(parentApprovalBytes(parseBlock(second).body)!));
    await chain.close();
  });

  test(`${name}: a segment that is there already is known, one that overlaps is imported`, async () => {
    const { chain, forge, send } = await fresh();
    const blocks = run(forge, 6);
    await send(blocks.slice(0, 4));
    assert.equal((await send(blocks.slice(1, 3))).kind, "known");
    assert.equal((await send(blocks.slice(2))).kind, "imported");
    assert.equal(chain.snapshot().head.height, 6);
    await chain.close();
  });

  test(`${name}: a segment on an unknown parent names the parent`, async () => {
    const { chain, forge, send } = await fresh();
    const blocks = run(forge, 3);
    const outcome = await send(blocks.slice(1));
    assert.equal(outcome.kind, "unknownParent");
    assert.deepEqual(outcome.kind === "unknownParent" && outcome.parentHash, hashOfBlock(blocks[0]!));
    assert.equal(chain.snapshot().head.height, 0);
    await chain.close();
  });

  test(`${name}: of two blocks at one height the one with the lower slot is the head`, async () => {
    const { chain, forge, events, send } = await fresh();
    await send(run(forge, 2));
    const late = forge.fork().next({ skippedSlots: 3 });
    const early = forge.fork().next({ skippedSlots: 1 });
    const later = forge.fork().next({ skippedSlots: 5 });
    assert.equal((await send([late])).kind, "imported");
    const outcome = await send([early]);
    assert.equal(outcome.kind, "reorganized");
    assert.equal(outcome.kind === "reorganized" && outcome.commonHeight, 2);
    assert.equal(outcome.kind === "reorganized" && outcome.blocksReverted, 1);
    assert.equal((await send([later])).kind, "side");
    assert.equal((await send([later])).kind, "known");
    assert.deepEqual(chain.snapshot().head.hash, hashOfBlock(early));
    assert.equal(chain.readBlockByHash(hashOfBlock(late))?.isCanonical, false);
    assert.equal(chain.readBlockByHash(hashOfBlock(later))?.isCanonical, false);
    assert.deepEqual(
      events.map(({ type }) => type),
      ["imported", "imported", "reorganized"],
    );
    await chain.close();
  });

  test(`${name}: a branch that grows beside the chain takes over when it is higher`, async () => {
    const { chain, forge, send } = await fresh();
    await send(run(forge, 3));
    const branch = forge.fork();
    await send(run(forge, 3));
    const blocks = [branch.next({ skippedSlots: 9 }), ...run(branch, 4)];
    assert.equal((await send(blocks.slice(0, 2))).kind, "side");
    assert.equal((await send(blocks.slice(2, 3))).kind, "side");
    const outcome = await send(blocks.slice(3));
    assert.equal(outcome.kind, "reorganized");
    assert.equal(chain.snapshot().head.height, 8);
    assert.deepEqual(chain.readRange(4, 5, 1_000_000).map(hashOfBlock), blocks.map(hashOfBlock));
    assert.equal((await send(run(branch, 1))).kind, "imported");
    await chain.close();
  });

  test(`${name}: blocks become final under the depth and are never replaced`, async () => {
    const { chain, forge, events, send } = await fresh(4);
    const branch = forge.fork();
    await send(run(forge, 6));
    assert.deepEqual(chain.snapshot().final, { height: 2, hash: chain.hashAt(2)! });
    assert.deepEqual(
      events.map(({ type }) => type),
      ["imported", "finalized"],
    );
    const outcome = await send(run(branch, 1).concat([branch.next({ skippedSlots: 2 }), ...run(branch, 9)]));
    assert.equal(outcome.kind, "belowFinal");
    assert.equal(chain.snapshot().head.height, 6);
    await chain.close();
  });

  test(`${name}: a block that does not continue its parent is invalid`, async () => {
    const { chain, forge, send } = await fresh();
    await send(run(forge, 2));
    const state = await send([forge.fork().next({ header: { stateRoot: new Uint8Array(32).fill(7) } })]);
    assert.equal(state.kind === "invalid" && state.fault.code, "WRONG_STATE_ROOT");
    const history = await send([forge.fork().next({ header: { historyRoot: new Uint8Array(32) } })]);
    assert.equal(history.kind === "invalid" && history.fault.code, "WRONG_HISTORY_ROOT");
    const slot = await send([forge.fork().next({ header: { slot: 1 } })]);
    assert.equal(slot.kind === "invalid" && slot.fault.code, "SLOT_NOT_ABOVE_PARENT");
    assert.equal(chain.snapshot().head.height, 2);
    await chain.close();
  });

  test(`${name}: judgeProposal applies every rule but the quorum to a child of the head`, async () => {
    const { chain, forge, send } = await fresh();
    await send(run(forge, 2));
    const child = (options: Parameters<ChainForge["next"]>[0]) =>
      chain.judgeProposal(forge.fork().next(options));
    const slot = forge.head.slot + 1;
    assert.equal(child({ signers: 1 << (slot % 3) }), undefined);
    assert.equal(child({ signers: 1 << ((slot + 1) % 3) })?.code, "AUTHOR_BIT_MISSING");
    assert.equal(child({ header: { stateRoot: new Uint8Array(32) } })?.code, "WRONG_STATE_ROOT");
    assert.equal(child({ header: { bodyRoot: new Uint8Array(32) } })?.code, "WRONG_BODY_ROOT");
    assert.equal(child({ header: { historyRoot: new Uint8Array(32) } })?.code, "WRONG_HISTORY_ROOT");
    assert.equal(child({ header: { parentHash: new Uint8Array(32) } })?.code, "UNKNOWN_PARENT");
    assert.equal(child({ header: { height: 4 } })?.code, "WRONG_HEIGHT");
    assert.equal(child({ header: { timestampMs: 1 } })?.code, "WRONG_SLOT");
    assert.equal(child({ header: { authoritiesRoot: new Uint8Array(32) } })?.code, "WRONG_AUTHORITIES_ROOT");
    assert.equal(child({ skippedSlots: 100_000_000 })?.code, "FUTURE_TIMESTAMP");
    assert.equal(chain.judgeProposal(new Uint8Array(10))?.code, "MALFORMED");
    await chain.close();
  });

  test(`${name}: a change of the authorities is followed and told, and the past keeps its set`, async () => {
    const { chain, forge, events, send } = await fresh();
    const before = forge.authorities;
    await send([...run(forge, 2), forge.next({ nextAuthorities: forgeSecretKeys(4) })]);
    assert.deepEqual(chain.authoritiesAt(3).root, before.root);
    assert.deepEqual(chain.authoritiesAt(4).root, forge.authorities.root);
    assert.deepEqual(events.at(-1), {
      type: "authoritiesChanged",
      firstHeight: 4,
      authorities: forge.authorities,
    });
    assert.equal((await send(run(forge, 3))).kind, "imported");
    assert.equal(chain.childTemplate().lowestChangeHeight, 67);
    assert.deepEqual(chain.childTemplate().authoritiesRoot, forge.authorities.root);
    const { authorities, parentAuthorities } = chain.authoritiesAfter(chain.hashAt(3)!)!;
    assert.deepEqual([parentAuthorities.root, authorities.root], [before.root, forge.authorities.root]);
    assert.equal(chain.authoritiesAfter(new Uint8Array(32)), undefined);
    const soon = await send([forge.fork().next({ nextAuthorities: forgeSecretKeys(3) })]);
    assert.equal(soon.kind === "invalid" && soon.fault.code, "INVALID_AUTHORITY_CHANGE");
    await chain.close();
  });

  test(`${name}: judgeProposal approves no change but the scheduled one`, async () => {
    const { chain, forge, send } = await fresh();
    await send(run(forge, 2));
    const after = forge.fork();
    const proposal = after.next({ nextAuthorities: forgeSecretKeys(4) });
    assert.equal(chain.judgeProposal(proposal)?.code, "AUTHORITY_CHANGE_NOT_SCHEDULED");
    assert.equal(chain.judgeProposal(proposal, after.authorities), undefined);
    await chain.close();
  });

  test(`${name}: where AuxPoW is required, what it covers is final once it is buried`, async () => {
    const forge = new ChainForge({ members: 3, signEvery: 1_000_000_007, auxpowEvery: 5 });
    const { chain, settle } = await open(forge, 4);
    const outcomes = [6, 2, 1, 20].map((count) => chain.importSegment(segmentOf(run(forge, count))));
    await settle();
    for (const { kind } of await Promise.all(outcomes)) assert.equal(kind, "imported");
    // 25 is buried under 4, and covers up to 24.
    assert.deepEqual(chain.snapshot().final, { height: 24, hash: chain.hashAt(24)! });
    await chain.close();
  });

  test(`${name}: childTemplate is what the next block carries`, async () => {
    const { chain, forge, send } = await fresh();
    await send(run(forge, 5));
    const template = chain.childTemplate();
    const next = parseBlock(forge.next());
    assert.equal(template.height, 6);
    assert.deepEqual(template.parentHash, new Uint8Array(next.header.parentHash));
    assert.deepEqual(template.historyRoot, new Uint8Array(next.header.historyRoot));
    assert.deepEqual(template.stateRoot, new Uint8Array(next.header.stateRoot));
    assert.deepEqual(template.authoritiesRoot, new Uint8Array(next.header.authoritiesRoot));
    assert.deepEqual(template.parentApproval, new Uint8Array(parentApprovalBytes(next.body)!));
    await chain.close();
  });
}
