/** applyAtOnce: each setting that holds at once reaches the settings of its actor, and no other setting does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { syncConfig } from "../../../src/actors/sync/config.ts";
import { AT_ONCE } from "../../../src/config/effects.ts";
import { parseSettings } from "../../../src/config/load.ts";
import { LiveSettings } from "../../../src/kernel/settings.ts";
import { applyAtOnce, type LiveTargets } from "../../../src/node/apply-config.ts";
import { peerConfig, producerConfig } from "../../../src/node/translate.ts";

const MINIMAL = '[chain]\nspecification_file = "chain.json"\n';

/** Another value than the default of every setting that holds at once. */
const OTHER: Readonly<Record<string, string>> = {
  "sync.sync_threshold": "0.95",
  "sync.mode": "full",
  "sync.max_parallel_downloads": "32",
  "sync.buffer_bytes_max": "8388608",
  "sync.head_age_ms_max": "20000",
  "sync.federation_constraints.emergency_timeout_ms": "20000",
  "peer.ban_duration_ms": "60000",
  "telemetry.log_level": "debug",
};

function settingsWith(key: string) {
  const variable = `ALYS__${key.toUpperCase().replaceAll(".", "__")}`;
  return parseSettings(MINIMAL, { [variable]: OTHER[key] ?? "900" }, "/nowhere", "test.toml");
}

function targets() {
  const settings = parseSettings(MINIMAL, {}, "/nowhere", "test.toml");
  const told: unknown[] = [];
  const target: LiveTargets = {
    config: {
      peer: new LiveSettings(peerConfig(settings)),
      sync: new LiveSettings(syncConfig(settings.sync as never, 2)),
      producer: new LiveSettings(producerConfig(settings)),
    },
    workers: 2,
    setLogLevel: (level) => told.push(level),
    setRateLimit: (limit) => told.push(limit),
  };
  return { target, told };
}

const ACTORS = ["peer", "sync", "producer"] as const;

function currentOf({ config }: LiveTargets) {
  const { peer, sync, producer } = config;
  return { peer: peer.current, sync: sync.current, producer: producer.current };
}

const differences = (before: object, after: object): string[] =>
  Object.entries(before)
    .filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify((after as Record<string, unknown>)[name]),
    )
    .map(([name]) => name);

test("every setting that holds at once changes exactly one thing", () => {
  for (const key of AT_ONCE) {
    const { target, told } = targets();
    const before = currentOf(target);
    applyAtOnce(target, settingsWith(key), [key]);
    const after = currentOf(target);
    const changed = ACTORS.flatMap((actor) => differences(before[actor], after[actor]));
    assert.equal(changed.length + told.length, 1, `${key} changed ${changed.join(", ")}`);
  }
});

test("a setting that is not named stays", () => {
  const { target, told } = targets();
  const before = currentOf(target);
  for (const key of AT_ONCE) applyAtOnce(target, settingsWith(key), ["peer.known_peers_max"]);
  assert.deepEqual(currentOf(target), before);
  assert.deepEqual(told, []);
});
