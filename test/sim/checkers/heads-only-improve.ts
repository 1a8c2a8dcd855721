/**
 * Where several certified blocks compete for a height, each node takes the best by fork choice of those that it has: its
 * head never gives way to a worse one, and in the end all have the same block there.
 */

import type { ForkChoiceHead } from "../../../src/chain/fork-choice.ts";
import { decodeHeader, HEADER_LENGTH } from "../../../src/chain/header.ts";
import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

interface Aside {
  readonly node: string;
  readonly hash: string;
}

export class HeadsOnlyImprove implements Checker {
  readonly name = "heads-only-improve";
  occasions = 0;
  readonly #world: World;
  readonly #heads = new Map<string, ForkChoiceHead>();
  /** Hashes by height, of all nodes. */
  readonly #rivals = new Map<number, Set<string>>();

  /** Blocks that were put beside a chain since the last look. */
  readonly #aside: Aside[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    const { node } = observation;
    // Nothing is compared across a restart: what was not durable is gone.
    if (observation.type === "started") this.#heads.delete(node);
    if (observation.type === "written") {
      const { how, firstHeight, hashes } = observation;
      this.#wrote(firstHeight, hashes);
      if (how === "side") this.#aside.push({ node, hash: hashes[0] ?? "" });
    }
    if (observation.type !== "chain") return;
    const { event } = observation;
    if (event.type !== "imported" && event.type !== "reorganized") return;
    const before = this.#heads.get(node);
    if (before !== undefined && !isBetterHead(event.head, before)) {
      const what = `${before.height} (slot ${before.slot}) for ${event.head.height} (slot ${event.head.slot})`;
      this.#world.violate(this.name, `${node} gave up its head ${what}, which is worse`);
    }
    this.#heads.set(node, event.head);
  }

  sample(): void {
    for (const { node, hash } of this.#aside.splice(0)) {
      const chain = this.#world.machines.find(({ name }) => name === node)?.process?.chain;
      const found = chain?.readBlockByHash(Buffer.from(hash, "hex"));
      if (chain === undefined || found === undefined || found.isCanonical) continue;
      const { height, slot } = decodeHeader(found.bytes.subarray(0, HEADER_LENGTH));
      const { head } = chain.snapshot();
      if (!isBetterHead({ height, slot, hash: Buffer.from(hash, "hex") }, head)) continue;
      this.#world.violate(
        this.name,
        `${node} left ${height} (slot ${slot}) aside, which is better than its head`,
      );
    }
  }

  finish(): void {
    const processes = this.#world.processes();
    for (const [height, hashes] of this.#rivals) {
      if (hashes.size < 2) continue;
      const chosen = new Set(processes.map(({ chain }) => text(chain.hashAt(height))));
      // The newest block may be on its way to some.
      const isSettled = processes.every(({ chain }) => chain.snapshot().head.height > height);
      if (chosen.size > 1 && isSettled)
        this.#world.violate(this.name, `block ${height} is not the same everywhere`);
    }
  }

  #wrote(firstHeight: number, hashes: readonly string[]): void {
    for (const [index, hash] of hashes.entries()) {
      const height = firstHeight + index;
      const rivals = this.#rivals.get(height) ?? new Set();
      if (rivals.size === 1 && !rivals.has(hash)) this.occasions += 1;
      this.#rivals.set(height, rivals.add(hash));
    }
  }
}

/** The rule, written once more: what is judged shall not judge itself. */
function isBetterHead(one: ForkChoiceHead, other: ForkChoiceHead): boolean {
  if (one.height !== other.height) return one.height > other.height;
  if (one.slot !== other.slot) return one.slot < other.slot;
  return Buffer.compare(one.hash, other.hash) < 0;
}

function text(hash: Uint8Array | undefined): string {
  return Buffer.from(hash ?? []).toString("hex");
}
