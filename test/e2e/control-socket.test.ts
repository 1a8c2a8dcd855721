/** The unix socket: its owner's alone from the first moment, never taken from one that listens, taken over from one that is gone. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { connect as connectSocket, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { type RunningControl, startControl } from "../../src/control/server.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { folder, world } from "./control-world.ts";

const bare = { services: [], reflection: false, log: silentLog, clock: realClock };

/** A process that listens on the path, and does nothing else. */
async function listener(t: TestContext, path: string) {
  const script = `require("node:net").createServer(() => {}).listen({ path: ${JSON.stringify(path)}, backlog: 1 },
    () => console.log("listening"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

/** Connects until the system takes no more, as nobody accepts. Answers the error of the one too many. */
async function fill(t: TestContext, path: string): Promise<string> {
  for (let made = 0; made < 10_000; made++) {
    const socket: Socket = connectSocket(path);
    t.after(() => socket.destroy());
    const error = await new Promise<string | undefined>((settle) => {
      socket.once("connect", () => settle(undefined));
      socket.once("error", (thrown: NodeJS.ErrnoException) => settle(thrown.code));
    });
    if (error !== undefined) return error;
  }
  throw new Error("a listener that accepts nobody took 10,000 connections");
}

test("a process that stands still with a full queue keeps its socket", async (t) => {
  const unixSocket = join(folder(t), "control.sock");
  const child = await listener(t, unixSocket);
  child.kill("SIGSTOP");
  assert.notEqual(await fill(t, unixSocket), "ECONNREFUSED");
  const before = lstatSync(unixSocket).ino;
  await assert.rejects(startControl({ ...bare, unixSocket }), { reason: "ADDRESS_TAKEN" });
  assert.equal(lstatSync(unixSocket).ino, before);
});

test("the socket of a process that was killed is taken over", async (t) => {
  const directory = folder(t);
  const unixSocket = join(directory, "control.sock");
  const child = await listener(t, unixSocket);
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.ok(existsSync(unixSocket));
  const { connection } = await world(t, { unixSocket });
  assert.ok((await connection.client(SyncService).getSyncStatus({})).status);
  assert.deepEqual(readdirSync(directory), ["control.sock"]);
  assert.equal(lstatSync(unixSocket).mode & 0o777, 0o600);
});

test("of several that find a stale socket at once one gets it, and keeps it", async (t) => {
  const directory = folder(t);
  const unixSocket = join(directory, "control.sock");
  const child = await listener(t, unixSocket);
  child.kill("SIGKILL");
  await once(child, "exit");
  const started = await Promise.allSettled(
    Array.from({ length: 8 }, () => startControl({ ...bare, unixSocket })),
  );
  const running: RunningControl[] = [];
  const reasons: string[] = [];
  for (const one of started) {
    if (one.status === "fulfilled") running.push(one.value);
    else reasons.push(one.reason.reason);
  }
  t.after(() => Promise.all(running.map((control) => control.close())));
  assert.equal(running.length, 1);
  assert.deepEqual(reasons, Array(7).fill("ADDRESS_TAKEN"));
  assert.deepEqual(readdirSync(directory), ["control.sock"]);
});

test("a node that ends leaves alone what another put in the place of its socket", async (t) => {
  const unixSocket = join(folder(t), "control.sock");
  const control = await startControl({ ...bare, unixSocket });
  renameSync(unixSocket, `${unixSocket}.old`);
  writeFileSync(unixSocket, "another's");
  await control.close();
  assert.ok(existsSync(unixSocket));
});
