/**
 * What an operator does with a running alysd: changes its configuration, now and over a restart, watches its state,
 * takes profiles; with what the audit log says of it.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ConfigOrigin, NodeService, NodeState } from "../../gen/alys/node/v1/node_pb.ts";
import type { Connection } from "../../src/cli/client.ts";
import { runAlysctl } from "../../src/cli/program.ts";
import { MemoryTerminal } from "../../src/cli/terminal.ts";
import { connectTo, linesOf, prepareNetwork } from "./local-network.ts";

const never = new AbortController().signal;

async function settingOf(connection: Connection, key: string) {
  const { settings } = await connection.client(NodeService).getConfig({});
  const found = settings.find((one) => one.key === key);
  assert.ok(found !== undefined, key);
  return found;
}

async function bytesOf(chunks: AsyncIterable<{ chunk: Uint8Array }>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const { chunk } of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString("utf8");
}

test("an operator changes a running node, restarts it, and looks into it", async (t) => {
  const network = await prepareNetwork(t, 1, 8);
  const plan = network.observer;
  const running = await network.start(plan.name);
  const connection = connectTo(t, plan);
  const alysctl = async (...args: string[]) => {
    const terminal = new MemoryTerminal();
    const status = await runAlysctl(["-a", plan.controlAddress, "node", "config", ...args], terminal, never);
    return { status, text: terminal.text, errors: terminal.errors.join("\n") };
  };

  const changed = await alysctl(
    "set",
    "sync.batch_blocks=64",
    "telemetry.log_level=debug",
    "peer.known_peers_max=500",
  );
  assert.equal(changed.status, 0, changed.errors);
  assert.match(changed.text, /sync\.batch_blocks: holds at once/);
  assert.match(changed.text, /peer\.known_peers_max: needs a restart/);
  const refused = await alysctl("set", "sync.batch_blocks=5000");
  assert.notEqual(refused.status, 0);
  assert.match(refused.errors, /config\.sync\.batch_blocks: must lie in 1–1024, is 5000/);
  const dry = await alysctl("set", "sync.batch_blocks=32", "--dry-run");
  assert.match(dry.text, /would hold at once/);
  const shown = await alysctl("get", "peer.known_peers_max");
  assert.match(shown.text, /10000 +default +restart +500/);
  assert.equal((await settingOf(connection, "sync.batch_blocks")).value, "64");

  const node = connection.client(NodeService);
  const states: NodeState[] = [];
  for await (const { event } of node.watchState({}, { deadlineMs: 10_000 })) {
    if (event.case !== "snapshot" && event.case !== "state") continue;
    states.push(event.value);
    if (event.value === NodeState.SYNCING || event.value === NodeState.READY) break;
  }
  assert.ok(states.length <= 2 && !states.includes(NodeState.DRAINING));

  const profile = JSON.parse(await bytesOf(node.recordCpuProfile({ durationMs: 100 })));
  assert.ok(profile.nodes.length > 0);
  const snapshots = await Promise.allSettled([
    bytesOf(node.takeHeapSnapshot({})),
    bytesOf(node.takeHeapSnapshot({})),
  ]);
  const reasons = snapshots.map((one) => (one.status === "rejected" ? one.reason.reason : "whole"));
  assert.deepEqual(reasons.sort(), ["PROFILER_BUSY", "whole"]);

  const last: NodeState[] = [];
  const watched = (async () => {
    for await (const { event } of node.watchState({})) {
      if (event.case === "snapshot" || event.case === "state") last.push(event.value);
    }
  })();
  const ended = assert.rejects(watched, { code: "UNAVAILABLE", reason: "DRAINING" });
  while (last.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await running.stop(5_000);
  await ended;
  assert.equal(last.at(-1), NodeState.DRAINING);
  await network.start(plan.name);
  const again = connectTo(t, plan);
  const kept = await settingOf(again, "peer.known_peers_max");
  assert.deepEqual([kept.value, kept.origin, kept.awaitsRestart], ["500", ConfigOrigin.OVERRIDE, false]);
  assert.equal((await alysctl("reset", "peer", "sync", "telemetry")).status, 0);
  assert.equal((await settingOf(again, "sync.batch_blocks")).origin, ConfigOrigin.DEFAULT);

  const folder = JSON.parse((await settingOf(again, "storage.data_directory")).value);
  const audit = readFileSync(join(folder, "audit.jsonl"), "utf8");
  assert.match(audit, /UpdateConfig[^\n]*"OK"/);
  assert.match(audit, /UpdateConfig[^\n]*CONFIG_INVALID/);
  assert.match(audit, /TakeHeapSnapshot[^\n]*PROFILER_BUSY/);
  assert.equal(existsSync(join(folder, "heap.snapshot")), false);
  assert.ok(dirname(plan.logFile).length > 0 && linesOf(plan, "node is up").length === 2);
});
