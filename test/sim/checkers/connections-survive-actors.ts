/**
 * The crash of an actor above the host drops no connection: some seconds later every undisturbed honest peer is still on
 * the same one.
 */

import type { Machine } from "../machine.ts";
import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/** Later than the restart, the new handshake and its grace. */
const LOOK_AFTER_MS = 16_000;
/** Faults before the crash have had their effect after this time. */
const CALM_MS = 20_000;

interface Before {
  readonly machine: Machine;
  readonly atMs: number;
  /** Connection ids by peer. */
  readonly connections: ReadonlyMap<string, ReadonlySet<string>>;
}

export class ConnectionsSurviveActors implements Checker {
  readonly name = "connections-survive-actors";
  occasions = 0;
  readonly #world: World;
  #waiting: Before[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    if (observation.type !== "supervision" || observation.event.kind !== "crashed") return;
    if (observation.event.childId === "host") return;
    const machine = this.#world.machines.find(({ name }) => name === observation.node);
    if (machine?.process === undefined) return;
    const connections = idsByPeer(machine);
    this.#waiting.push({ machine, atMs: this.#world.nowMs, connections });
  }

  sample(): void {
    const due = this.#waiting.filter(({ atMs }) => this.#world.nowMs - atMs >= LOOK_AFTER_MS);
    this.#waiting = this.#waiting.filter((before) => !due.includes(before));
    for (const before of due) this.#check(before);
  }

  #check({ machine, atMs, connections }: Before): void {
    // Its own crash is the only thing that may have happened to it.
    if (machine.process === undefined || machine.disturbedMs > atMs) return;
    const now = idsByPeer(machine);
    for (const [peerId, ids] of connections) {
      const other = this.#world.machineOf(peerId);
      const isCalm = other?.process !== undefined && other.disturbedMs < atMs - CALM_MS;
      if (!isCalm || this.#calmSince(machine) > atMs - CALM_MS) continue;
      // The two are on different sides of a partition that lasts.
      if (!this.#world.network.isReachable(machine.peerId, peerId)) continue;
      this.occasions += 1;
      if ([...ids].some((id) => now.get(peerId)?.has(id))) continue;
      this.#world.violate(
        this.name,
        `${machine.name} lost ${other.name} by the crash of an actor at ${atMs}`,
      );
    }
  }

  /** The last disturbance before the crash itself. */
  #calmSince(machine: Machine): number {
    return machine.disturbedBeforeMs;
  }
}

function idsByPeer({ process }: Machine): Map<string, Set<string>> {
  const ids = new Map<string, Set<string>>();
  for (const { peerId, id } of process?.host.connections() ?? []) {
    ids.set(peerId, (ids.get(peerId) ?? new Set()).add(id));
  }
  return ids;
}
