/**
 * Nobody calls itself synced who stands still behind: a node whose head has not moved for half a minute though somebody
 * proved a better one says why, and one that is further behind than the rules allow is not SYNCED.
 */

import { SyncState, type SyncStatus } from "../../../gen/alys/sync/v1/sync_pb.ts";
import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/** A stall is called one after 20 s; the rest is for the question and the answer on a slow node. */
const TOLD_WITHIN_MS = 30_000;
/** The configured bound of blocks behind the target. */
const LAG_BLOCKS_MAX = 10n;

export class StallsAreTold implements Checker {
  readonly name = "stalls-are-told";
  occasions = 0;
  readonly #world: World;
  /** Since when a node stands still behind, and when it last said why. */
  readonly #behind = new Map<
    string,
    { readonly height: bigint; readonly sinceMs: number; readonly toldMs: number }
  >();

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    const { node } = observation;
    if (observation.type === "ended" || observation.type === "started") this.#behind.delete(node);
    // A restarted actor begins to count anew.
    if (observation.type === "supervision") this.#behind.delete(node);
    if (observation.type === "status") this.#look(node, observation.status);
  }

  #look(node: string, status: SyncStatus): void {
    const height = status.head?.height ?? 0n;
    const target = status.target?.height ?? 0n;
    if (target - height > LAG_BLOCKS_MAX) {
      this.occasions += 1;
      if (status.state === SyncState.SYNCED) this.#fail(node, `is SYNCED at ${height} of ${target}`);
    }
    const before = this.#behind.get(node);
    const { nowMs } = this.#world;
    if (target <= height || before?.height !== height) {
      this.#behind.set(node, { height, sinceMs: nowMs, toldMs: nowMs });
      return;
    }
    if (status.stall !== undefined) this.#behind.set(node, { ...before, toldMs: nowMs });
    if (nowMs - before.sinceMs < TOLD_WITHIN_MS) return;
    this.occasions += 1;
    // A reason ends when it is one no more, a moment before the first block is imported.
    const isSilent = status.stall === undefined && nowMs - before.toldMs >= TOLD_WITHIN_MS;
    if (isSilent) this.#fail(node, `stands still at ${height} of ${target} and does not say why`);
  }

  #fail(node: string, what: string): void {
    this.#world.violate(this.name, `${node} ${what}`);
  }
}
