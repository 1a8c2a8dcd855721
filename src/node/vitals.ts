/**
 * Whether the node lives: pings of every actor, the event loop's lag, the watchdog of the thread, and the health service that
 * follows. A service serves while its actor runs and gets to its messages.
 */

import type { FaultKind } from "../actors/supervisor/actor.ts";
import type { HealthBoard } from "../control/health.ts";
import type { ActorCell } from "../kernel/cell.ts";
import type { Clock } from "../kernel/clock.ts";
import { assertNever } from "../kernel/errors.ts";
import { HealthMonitor, LoopLag } from "../kernel/health.ts";
import type { Log } from "../kernel/log.ts";
import type { SupervisorEvent } from "../kernel/supervisor.ts";
import type { ThreadWatchdog } from "../kernel/watchdog.ts";

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

  constructor(
    cells: readonly LiveCell[],
    board: HealthBoard,
    watchdog: ThreadWatchdog,
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
  }

  start(): void {
    this.lag.start();
    this.#monitor.start();
  }

  async stop(): Promise<void> {
    this.lag.stop();
    this.#monitor.stop();
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
    if (cell !== undefined) this.#board.set(cell.ref.service.typeName, isServing && cell.isRunning);
  }
}

/** What the watchdog is for. */
function loopForEver(): void {
  for (;;);
}
