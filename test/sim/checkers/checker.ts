/** What a checker is: it watches one invariant, counts how often it had something to check, and tells of violations. */

import type { Observation } from "../observation.ts";

export interface Checker {
  readonly name: string;
  /** How often there was something to check. None in a whole run of seeds: the checker is worth nothing. */
  occasions: number;
  observe?(observation: Observation): void;
  /** The world stands still between two steps. */
  sample?(): void;
  /** All faults are over and all nodes agree. */
  finish?(): void;
}
