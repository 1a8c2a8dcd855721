/** Configuration: defaults, overrides, and a fault of each kind named by its key. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import type { DescMessage } from "@bufbuild/protobuf";
import { NodeConfigSchema } from "../../../gen/alys/config/v1/config_pb.ts";
import { loadConfig, loadSettings, parseSettings } from "../../../src/config/load.ts";
import { RULES } from "../../../src/config/table.ts";
import { Failure } from "../../../src/kernel/errors.ts";

const MINIMAL = '[chain]\nspecification_file = "chain.json"\n';
const parse = (source: string, environment: Record<string, string> = {}) =>
  parseSettings(source, environment, "/etc/alys", "node.toml");

function faultOf(source: string, environment: Record<string, string> = {}): Failure {
  try {
    parse(source, environment);
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.code, "INVALID_ARGUMENT");
    return error;
  }
  throw new assert.AssertionError({ message: "was accepted" });
}

function scalarKeys(schema: DescMessage, path: string): string[] {
  return schema.fields.flatMap((field) => {
    const key = path === "" ? field.name : `${path}.${field.name}`;
    return field.fieldKind === "message" ? scalarKeys(field.message, key) : [key];
  });
}

test("RULES has a rule for every setting of the proto and no other", () => {
  assert.deepEqual(Object.keys(RULES).sort(), scalarKeys(NodeConfigSchema, "").sort());
});

test("RULES says the defaults that the comments of the proto say", async () => {
  const { readFile } = await import("node:fs/promises");
  const proto = await readFile("proto/alys/config/v1/config.proto", "utf8");
  for (const [key, rule] of Object.entries(RULES)) {
    if (rule.kind !== "number") continue;
    const name = key.split(".").at(-1) ?? "";
    const comment =
      new RegExp(`//[^\\n]*(?:Default|range)[^\\n]*\\n[^\\n]* ${name} = `).exec(proto)?.[0] ?? "";
    if (rule.fallback !== 0 || comment.includes("Default 0")) {
      assert.ok(comment.includes(`Default ${rule.fallback}`), `${key}: ${comment}`);
    }
    assert.ok(comment.includes(`${rule.min}–${rule.max}`), `${key}: ${comment}`);
  }
});

test("parseSettings() fills every default and makes paths absolute", () => {
  const settings = parse(MINIMAL);
  assert.equal(settings.sync.syncThreshold, 0.995);
  assert.equal(settings.sync.bufferBytesMax, 67_108_864n);
  assert.equal(settings.chain.specificationFile, "/etc/alys/chain.json");
  assert.equal(settings.storage.dataDirectory, "/etc/alys/data");
  assert.equal(settings.control.unixSocket, "/etc/alys/data/control.sock");
  assert.deepEqual(settings.network.bootstrapPeers, []);
});

test("parseSettings() lets the environment override the file", () => {
  const settings = parse(`${MINIMAL}[sync]\nsync_threshold = 0.99\n`, {
    ALYS__SYNC__SYNC_THRESHOLD: "0.97",
    ALYS__NETWORK__AUTO_START: "false",
    ALYS__NETWORK__BOOTSTRAP_PEERS: "/ip4/127.0.0.1/tcp/1,/ip4/127.0.0.1/tcp/2",
    UNRELATED: "1",
  });
  assert.equal(settings.sync.syncThreshold, 0.97);
  assert.equal(settings.network.autoStart, false);
  assert.equal(settings.network.bootstrapPeers.length, 2);
});

test("parseSettings() names the key of every fault", () => {
  const cases: [string, string, RegExp][] = [
    [
      "unknown key",
      `${MINIMAL}[sync]\nsync_treshold = 1\n`,
      /sync\.sync_treshold: .*did you mean sync_threshold/,
    ],
    ["unknown section", `${MINIMAL}[snyc]\n`, /snyc: is not a setting/],
    ["wrong type", `${MINIMAL}[sync]\nsync_threshold = "high"\n`, /sync\.sync_threshold: must be a number/],
    [
      "out of range",
      `${MINIMAL}[sync]\nsync_threshold = 2\n`,
      /sync\.sync_threshold: must lie in 0\.9–1, is 2/,
    ],
    ["fraction", `${MINIMAL}[peer]\nmax_peers = 1.5\n`, /peer\.max_peers: must be a whole number/],
    ["wrong choice", `${MINIMAL}[sync]\nmode = "quick"\n`, /sync\.mode: must be one of fast, full/],
    [
      "wrong list",
      `${MINIMAL}[network]\nlisten_addresses = "x"\n`,
      /network\.listen_addresses: must be a list/,
    ],
    ["wrong table", 'sync = "x"\n', /sync: must be a table/],
    ["missing", "", /chain\.specification_file: is required/],
    ["boolean", `${MINIMAL}[control]\nreflection = 1\n`, /control\.reflection: must be true or false/],
  ];
  for (const [name, source, expected] of cases) {
    assert.match(faultOf(source).message, expected, name);
  }
});

test("parseSettings() refuses target_peers above max_peers, and lowers its default", () => {
  const wrong = `${MINIMAL}[peer]\nmax_peers = 10\ntarget_peers = 11\n`;
  assert.match(faultOf(wrong).message, /peer\.target_peers: must be at most peer\.max_peers, 10, is 11/);
  assert.equal(parse(`${MINIMAL}[peer]\nmax_peers = 10\n`).peer.targetPeers, 10);
});

test("parseSettings() collects all faults at once", () => {
  const message = faultOf("[sync]\nsync_threshold = 7\n[peer]\nmax_peers = 0\n").message;
  assert.match(message, /sync_threshold/);
  assert.match(message, /max_peers/);
  assert.match(message, /specification_file/);
});

test("parseSettings() names the variable of a bad override", () => {
  assert.match(faultOf(MINIMAL, { ALYS__SYNC__SPEED: "9" }).message, /sync\.speed: .*ALYS__SYNC__SPEED/);
  assert.match(faultOf(MINIMAL, { ALYS__PEER__MAX_PEERS: "many" }).message, /peer\.max_peers: must/);
});

test("parseSettings() says where TOML is broken", () => {
  assert.match(faultOf("[sync\n").message, /node\.toml is not TOML/);
});

test("loadSettings() names a file that cannot be read", () => {
  assert.throws(
    () => loadSettings("/nonexistent/node.toml", {}),
    (error) => error instanceof Failure && error.code === "NOT_FOUND" && /nonexistent/.test(error.message),
  );
});

test("loadConfig() leaves a data directory that is a file to whoever opens it", () => {
  const here = import.meta.filename;
  for (const directory of [here, `${here}/below`]) {
    const environment = { ALYS__STORAGE__DATA_DIRECTORY: directory };
    assert.equal(
      loadConfig("config/development.toml", environment).settings.storage.dataDirectory,
      directory,
    );
  }
});

test("every template in config/ is valid", () => {
  const files = readdirSync("config").filter((name) => name.endsWith(".toml"));
  assert.deepEqual(files.sort(), ["development.toml", "federation.toml", "localnet.toml", "testnet.toml"]);
  for (const name of files) assert.ok(loadSettings(`config/${name}`, {}));
});

test("numbers that are none are shown as they were written, and refused", () => {
  const nan = faultOf(`${MINIMAL}[sync]\nsync_threshold = nan\n`);
  assert.match(nan.message, /sync\.sync_threshold: must be a finite number, is NaN/);
  assert.match(
    faultOf(`${MINIMAL}[sync]\nsync_threshold = inf\n`).message,
    /must be a finite number, is Infinity/,
  );
});

test("a fault of the environment names the variable", () => {
  const { message } = faultOf(MINIMAL, { ALYS__SYNC__SYNC_THRESHOLD: "99%" });
  assert.match(
    message,
    /sync\.sync_threshold: must be a number, is the string "99%" \(environment variable ALYS__SYNC__SYNC_THRESHOLD\)/,
  );
});

test("paths are relative to the file, and what a shell would replace is refused", () => {
  assert.equal(parse(`${MINIMAL}[telemetry]\nlog_file = "a.log"\n`).telemetry.logFile, "/etc/alys/a.log");
  for (const path of ["~/data", "$HOME/data"]) {
    const { message } = faultOf(MINIMAL, { ALYS__STORAGE__DATA_DIRECTORY: path });
    assert.match(message, /storage\.data_directory: is taken as it is written, without ~ and \$/);
  }
});
