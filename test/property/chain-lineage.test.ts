/**
 * Random histories with changes of the authorities, AuxPoWs, forks and crashes: whatever happens, the embedded chain
 * gives for every height of its canonical chain the set that a model finds by walking from genesis, the same final
 * block, and the same judgement of a change that comes too soon.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SecretKey } from "../../src/chain/bls.ts";
import { ChainForge, forgeSecretKeys } from "../../src/chain/forge.ts";
import { toHex } from "../../src/chain/hex.ts";
import { cutSegments } from "../../src/chain/segment.ts";
import { ChainRig, hashOfBlock } from "../unit/integrations/chain/segments.ts";

const SECRETS = forgeSecretKeys(6);
const DEPTH = 8;
const DISTANCE = 64;

/** A block as the model knows it. */
interface Node {
  readonly height: number;
  readonly hash: string;
  readonly parent: Node | undefined;
  /** The set that it puts in force. */
  readonly set: readonly SecretKey[] | undefined;
  /** Height up to which its AuxPoW covers. */
  readonly covers: number | undefined;
}

const stories = fc.record({
  auxpowEvery: fc.constantFrom(0, 7),
  steps: fc.array(
    fc.record({
      /** How many steps back the branch leaves; 0 goes on. */
      back: fc.oneof(fc.constant(0), fc.nat(3)),
      blocks: fc.integer({ min: 1, max: 40 }),
      change: fc.constantFrom("none", "add", "remove"),
      covers: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      isCrash: fc.boolean(),
      skippedSlots: fc.nat(2),
    }),
    { minLength: 1, maxLength: 12 },
  ),
});

function setBelow(node: Node | undefined): readonly SecretKey[] {
  for (let at = node; at !== undefined; at = at.parent) if (at.set !== undefined) return at.set;
  return SECRETS.slice(0, 3);
}

function lastChange(node: Node | undefined): number | undefined {
  for (let at = node; at !== undefined; at = at.parent) if (at.set !== undefined) return at.height;
  return undefined;
}

function covered(node: Node | undefined, carrierMax = Number.POSITIVE_INFINITY): number {
  for (let at = node; at !== undefined; at = at.parent) {
    if (at.covers !== undefined && at.height <= carrierMax) return at.covers;
  }
  return 0;
}

/** One key more at the end, or the first one less. */
function changed(set: readonly SecretKey[], change: "add" | "remove"): readonly SecretKey[] | undefined {
  const added = SECRETS.find((key) => !set.includes(key));
  if (change === "add") return added && [...set, added];
  return set.length > 1 ? set.slice(1) : undefined;
}

interface Branch {
  readonly forge: ChainForge;
  readonly head: Node | undefined;
}

class Model {
  readonly rig: ChainRig;
  readonly nodes = new Map<string, Node>();
  #branches: Branch[];
  #final = 0;

  constructor(auxpowEvery: number) {
    const options = { members: 3, signEvery: 1_000_000_007, auxpowEvery };
    const forge = new ChainForge(options);
    this.rig = new ChainRig(forge, DEPTH);
    this.#branches = [{ forge, head: undefined }];
  }

  branch(back: number): Branch {
    const { forge, head } = this.#branches[Math.max(0, this.#branches.length - 1 - back)]!;
    return { forge: forge.fork(), head };
  }

  keep(branch: Branch): void {
    this.#branches.push(branch);
  }

  /** Everything that the chain says of itself is what walking from genesis finds. */
  compare(): void {
    const { chain, facts } = this.rig;
    const { head, final } = chain.snapshot();
    const top = this.nodes.get(toHex(head.hash));
    assert(top !== undefined || head.height === 0);
    for (let node = top; node !== undefined; node = node.parent) {
      const expected = setBelow(node.parent).map((key) => toHex(key.publicKey));
      assert.deepEqual(chain.authoritiesAt(node.height).keys.map(toHex), expected, `height ${node.height}`);
    }
    const next = setBelow(top).map((key) => toHex(key.publicKey));
    assert.deepEqual(chain.childTemplate().authorities.keys.map(toHex), next);
    const buried = Math.max(0, head.height - DEPTH);
    const proven = facts.maxBlocksWithoutPow > 0 ? covered(top, buried) : buried;
    this.#final = Math.max(this.#final, proven);
    assert.equal(final.height, this.#final);
  }
}

test("lineage: the chain agrees with a walk from genesis whatever happens", async () => {
  await fc.assert(
    fc.asyncProperty(stories, async ({ auxpowEvery, steps }) => {
      const model = new Model(auxpowEvery);
      const { rig } = model;
      for (const step of steps) {
        const { forge, head: start } = model.branch(step.back);
        let head = start;
        const blocks: Uint8Array[] = [];
        const made: Node[] = [];
        for (let index = 0; index < step.blocks; index++) {
          const height = (head?.height ?? 0) + 1;
          const isLast = index === step.blocks - 1;
          const set = isLast && step.change !== "none" ? changed(setBelow(head), step.change) : undefined;
          // A partial range at the first block of a step, where anything is left to cover.
          const isPartial = auxpowEvery > 0 && index === 0 && step.covers !== undefined;
          const open = height - 1 - covered(head);
          const covers = isPartial ? Math.min(step.covers ?? 0, open) : open;
          const isCarrier = auxpowEvery > 0 && open > 0 && (isPartial || height % auxpowEvery === 0);
          const block = forge.next({
            ...(index === 0 ? { skippedSlots: step.skippedSlots } : {}),
            ...(set && { nextAuthorities: set }),
            ...(isPartial && isCarrier ? { auxpow: { covers } } : {}),
          });
          const node: Node = {
            height,
            hash: toHex(hashOfBlock(block)),
            parent: head,
            set,
            covers: isCarrier ? covered(head) + covers : undefined,
          };
          blocks.push(block);
          made.push(node);
          head = node;
        }
        await importStep(model, { forge, head }, blocks, made);
        if (step.isCrash) rig.reopenAfterCrash();
        model.compare();
      }
    }),
    { numRuns: 60 },
  );
});

async function importStep(
  model: Model,
  branch: Branch,
  blocks: readonly Uint8Array[],
  made: readonly Node[],
): Promise<void> {
  let at = 0;
  for (const segment of cutSegments(blocks)) {
    const part = made.slice(at, at + segment.length);
    at += segment.length;
    const change = part.at(-1)!;
    const before = change.set && lastChange(change.parent);
    const isTooSoon = before !== undefined && change.height < before + DISTANCE;
    const outcome = await model.rig.import(segment, "SEGMENT");
    // What would replace final blocks is refused before anybody looks at it.
    if (outcome.kind === "belowFinal" || outcome.kind === "unknownParent") return;
    assert.equal(outcome.kind === "invalid", isTooSoon, JSON.stringify(outcome));
    if (isTooSoon) return;
    for (const node of part) model.nodes.set(node.hash, node);
  }
  model.keep(branch);
}
