/** Logging: what a line looks like, and levels by actor. */

import assert from "node:assert/strict";
import {
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openLog } from "../../../src/telemetry/log.ts";

function withLog(run: (log: ReturnType<typeof openLog>) => void): Record<string, unknown>[] {
  const directory = mkdtempSync(join(tmpdir(), "alys-log-"));
  try {
    const file = join(directory, "node.log");
    const log = openLog({ level: "info", file, fields: { node: "test" } });
    run(log);
    log.flush();
    const lines = readFileSync(file, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Record<string, unknown>);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("openLog() writes bytes as hex, bigints as strings and errors with their stack", () => {
  const [line] = withLog((log) =>
    log.child({ actor: "sync" }).info("block imported", {
      hash: new Uint8Array([1, 171]),
      height: 12_345_678_901_234_567_890n,
      long: new Uint8Array(100),
      error: new Error("boom"),
    }),
  );
  assert.equal(line?.["msg"], "block imported");
  assert.equal(line?.["level"], "info");
  assert.equal(line?.["node"], "test");
  assert.equal(line?.["actor"], "sync");
  assert.equal(line?.["hash"], "01ab");
  assert.equal(line?.["height"], "12345678901234567890");
  assert.match(String(line?.["long"]), /^0{64}… \(100 bytes\)$/);
  assert.match(JSON.stringify(line?.["error"]), /"message":"boom"/);
});

test("setLevel() changes one actor and leaves the others", () => {
  const lines = withLog((log) => {
    const sync = log.child({ actor: "sync" });
    const peer = log.child({ actor: "peer" });
    sync.debug("unseen");
    assert.equal(log.setLevel("sync", "debug"), "info");
    sync.debug("seen");
    peer.debug("unseen");
    log.setLevel(undefined, "error");
    sync.info("unseen");
    peer.error("seen too");
  });
  assert.deepEqual(
    lines.map((line) => line["msg"]),
    ["seen", "seen too"],
  );
});

test("a full disk costs lines, never the one who logs", () => {
  const directory = mkdtempSync(join(tmpdir(), "alys-log-"));
  try {
    const link = join(directory, "node.log");
    symlinkSync("/dev/full", link);
    const log = openLog({ level: "info", file: link, fields: {} });
    log.info("first");
    log.info("second");
    // More than what may wait.
    for (let count = 0; count < 30; count++) log.info("x".repeat(65_536));
    log.flush();
    const real = join(directory, "real.log");
    unlinkSync(link);
    symlinkSync(real, link);
    log.reopen();
    log.info("there is room again");
    log.flush();
    const lines = readFileSync(real, "utf8").trim().split("\n");
    const messages = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      messages.slice(0, 2).map((line) => line["msg"]),
      ["first", "second"],
    );
    const told = messages.find((line) => line["lines"] !== undefined);
    assert.match(String(told?.["msg"]), /were lost/);
    assert.equal(
      messages.filter((line) => String(line["msg"]).startsWith("xx")).length + Number(told?.["lines"]),
      30,
    );
    assert.equal(messages.filter((line) => line["msg"] === "there is room again").length, 1);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("reopen() goes on in a new file of the name, so that logs can be rotated", () => {
  const directory = mkdtempSync(join(tmpdir(), "alys-log-"));
  try {
    const file = join(directory, "node.log");
    const log = openLog({ level: "info", file, fields: {} });
    log.info("before");
    renameSync(file, `${file}.1`);
    log.reopen();
    log.info("after");
    log.flush();
    assert.match(readFileSync(`${file}.1`, "utf8"), /before/);
    assert.match(readFileSync(file, "utf8"), /after/);
    assert.doesNotMatch(readFileSync(file, "utf8"), /before/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("the log file has mode 0640 whatever the umask, the next one after reopen() too", () => {
  const directory = mkdtempSync(join(tmpdir(), "alys-log-"));
  const before = process.umask();
  try {
    for (const umask of [0o000, 0o022, 0o077]) {
      process.umask(umask);
      const file = join(directory, `node-${umask}.log`);
      const log = openLog({ level: "info", file, fields: {} });
      assert.equal(statSync(file).mode & 0o777, 0o640);
      renameSync(file, `${file}.1`);
      log.reopen();
      assert.equal(statSync(file).mode & 0o777, 0o640);
    }
    const old = join(directory, "old.log");
    writeFileSync(old, "", { mode: 0o666 });
    openLog({ level: "info", file: old, fields: {} });
    assert.equal(statSync(old).mode & 0o777, 0o640);
  } finally {
    process.umask(before);
    rmSync(directory, { recursive: true });
  }
});

test("a log file that cannot be opened is a failure that names the setting", () => {
  assert.throws(() => openLog({ level: "info", file: tmpdir(), fields: {} }), {
    name: "Failure",
    message: /^telemetry\.log_file: .* cannot be opened: EISDIR/,
  });
});
