/** A client of the federation: submits transactions to members and watches what nodes say of themselves. */

import { NetworkService } from "../../gen/alys/network/v1/network_pb.ts";
import { ProducerInternalService } from "../../gen/alys/producer/v1/producer_pb.ts";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { type Random, seededRandom } from "../../src/kernel/ports/random.ts";
import type { World } from "./world.ts";

const PERIOD_MS = 700;
/** Some blocks are large enough to take time on a slow link. */
const TRANSACTION_BYTES_MAX = 8_000;

export class Client {
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World) {
    this.#world = world;
    this.#random = seededRandom(world.scenario.seed ^ 0x636c6965);
  }

  start(): void {
    this.#world.after(PERIOD_MS, () => {
      this.#act();
      this.start();
    });
  }

  #act(): void {
    const { machines } = this.#world;
    const { process } = machines[this.#random.integer(machines.length)] ?? {};
    if (process === undefined) return;
    const transaction = this.#random.bytes(1 + this.#random.integer(TRANSACTION_BYTES_MAX));
    const { producer, network, sync } = process.cells;
    if (process.machine.key !== undefined) {
      producer.internalRef.tell(ProducerInternalService.method.submitTransaction, { transaction });
    }
    // The answers are an operating matter: a node may be down, full or closed.
    const ignore = (): void => {};
    network.ref.ask(NetworkService.method.broadcastTransaction, { transaction }).then(ignore, ignore);
    sync.ref.ask(SyncService.method.canProduceBlocks, {}).then(ignore, ignore);
  }
}
