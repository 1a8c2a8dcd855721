/**
 * Every attack of test/hostile/attacks for half a minute each, by plain js-libp2p peers in a process of their own, against a
 * node of a running federation. Prints a line of JSON a figure, as the benchmarks do. HOSTILE=kad-put-value,ping-flood names
 * single attacks, HOSTILE_SECONDS another duration. Takes a quarter of an hour.
 */

import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { openArena } from "../hostile/arena.ts";
import type { Attack } from "../hostile/attack.ts";
import { type Figures, measure } from "../hostile/measure.ts";

const SECONDS = Number(process.env["HOSTILE_SECONDS"] ?? 30);

/** A delay up to this is no harm, whatever it is without an attack. */
const DELAY_MS = 500;
const DELAY_SHARE = 1.5;
const GROWTH_MB = 50;
const CUT_MS = 5_000;

/** A newcomer needs six round trips and two handshakes; a node that is busy with an attack may be slow, but lets it in. */
const NEWCOMER_MS = 5_000;

const wanted = process.env["HOSTILE"]?.split(",");
const names = globSync("test/hostile/attacks/*.ts")
  .map((file) => basename(file, ".ts"))
  .filter((name) => wanted?.includes(name) ?? true)
  .sort();

function print(attack: string, metric: string, value: number, unit: string, target: number | null): boolean {
  const met = target === null ? null : value <= target;
  const rounded = Number(value.toPrecision(4));
  console.log(JSON.stringify({ bench: "hostile", case: attack, metric, value: rounded, unit, target, met }));
  return met !== false;
}

test("a node under attack relays blocks and blames only the attacker", { timeout: 1_400_000 }, async (t) => {
  const arena = await openArena(t);
  const undisturbed = await measure(arena, SECONDS);
  print("undisturbed", "block_delay_p99_ms", undisturbed.delayP99Ms, "ms", null);
  print("undisturbed", "blocks_missed", undisturbed.blocksMissed, "blocks", null);
  print("undisturbed", "loop_lag_p99_ms", undisturbed.loopLagP99Ms, "ms", null);
  print("undisturbed", "loop_lag_max_ms", undisturbed.loopLagMaxMs, "ms", null);
  for (const name of names) {
    await t.test(name, async () => {
      const { attack } = (await import(`../hostile/attacks/${name}.ts`)) as { readonly attack: Attack };
      const figures = await measure(arena, SECONDS, name, attack.isAgainstNewcomers);
      assert.ok(figures.blocks > 0, "the federation made blocks");
      assert.ok(report(name, attack, figures, undisturbed), `${attack.claim}: see what was not met`);
    });
  }
});

/** Prints the figures of an attack; answers whether all were met. */
function report(name: string, attack: Attack, figures: Figures, undisturbed: Figures): boolean {
  const delayMax = Math.max(DELAY_MS, DELAY_SHARE * undisturbed.delayP99Ms);
  const cutMs = figures.cutMs ?? SECONDS * 1000;
  const met = [
    print(name, "blocks_missed", figures.blocksMissed, "blocks", 0),
    print(name, "block_delay_p99_ms", figures.delayP99Ms, "ms", delayMax),
    print(name, "rss_anon_growth_mb", figures.rssAnonGrowthMb, "MB", GROWTH_MB),
    print(name, "loop_lag_p99_ms", figures.loopLagP99Ms, "ms", null),
    print(name, "loop_lag_max_ms", figures.loopLagMaxMs, "ms", null),
    print(name, "cut_ms", cutMs, "ms", attack.isPunished ? CUT_MS : null),
    print(name, "honest_reputation_lost", Math.abs(figures.honestReputationMin), "points", 0),
  ];
  if (figures.newcomerMs !== undefined) {
    const isIn = Number.isFinite(figures.newcomerMs);
    met.push(print(name, "newcomer_ms", isIn ? figures.newcomerMs : SECONDS * 1000, "ms", NEWCOMER_MS));
    met.push(isIn);
  }
  print(name, "blocks", figures.blocks, "blocks", null);
  for (const [what, count] of Object.entries(figures.counts)) print(name, what, count, "sent", null);
  return met.every((isMet) => isMet);
}
