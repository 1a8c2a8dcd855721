/** ConfigService: changes checked as the file is, written down, in force at once or after a restart, and told by origin. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ConfigEffect, ConfigOrigin, UpdateConfigRequestSchema } from "../../../gen/alys/node/v1/node_pb.ts";
import { ConfigService } from "../../../src/config/config-service.ts";
import { AT_ONCE, FILE_ONLY } from "../../../src/config/effects.ts";
import { type Environment, loadConfig } from "../../../src/config/load.ts";
import { RULES } from "../../../src/config/table.ts";
import { Failure, failure } from "../../../src/kernel/errors.ts";

const SOURCE = `[storage]\ndata_directory = "."\n[chain]\nspecification_file = "chain.json"\n[sync]\nbatch_blocks = 128\n`;

function place(t: TestContext, environment: Environment = {}) {
  const folder = mkdtempSync(join(tmpdir(), "alys-config-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "node.toml");
  writeFileSync(file, SOURCE);
  const applied: (readonly string[])[] = [];
  const start = () =>
    new ConfigService({
      loaded: loadConfig(file, environment),
      check: ({ network }) => {
        if (network.bootstrapPeers.includes("nonsense")) {
          throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", "nonsense is no address", {
            field: "network.bootstrap_peers",
          });
        }
      },
      apply: (_, keys) => applied.push(keys),
    });
  const overrides = join(folder, "overrides.toml");
  return { folder, file, overrides, start, applied, service: start() };
}

type Init = MessageInitShape<typeof UpdateConfigRequestSchema>;

async function update(service: ConfigService, init: Init) {
  const { applied, needsRestart } = await service.update(create(UpdateConfigRequestSchema, init));
  return { now: applied?.paths ?? [], later: needsRestart?.paths ?? [] };
}

async function refusal(service: ConfigService, init: Init): Promise<{ code: string; fields: string[] }> {
  try {
    await update(service, init);
  } catch (thrown) {
    assert.ok(thrown instanceof Failure, String(thrown));
    const { field = "", problems } = thrown.detail;
    return { code: `${thrown.code}/${thrown.reason}`, fields: problems?.map((one) => one.field) ?? [field] };
  }
  throw new assert.AssertionError({ message: "was accepted" });
}

function setting(service: ConfigService, key: string) {
  const found = service.view().settings?.find((one) => one.key === key);
  assert.ok(found !== undefined);
  return found;
}

test("every setting of the tables of effects exists, once, and no path of a file can be changed", () => {
  const named = [...AT_ONCE, ...FILE_ONLY];
  assert.deepEqual(
    named.filter((key) => RULES[key] === undefined),
    [],
  );
  assert.equal(new Set(named).size, named.length);
  for (const key of Object.keys(RULES)) {
    if (/_(file|directory|socket)$/.test(key)) assert.ok(FILE_ONLY.includes(key), key);
  }
});

test("view() tells default, file, environment and override apart", async (t) => {
  const { service } = place(t, { ALYS__PEER__TARGET_PEERS: "7" });
  await update(service, { config: { sync: { mode: "full" } } });
  assert.equal(setting(service, "sync.lag_blocks_max").origin, ConfigOrigin.DEFAULT);
  assert.equal(setting(service, "sync.batch_blocks").origin, ConfigOrigin.FILE);
  assert.equal(setting(service, "peer.target_peers").origin, ConfigOrigin.ENVIRONMENT);
  assert.equal(setting(service, "sync.mode").origin, ConfigOrigin.OVERRIDE);
  assert.equal(setting(service, "peer.target_peers").value, "7");
});

test("view() hides sensitive settings", (t) => {
  const { service } = place(t, { ALYS__PRODUCER__AUTHORITY_KEY_FILE: "/secret/place" });
  const view = service.view();
  assert.equal(view.config?.producer?.authorityKeyFile, "(redacted)");
  assert.equal(setting(service, "producer.authority_key_file").value, '"(redacted)"');
  assert.equal(setting(service, "control.tls.key_file").value, '""');
  assert.doesNotMatch(
    JSON.stringify(view, (_, value) => (typeof value === "bigint" ? 0 : value)),
    /secret/,
  );
});

test("update() puts into force what it can, and keeps the rest for the next start", async (t) => {
  const { service, start, applied, overrides } = place(t);
  const { now, later } = await update(service, {
    config: { sync: { batchBlocks: 64 }, peer: { knownPeersMax: 500 }, network: { bootstrapPeers: [] } },
  });
  assert.deepEqual(now, ["sync.batch_blocks"]);
  assert.deepEqual(later, ["peer.known_peers_max"]);
  assert.deepEqual(applied, [["sync.batch_blocks"]]);
  assert.equal(service.view().config?.sync?.batchBlocks, 64);
  assert.equal(service.view().config?.peer?.knownPeersMax, 10_000);
  const waiting = setting(service, "peer.known_peers_max");
  assert.equal(waiting.awaitsRestart, true);
  assert.equal(waiting.nextValue, "500");
  assert.equal(waiting.nextOrigin, ConfigOrigin.OVERRIDE);
  assert.equal(waiting.effect, ConfigEffect.RESTART);
  const next = start();
  assert.equal(next.view().config?.peer?.knownPeersMax, 500);
  assert.equal(next.view().config?.sync?.batchBlocks, 64);
  assert.equal(setting(next, "peer.known_peers_max").awaitsRestart, undefined);
  assert.match(readFileSync(overrides, "utf8"), /known_peers_max = 500/);
});

test("update() of a setting back to what is in force needs no restart any more", async (t) => {
  const { service } = place(t);
  await update(service, { config: { peer: { knownPeersMax: 500 } } });
  const back = await update(service, { config: { peer: { knownPeersMax: 10_000 } } });
  assert.deepEqual(back, { now: ["peer.known_peers_max"], later: [] });
});

test("update() with reset_mask returns to what the layers below say", async (t) => {
  const { service, start } = place(t);
  await update(service, { config: { sync: { batchBlocks: 64, checkpointInterval: 500 } } });
  const { now, later } = await update(service, { resetMask: { paths: ["sync"] } });
  assert.deepEqual({ now, later }, { now: ["sync.checkpoint_interval", "sync.batch_blocks"], later: [] });
  assert.equal(service.view().config?.sync?.batchBlocks, 128);
  assert.equal(setting(service, "sync.batch_blocks").origin, ConfigOrigin.FILE);
  assert.equal(setting(start(), "sync.batch_blocks").origin, ConfigOrigin.FILE);
});

test("update() takes a mask's settings only, and sections of it", async (t) => {
  const { service } = place(t);
  const config = { sync: { batchBlocks: 64, lagBlocksMax: 3 }, peer: { targetPeers: 9 } };
  const one = await update(service, { config, updateMask: { paths: ["sync.batch_blocks"] } });
  assert.deepEqual(one.now, ["sync.batch_blocks"]);
  const section = await update(service, { config, updateMask: { paths: ["sync"] } });
  assert.deepEqual(section.now, ["sync.lag_blocks_max", "sync.batch_blocks"]);
  assert.equal(service.view().config?.peer?.targetPeers, 25);
  // A list is emptied by naming it.
  const list = await update(service, {
    config: { network: {} },
    updateMask: { paths: ["network.bootstrap_peers"] },
  });
  assert.deepEqual([...list.now, ...list.later], ["network.bootstrap_peers"]);
});

test("update() with validate_only changes nothing", async (t) => {
  const { service, overrides, applied } = place(t);
  const { now } = await update(service, { config: { sync: { batchBlocks: 64 } }, validateOnly: true });
  assert.deepEqual(now, ["sync.batch_blocks"]);
  assert.equal(service.view().config?.sync?.batchBlocks, 128);
  assert.equal(existsSync(overrides), false);
  assert.deepEqual(applied, []);
});

test("update() refuses as the file would be, by the path of every field, and changes nothing", async (t) => {
  const { service, overrides } = place(t);
  const INVALID = "INVALID_ARGUMENT/CONFIG_INVALID";
  const cases: [Init, string, string[]][] = [
    [
      { config: { sync: { batchBlocks: 5_000, mode: "slow" }, peer: { targetPeers: 3 } } },
      INVALID,
      ["config.sync.batch_blocks", "config.sync.mode"],
    ],
    [{ config: { network: { bootstrapPeers: ["nonsense"] } } }, INVALID, ["config.network.bootstrap_peers"]],
    [{ config: {}, updateMask: { paths: ["sync.bach"] } }, INVALID, ["update_mask"]],
    [{ config: {}, updateMask: { paths: ["sync.mode"] } }, INVALID, ["config.sync.mode"]],
    [{ resetMask: { paths: ["nothing"] } }, INVALID, ["reset_mask"]],
    [{ config: { sync: { mode: "full" } }, resetMask: { paths: ["sync.mode"] } }, INVALID, ["reset_mask"]],
    [{}, INVALID, ["update_mask"]],
    [
      { config: {}, updateMask: { paths: Array.from({ length: 300 }, () => "sync") } },
      INVALID,
      ["update_mask"],
    ],
    [
      { config: { control: { auditFile: "/etc/passwd" } } },
      "FAILED_PRECONDITION/CONFIG_FILE_ONLY",
      ["config.control.audit_file"],
    ],
  ];
  for (const [init, code, fields] of cases) assert.deepEqual(await refusal(service, init), { code, fields });
  assert.equal(existsSync(overrides), false);
  assert.equal(service.view().config?.peer?.targetPeers, 25);
});

test("update() that cannot be written down does not come into force", async (t) => {
  const { service, folder, applied } = place(t);
  rmSync(folder, { recursive: true });
  assert.equal(
    (await refusal(service, { config: { sync: { batchBlocks: 64 } } })).code,
    "INTERNAL/FILE_WRITE_FAILED",
  );
  assert.equal(service.view().config?.sync?.batchBlocks, 128);
  assert.deepEqual(applied, []);
});

test("two updates at once both hold", async (t) => {
  const { service, start } = place(t);
  await Promise.all([
    update(service, { config: { sync: { batchBlocks: 64 } } }),
    update(service, { config: { sync: { lagBlocksMax: 3 } } }),
  ]);
  for (const each of [service, start()]) {
    assert.equal(each.view().config?.sync?.batchBlocks, 64);
    assert.equal(each.view().config?.sync?.lagBlocksMax, 3);
  }
});

test("loadConfig() names the overrides file when that is wrong", (t) => {
  const { overrides, file } = place(t);
  for (const [text, expected] of [
    ["[sync]\nbatch_blocks = 9999\n", /sync\.batch_blocks: must lie in/],
    ["[sync]\nbach = 1\n", /sync\.bach: is not a setting/],
    ['[control]\naudit_file = "x"\n', /control\.audit_file: can only be set in the configuration file/],
    ["[sync", /is not TOML/],
  ] as const) {
    writeFileSync(overrides, text);
    assert.throws(
      () => loadConfig(file, {}),
      (thrown: Failure) => {
        assert.equal(thrown.reason, "CONFIG_INVALID");
        assert.match(thrown.message, expected);
        return thrown.message.includes("overrides.toml");
      },
    );
  }
});

test("loadConfig() can leave overrides out, whatever is in them", (t) => {
  const { overrides, file } = place(t);
  writeFileSync(overrides, "[sync");
  assert.equal(loadConfig(file, {}, "without overrides").layers.overrides.size, 0);
});
