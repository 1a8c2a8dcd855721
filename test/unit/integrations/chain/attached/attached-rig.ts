/** A chain with an attached ChainActor, on a fake clock and a scheduler that runs when it is told to. */

import { AttachHub } from "../../../../../src/integrations/attach/hub.ts";
import { AttachedChain } from "../../../../../src/integrations/chain/attached/attached.ts";
import type { Contradiction } from "../../../../../src/integrations/chain/attached/divergence.ts";
import type { ChainEvent, ImportOutcome } from "../../../../../src/integrations/chain/port.ts";
import { FakeClock } from "../../../../../src/kernel/ports/clock.ts";
import { MemoryLog } from "../../../../../src/kernel/ports/log.ts";
import { settleMicrotasks } from "../../../../../src/kernel/ports/scheduler.ts";
import type { FakeClient } from "../../attach/fake-client.ts";
import { ChainRig, quickForge, segmentOf } from "../segments.ts";

export class AttachedRig {
  readonly rig: ChainRig;
  readonly clock = new FakeClock();
  readonly log = new MemoryLog();
  readonly hub: AttachHub;
  readonly chain: AttachedChain;
  readonly events: ChainEvent[] = [];
  /** What was told of contradictions. */
  readonly told: (Contradiction | undefined)[] = [];

  constructor(isRequired: boolean, forge = quickForge(), finalityDepth = 64) {
    this.rig = new ChainRig(forge, finalityDepth);
    const { clock, log } = this;
    const { genesisHash } = this.rig.facts;
    this.hub = new AttachHub({
      name: "chain",
      genesisHash,
      clock,
      log,
      progress: () => this.rig.chain.snapshot(),
    });
    const diverged = (contradiction: Contradiction | undefined): void => {
      this.told.push(contradiction);
    };
    this.chain = new AttachedChain({
      chain: this.rig.chain,
      hub: this.hub,
      isRequired,
      clock,
      log,
      diverged,
    });
    this.chain.subscribe((event) => this.events.push(event));
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) {
      await this.rig.scheduler.runUntilIdle();
      await settleMicrotasks();
    }
  }

  async import(blocks: readonly Uint8Array[]): Promise<ImportOutcome> {
    const outcome = this.chain.importSegment(segmentOf(blocks));
    await this.settle();
    return await outcome;
  }

  async attach(client: FakeClient, hello: object = {}): Promise<void> {
    client.attach(this.hub, hello);
    await this.settle();
  }

  async advance(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      this.clock.advance(500);
      await this.settle();
    }
  }
}
