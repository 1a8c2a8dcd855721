/** What is known of a node that does not run: from its configuration, or from what the operator says. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { offlineNode } from "../../../src/cli/offline-node.ts";
import { runAlysctl } from "../../../src/cli/program.ts";
import { MemoryTerminal } from "../../../src/cli/terminal.ts";

const NOTHING = { config: undefined, dataDir: undefined, chain: undefined };

test("offlineNode takes the node's configuration with its environment and overrides, unless told otherwise", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alys-offline-node-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const config = join(folder, "node.toml");
  const lines = ["[storage]", 'data_directory = "data"', "[chain]", 'specification_file = "chain.json"'];
  writeFileSync(config, [...lines, "finality_depth = 20"].join("\n"));
  const configured = offlineNode({ ...NOTHING, config }, {});
  assert.deepEqual(configured, {
    dataDirectory: join(folder, "data"),
    specificationFile: join(folder, "chain.json"),
    finalityDepth: 20,
    configFile: config,
  });
  assert.equal(offlineNode({ ...NOTHING, config }, { ALYS__CHAIN__FINALITY_DEPTH: "9" }).finalityDepth, 9);
  const elsewhere = offlineNode({ config, dataDir: "copy", chain: "other.json" }, {});
  assert.equal(elsewhere.dataDirectory, "copy");
  assert.equal(elsewhere.specificationFile, "other.json");
  assert.equal(elsewhere.finalityDepth, 20);
});

test("offlineNode assumes a finality depth only without a configuration, and names what is missing", () => {
  const told = offlineNode(
    { ...NOTHING, dataDir: "d", chain: "c.json" },
    { ALYS__CHAIN__FINALITY_DEPTH: "9" },
  );
  assert.deepEqual([told.finalityDepth, told.configFile], [64, undefined]);
  for (const options of [
    { ...NOTHING, dataDir: "d" },
    { ...NOTHING, chain: "c.json" },
  ])
    assert.throws(() => offlineNode(options, {}), { reason: "CHAIN_MISSING", message: /assumed/ });
  assert.throws(() => offlineNode({ ...NOTHING, config: "/none.toml" }, {}), { reason: "CONFIG_UNREADABLE" });
});

test("alysctl checkpoints recover takes no --chain for a node that runs", async () => {
  const terminal = new MemoryTerminal();
  const args = ["checkpoints", "recover", "--mode", "minimal", "--chain", "c.json"];
  assert.notEqual(await runAlysctl(args, terminal, new AbortController().signal), 0);
  assert.match(terminal.errors.join(), /add its --data-dir, or give its --config/);
});
