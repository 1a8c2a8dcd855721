/**
 * Members are never evicted for others: while slots are contested, a connection between two members that nothing
 * disturbed stays, and no member is told that there is no room.
 */

import { GoodbyeReason } from "../../../gen/alys/wire/v1/wire_pb.ts";
import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/** What a fault does to a connection shows within this time, milliseconds: the longest deadline of ours. */
const DISTURBANCE_MS = 20_000;

export class MembersAreNotEvicted implements Checker {
  readonly name = "members-are-not-evicted";
  occasions = 0;
  readonly #world: World;
  readonly #connected = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    if (observation.type !== "log" || observation.record.message !== "peer says goodbye") return;
    const { peer, reason } = observation.record.fields;
    const told = this.#world.machines.find(({ name }) => name === observation.node);
    const teller = this.#world.machineOf(String(peer));
    if (told?.key === undefined || teller === undefined) return;
    if (reason !== GoodbyeReason.TOO_MANY_PEERS) return;
    this.#world.violate(this.name, `${teller.name} has no slot for ${told.name}`);
  }

  sample(): void {
    for (const process of this.#world.processes()) {
      const { machine, host } = process;
      const peers = new Set(host.connections().map(({ peerId }) => peerId));
      const isContested = peers.size > this.#world.scenario.peersMax;
      for (const other of this.#world.machines) {
        if (other === machine || other.key === undefined || machine.key === undefined) continue;
        const pair = `${machine.name} ${other.name}`;
        if (peers.has(other.peerId)) {
          this.#connected.add(pair);
          if (isContested) this.occasions += 1;
          continue;
        }
        if (!this.#connected.delete(pair)) continue;
        // A partition that lasts parts them whenever one of them notices.
        if (!this.#world.network.isReachable(machine.peerId, other.peerId)) continue;
        const sinceMs = this.#world.nowMs - Math.max(machine.disturbedMs, other.disturbedMs);
        if (sinceMs > DISTURBANCE_MS) this.#world.violate(this.name, `${machine.name} lost ${other.name}`);
      }
    }
  }
}
