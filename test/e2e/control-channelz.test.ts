/** channelz through a real listener: what grpc-js counts, for administrators only, and only where it is switched on. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Channelz } from "../../gen/grpc/channelz/v1/channelz_pb.ts";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { connect } from "../../src/cli/client.ts";
import { openTokenStore } from "../../src/control/auth/token-store.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { folder, world } from "./control-world.ts";

test("channelz shows servers, their sockets and calls", async (t) => {
  const { connection, control, port } = await world(t, { channelz: true });
  const reader = connect(control.address ?? "");
  t.after(() => reader.close());
  for (let made = 0; made < 2; made++) await reader.client(Health).check({ service: "" });
  const channelz = connection.client(Channelz);
  const { server } = await channelz.getServers({});
  const ours = server.find(({ listenSocket }) => listenSocket.some(({ name }) => name.endsWith(`:${port}`)));
  assert.ok(ours !== undefined, `no server listens on ${port}`);
  const { socketRef } = await channelz.getServerSockets({ serverId: ours.ref?.serverId ?? 0n });
  assert.equal(socketRef.length, 1);
  const { socket } = await channelz.getSocket({ socketId: socketRef[0]?.socketId ?? 0n });
  assert.ok((socket?.data?.streamsStarted ?? 0n) >= 2n);
  await assert.rejects(channelz.getSocket({ socketId: 999_999n }), {
    code: "NOT_FOUND",
    reason: "CHANNELZ_UNKNOWN",
  });
});

test("channelz needs the scope admin", async (t) => {
  const directory = folder(t);
  const tokens = openTokenStore({ directory, clock: realClock, random: realRandom, isNeeded: true });
  const { control } = await world(t, { channelz: true, tokens, requireTokens: true });
  for (const [scope, isAllowed] of [
    ["operator", false],
    ["admin", true],
  ] as const) {
    const token = readFileSync(join(directory, `${scope}.token`), "utf8").trim();
    const connection = connect(control.address ?? "", { token });
    t.after(() => connection.close());
    const asked = connection.client(Channelz).getServers({});
    if (isAllowed) assert.ok((await asked).server.length > 0);
    else await assert.rejects(asked, { code: "PERMISSION_DENIED", reason: "SCOPE_REQUIRED" });
  }
});

test("channelz is off unless it is asked for", async (t) => {
  const { connection } = await world(t);
  await assert.rejects(connection.client(Channelz).getServers({}), { code: "UNIMPLEMENTED" });
});
