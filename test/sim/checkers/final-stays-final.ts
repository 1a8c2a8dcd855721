/**
 * Nothing final is replaced: what a node once called final stays on its chain for ever, through restarts too, and no two
 * honest nodes call different blocks of one height final.
 */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

interface FinalPoint {
  readonly height: number;
  readonly hash: string;
}

export class FinalStaysFinal implements Checker {
  readonly name = "final-stays-final";
  occasions = 0;
  readonly #world: World;
  /** The newest final block of each node. */
  readonly #newest = new Map<string, FinalPoint>();
  /** The first hash that anybody called final, by height. */
  readonly #agreed = new Map<number, { readonly hash: string; readonly node: string }>();

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    const { node } = observation;
    if (observation.type === "started") {
      if (observation.isFresh) this.#newest.delete(node);
      else this.#compare(node);
      return;
    }
    if (observation.type !== "chain") return;
    const { event } = observation;
    if (event.type === "reorganized") {
      const final = this.#newest.get(node);
      if (final !== undefined && event.commonHeight < final.height) {
        this.#fail(
          `${node} went over to a branch at ${event.commonHeight}, below its final block ${final.height}`,
        );
      }
      this.#compare(node);
    }
    if (event.type !== "finalized") return;
    this.occasions += 1;
    const hash = Buffer.from(event.hash).toString("hex");
    const before = this.#newest.get(node);
    if (before !== undefined && event.height < before.height) this.#fail(`${node}: finality went back`);
    this.#newest.set(node, { height: event.height, hash });
    const agreed = this.#agreed.get(event.height);
    if (agreed === undefined) this.#agreed.set(event.height, { hash, node });
    else if (agreed.hash !== hash) {
      this.#fail(`${node} and ${agreed.node} call different blocks of height ${event.height} final`);
    }
  }

  finish(): void {
    for (const { name } of this.#world.machines) this.#compare(name);
  }

  /** The newest final block is still where it was. */
  #compare(node: string): void {
    const final = this.#newest.get(node);
    const process = this.#world.machines.find(({ name }) => name === node)?.process;
    if (final === undefined || process === undefined) return;
    const hash = Buffer.from(process.chain.hashAt(final.height) ?? []).toString("hex");
    if (hash !== final.hash) this.#fail(`${node}: the final block ${final.height} is no more on its chain`);
  }

  #fail(what: string): void {
    this.#world.violate(this.name, what);
  }
}
