#!/usr/bin/env node
/**
 * A ChainActor that imports blocks to its own store:
 * node clients/typescript/import-blocks.ts --address HOST:PORT --store FOLDER --until HEIGHT [--delay-ms MS]
 *   [--token-file FILE] [--ca FILE [--cert FILE --key FILE]]
 */

import { parseArgs } from "node:util";
import { attachChain, ImportVerdict } from "./attach.ts";
import { BlockStore } from "./block-store.ts";
import { CONNECTION_OPTIONS, connectionOf } from "./options.ts";

const VERDICTS = {
  imported: ImportVerdict.IMPORTED,
  known: ImportVerdict.ALREADY_KNOWN,
  unknownParent: ImportVerdict.NOT_NOW,
} as const;

const { values } = parseArgs({
  options: {
    ...CONNECTION_OPTIONS,
    store: { type: "string", default: "./blocks" },
    until: { type: "string", default: "0" },
    "delay-ms": { type: "string", default: "0" },
  },
});
const until = Number(values.until);
const delayMs = Number(values["delay-ms"]);
const store = new BlockStore(values.store);
const controller = new AbortController();

const isDone = (): boolean => until > 0 && store.height >= until;

if (!isDone()) {
  await attachChain(
    {
      lastApplied: () => store.headHash && { height: store.height, hash: store.headHash },
      async importBlocks(blocks, genesisHash) {
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        const verdicts = blocks.map((block) => VERDICTS[store.put(block, genesisHash)]);
        store.flush();
        // Leaves after this answer is on its way.
        if (isDone()) setTimeout(() => controller.abort(), 50);
        return { verdicts };
      },
    },
    { ...connectionOf(values), signal: controller.signal, onProblem: (problem) => console.error(problem) },
  );
}
console.log(JSON.stringify({ height: store.height, hash: store.headHash?.toString("hex") ?? "" }));
store.close();
