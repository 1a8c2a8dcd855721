/**
 * The kernel's world on a seed: a clock that stands still, a scheduler that steps, randomness that repeats. Tests and
 * the simulation of the cluster run production actors in it; a seed that failed is replayed by its number.
 */
import { FakeClock } from "./clock.ts";
import { type Random, seededRandom } from "./random.ts";
import { SimulatedScheduler } from "./scheduler.ts";

export interface SimulationOptions {
  readonly startMs?: number;
  /** True: turns run in an order drawn from the seed; false (default): in order of arrival. */
  readonly isShuffled?: boolean;
}

export class Simulation {
  readonly seed: number;
  readonly clock: FakeClock;
  readonly random: Random;
  readonly scheduler: SimulatedScheduler;

  constructor(seed: number, options: SimulationOptions = {}) {
    this.seed = seed;
    this.clock = new FakeClock(options.startMs);
    this.random = seededRandom(seed);
    // A generator of its own, so that the order of turns does not change what actors draw.
    this.scheduler = new SimulatedScheduler(options.isShuffled ? seededRandom(seed ^ 0x5eed) : undefined);
  }

  /** Runs everything that can run without time passing. */
  async settle(): Promise<void> {
    await this.scheduler.runUntilIdle();
  }

  /** Lets `ms` of time pass, timer by timer, and settles after each. */
  async run(ms: number): Promise<void> {
    const endMs = this.clock.monotonicMs() + ms;
    await this.settle();
    for (;;) {
      const nextMs = this.clock.nextTimerMs();
      if (nextMs === undefined || nextMs > endMs) break;
      this.clock.advance(Math.max(0, nextMs - this.clock.monotonicMs()));
      await this.settle();
    }
    this.clock.advance(endMs - this.clock.monotonicMs());
    await this.settle();
  }
}
