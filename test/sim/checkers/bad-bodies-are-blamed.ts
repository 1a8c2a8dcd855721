/**
 * A good header with another body is blamed on who sent it, and is never imported: on every node each block's body is
 * the one that its header names.
 */

import { splitBlock } from "../../../src/chain/block.ts";
import { bodyRoot } from "../../../src/chain/body-root.ts";
import { equalBytes } from "../../../src/chain/bytes.ts";
import { decodeHeader } from "../../../src/chain/header.ts";
import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class BadBodiesAreBlamed implements Checker {
  readonly name = "bad-bodies-are-blamed";
  /** How often somebody was accused of one. That it is never an honest peer is another checker's. */
  occasions = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    if (observation.type !== "log" || observation.record.message !== "peer offended") return;
    if (/body/i.test(String(observation.record.fields["detail"]))) this.occasions += 1;
  }

  finish(): void {
    for (const height of this.#world.mischief.badBodies) {
      for (const { machine, chain } of this.#world.processes()) {
        const bytes = chain.readBlock(height);
        if (bytes === undefined) continue;
        const { header, body } = splitBlock(bytes);
        if (equalBytes(bodyRoot(body), decodeHeader(header).bodyRoot)) continue;
        this.#world.violate(this.name, `${machine.name} has block ${height} with another body`);
      }
    }
  }
}
