/** Where the control plane listens: loopback only, unix sockets, taken ports, stale sockets. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { SyncInternalService, SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { connect } from "../../src/cli/client.ts";
import { startControl } from "../../src/control/server.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { folder, world } from "./control-world.ts";

const bare = { services: [], reflection: false, log: silentLog, clock: realClock };

test("port 0 gives the real port, on IPv6 too", async (t) => {
  const { control, port } = await world(t);
  assert.equal(control.address, `127.0.0.1:${port}`);
  assert.ok(port > 0);
  const six = await startControl({ ...bare, listenAddress: "[::1]:0" });
  assert.match(six.address ?? "", /^\[::1\]:\d+$/);
  await six.close();
});

test("an address that is not loopback is refused", async () => {
  for (const listenAddress of ["0.0.0.0:0", "192.168.1.4:50051", "[::]:0", "example.org:50051"]) {
    await assert.rejects(startControl({ ...bare, listenAddress }), {
      code: "FAILED_PRECONDITION",
      reason: "NOT_LOOPBACK",
    });
  }
  for (const listenAddress of ["50051", "127.0.0.1", "127.0.0.1:99999", ":::"]) {
    await assert.rejects(startControl({ ...bare, listenAddress }), { reason: "BAD_LISTEN_ADDRESS" });
  }
});

test("a taken port is an error that names it", async (t) => {
  const { control } = await world(t);
  const listenAddress = control.address;
  await assert.rejects(startControl({ ...bare, listenAddress }), (failed: Error & { reason: string }) => {
    assert.equal(failed.reason, "ADDRESS_TAKEN");
    assert.ok(failed.message.includes(listenAddress ?? "?"));
    return true;
  });
});

test("every address of loopback is one, in every notation, and holds to the same rule", async (t) => {
  const hosts = [
    "127.0.0.2",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "localhost",
  ];
  for (const host of hosts) {
    const { control } = await world(t, { listenAddress: `${host}:0` });
    const connection = connect(control.address ?? "");
    t.after(() => connection.close());
    const sync = connection.client(SyncService);
    assert.ok((await sync.getSyncStatus({})).status, host);
    await assert.rejects(sync.stopSync({}), { reason: "TOKEN_MISSING" }, host);
  }
  for (const host of ["[::ffff:10.0.0.1]", "[::]", "[fe80::1]", "0.0.0.0", "128.0.0.1"]) {
    const listenAddress = `${host}:0`;
    await assert.rejects(startControl({ ...bare, listenAddress }), { reason: "NOT_LOOPBACK" }, host);
  }
});

test("a unix socket serves beside the port, for its owner only, and is removed", async (t) => {
  const unixSocket = join(folder(t), "run", "control.sock");
  const { control, connection } = await world(t, { unixSocket, listenAddress: undefined });
  assert.equal(control.unixAddress, `unix:${unixSocket}`);
  assert.equal(control.address, undefined);
  assert.equal(statSync(join(unixSocket, "..")).mode & 0o777, 0o700);
  assert.equal(statSync(unixSocket).mode & 0o777, 0o600);
  assert.ok((await connection.client(SyncService).getSyncStatus({})).status);
  await control.close();
  assert.ok(!existsSync(unixSocket));
});

test("a socket's folder that others can enter is refused with the chmod that mends it", async (t) => {
  const open = join(folder(t), "open");
  mkdirSync(open);
  chmodSync(open, 0o755);
  await assert.rejects(startControl({ ...bare, unixSocket: join(open, "control.sock") }), {
    reason: "SOCKET_FOLDER_TOO_OPEN",
    message: new RegExp(`chmod 700 ${open}`),
  });
});

test("a live socket is taken, a stale one is replaced, another file is left alone", async (t) => {
  const unixSocket = join(folder(t), "control.sock");
  const first = await startControl({ ...bare, unixSocket });
  await assert.rejects(startControl({ ...bare, unixSocket }), { reason: "ADDRESS_TAKEN" });
  await first.close();
  writeFileSync(unixSocket, "a file");
  await assert.rejects(startControl({ ...bare, unixSocket }), { reason: "NOT_A_SOCKET" });
});

test("a socket that a killed process left is replaced", async (t) => {
  const path = folder(t);
  const unixSocket = join(path, "control.sock");
  // A server whose file is moved away cannot remove it at its close.
  const killed = createServer();
  await new Promise<void>((resolve) => killed.listen(join(path, "other.sock"), resolve));
  const { renameSync } = await import("node:fs");
  renameSync(join(path, "other.sock"), unixSocket);
  await new Promise((resolve) => killed.close(resolve));
  assert.ok(existsSync(unixSocket));
  const second = await startControl({ ...bare, unixSocket });
  await second.close();
});

test("a socket path that is too long is refused", async (t) => {
  const unixSocket = join(folder(t), "x".repeat(100), "control.sock");
  await assert.rejects(startControl({ ...bare, unixSocket }), { reason: "SOCKET_PATH_TOO_LONG" });
});

test("a service with internal methods only is not served", async (t) => {
  const control = await startControl({
    ...bare,
    services: [{ service: SyncInternalService }],
    listenAddress: "127.0.0.1:0",
  });
  t.after(() => control.close());
  assert.deepEqual(control.services, []);
});
