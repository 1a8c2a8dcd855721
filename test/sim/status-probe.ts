/** Asks every node for its status once a second, as an operator's dashboard does, and tells the checkers. */

import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import type { NodeProcess } from "./machine.ts";
import type { World } from "./world.ts";

const PERIOD_MS = 1_000;

export class StatusProbe {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  start(): void {
    this.#world.after(PERIOD_MS, () => {
      for (const process of this.#world.processes()) this.#ask(process);
      this.start();
    });
  }

  #ask(process: NodeProcess): void {
    const { machine, cells, life } = process;
    // A node that restarts its actor has no status.
    const ignore = (): void => {};
    cells.sync.ref.ask(SyncService.method.getSyncStatus, {}).then(({ status }) => {
      if (status !== undefined && life.isAlive) machine.tell({ type: "status", status });
    }, ignore);
    cells.sync.ref.ask(SyncService.method.canProduceBlocks, {}).then(({ status }) => {
      if (status !== undefined && life.isAlive) machine.tell({ type: "production", status });
    }, ignore);
  }
}
