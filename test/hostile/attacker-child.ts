/**
 * One attack in a process of its own, so that what it costs the attacker is not measured: `node attacker-child.ts NAME
 * ADDRESS SPECIFICATION PROOFS SECONDS`. Writes a line of JSON at its first cut, and its counts at the end.
 */

import { argv } from "node:process";
import { loadChain } from "../../src/chain/chain-file.ts";
import type { Attack } from "./attack.ts";

const [name = "", address = "", specification = "", proofs = "", seconds = "30"] = argv.slice(2);
const chain = loadChain(specification, { proofs });
if (chain instanceof Error) throw chain;
const { attack } = (await import(`./attacks/${name}.ts`)) as { readonly attack: Attack };
const counts: Record<string, number> = {};
const startMs = performance.now();
let isCut = false;
process.on("unhandledRejection", () => undefined);
const signal = AbortSignal.timeout(Number(seconds) * 1000);
await attack.run({
  target: { address, chain },
  signal,
  count: (what, amount = 1) => {
    counts[what] = (counts[what] ?? 0) + amount;
  },
  wasCut: () => {
    if (isCut) return;
    isCut = true;
    console.log(JSON.stringify({ cutMs: Math.round(performance.now() - startMs) }));
  },
});
console.log(JSON.stringify({ counts }));
process.exit(0);
