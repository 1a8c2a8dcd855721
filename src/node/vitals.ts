/**
 * Whether the node lives: pings of every actor, the event loop's lag, the watchdog of the thread, the store's writer, and the
 * health service that follows. A service serves while its actor runs and gets to its messages, the SyncService also
 * only while the store writes.
 */

import type { FaultKind } from "../actors/supervisor/actor.ts";
import type { HealthBoard } from "../control/health.ts";
import type { ActorCell } from "../kernel/actor/cell.ts";
import { assertNever } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { ThreadWatchdog } from "../kernel/ports/watchdog.ts";
import { HealthMonitor, LoopLag } from "../kernel/supervision/health.ts";
import type { SupervisorEvent } from "../kernel/supervision/supervisor.ts";
import { StoreWatch, type WatchedStore } from "./store-watch.ts";

/** The actor that can do nothing while the store does not write. */
const STORE_USER = "sync";

export type LiveCell = Pick<
  ActorCell<never, never>,
  "name" | "isRunning" | "ping" | "crash" | "inject" | "suspend" | "resume"
> & { readonly ref: { readonly service: { readonly typeName: string } } };

export class Vitals {
  readonly lag: LoopLag;
  readonly #cells: ReadonlyMap<string, LiveCell>;
  readonly #board: HealthBoard;
  readonly #monitor: HealthMonitor;
  readonly #watchdog: ThreadWatchdog;
  readonly #store: StoreWatch;
  /** What was said last of each actor. */
  readonly #serving = new Map<string, boolean>();
  #isStoreLate = false;

  constructor(
    cells: readonly LiveCell[],
    board: HealthBoard,
    watchdog: ThreadWatchdog,
    store: WatchedStore,
    ports: { clock: Clock; log: Log },
  ) {
    this.#cells = new Map(cells.map((cell) => [cell.name, cell]));
    this.#board = board;
    this.#watchdog = watchdog;
    this.lag = new LoopLag(ports.clock);
    this.#monitor = new HealthMonitor({
      clock: ports.clock,
      cells,
      onChange: (actor, isResponsive) => {
        if (isResponsive) ports.log.info("actor answers its ping again", { actor });
        else ports.log.warn("actor does not answer its ping", { actor });
        this.#serve(actor, isResponsive);
      },
    });
    this.#store = new StoreWatch(store, ports, (isLate) => {
      this.#isStoreLate = isLate;
      this.#serve(STORE_USER, this.#serving.get(STORE_USER) ?? true);
    });
  }

  start(): void {
    this.lag.start();
    this.#monitor.start();
    this.#store.start();
  }

  async stop(): Promise<void> {
    this.lag.stop();
    this.#monitor.stop();
    this.#store.stop();
    await this.#watchdog.stop();
  }

  /** A service of an actor that is down does not serve; one that started does. */
  onSupervision(event: SupervisorEvent): void {
    this.#serve(event.childId, event.kind === "started");
  }

  /** Makes an actor fail, on an operator's word; false when there is none of this name. */
  inject(name: string, fault: FaultKind): boolean {
    const cell = this.#cells.get(name);
    if (cell === undefined) return false;
    switch (fault) {
      case "crash":
        cell.crash(new Error("a fault was injected"));
        return true;
      case "suspend":
        cell.suspend();
        return true;
      case "resume":
        cell.resume();
        return true;
      case "hang":
        cell.inject(loopForEver);
        return true;
      default:
        return assertNever(fault);
    }
  }

  #serve(name: string, isServing: boolean): void {
    const cell = this.#cells.get(name);
    if (cell === undefined) return;
    this.#serving.set(name, isServing);
    const hasStore = name !== STORE_USER || !this.#isStoreLate;
    this.#board.set(cell.ref.service.typeName, isServing && hasStore && cell.isRunning);
  }
}

/** What the watchdog is for. */
function loopForEver(): void {
  for (;;);
}
