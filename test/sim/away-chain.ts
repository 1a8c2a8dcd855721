/**
 * The chain of a node whose ChainActor can go away: what is asked of it then is refused as the attached chain refuses,
 * nothing is imported, and its listeners hear of it. Everything else is the node's own chain.
 */

import type { ValidatedSegment } from "../../src/chain/validator.ts";
import type { ChainEvent, ChainPort, ImportOutcome } from "../../src/integrations/chain/port.ts";
import { failure } from "../../src/kernel/errors.ts";

const AWAY: ImportOutcome = {
  kind: "notNow",
  failure: failure("UNAVAILABLE", "CHAIN_ACTOR_AWAY", "the ChainActor is away or behind"),
};

export class AwayChain {
  readonly port: ChainPort;
  readonly #chain: ChainPort;
  readonly #listeners = new Set<(event: ChainEvent) => void>();
  #isAway = false;

  constructor(chain: ChainPort) {
    this.#chain = chain;
    chain.subscribe((event) => this.#emit(event));
    const own: Pick<ChainPort, "snapshot" | "importSegment" | "subscribe"> = {
      snapshot: () => ({ ...chain.snapshot(), isAvailable: !this.#isAway }),
      importSegment: (segment) => this.#import(segment),
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return { close: () => this.#listeners.delete(listener) };
      },
    };
    this.port = new Proxy(chain, {
      get(target, name) {
        if (name in own) return own[name as keyof typeof own];
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  leave(): void {
    this.#isAway = true;
    this.#emit({ type: "availability", isAvailable: false });
  }

  comeBack(): void {
    this.#isAway = false;
    this.#emit({ type: "availability", isAvailable: true });
  }

  async #import(segment: ValidatedSegment): Promise<ImportOutcome> {
    if (this.#isAway) return AWAY;
    const outcome = await this.#chain.importSegment(segment);
    // It is written, but whoever has to confirm it left meanwhile.
    return this.#isAway ? AWAY : outcome;
  }

  #emit(event: ChainEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
