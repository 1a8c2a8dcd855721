/** How a node of the benchmark can misbehave, and how it is told to: by a variable of its environment. */

export type Misbehaviour = "silent" | "slow" | "lying";

export const ROGUE_VARIABLE = "BENCH_ROGUE";
