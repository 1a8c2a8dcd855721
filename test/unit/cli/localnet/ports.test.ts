/** choosePorts: nobody's ports, and never one twice. */

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { usualPorts } from "../../../../src/cli/localnet/plan.ts";
import { choosePorts } from "../../../../src/cli/localnet/ports.ts";

const MANY = 4;

for (const preference of ["usual", "any"] as const) {
  test(`choosePorts answers distinct ports when ${preference} ones are wanted`, async () => {
    const ports = await choosePorts(MANY, preference);
    const all = ports.flatMap(({ control, p2p }) => [control, p2p]);
    assert.equal(all.length, 2 * MANY);
    assert.equal(new Set(all).size, all.length);
  });
}

test("choosePorts leaves ports alone that are taken over TCP", async (t) => {
  const server = createServer();
  t.after(() => server.close());
  server.once("error", () => undefined);
  // Whether we or somebody else took it: it is taken.
  server.listen(usualPorts(0).control, "127.0.0.1");
  await Promise.race([once(server, "listening"), once(server, "error")]).catch(() => undefined);
  const [first] = await choosePorts(1, "usual");
  assert.notEqual(first?.control, usualPorts(0).control);
});

test("choosePorts leaves ports alone that are taken over UDP", async (t) => {
  const socket = createSocket("udp4");
  t.after(() => socket.close());
  socket.on("error", () => undefined);
  socket.bind(usualPorts(0).p2p, "127.0.0.1");
  await Promise.race([once(socket, "listening"), once(socket, "error")]).catch(() => undefined);
  const [first] = await choosePorts(1, "usual");
  assert.notEqual(first?.p2p, usualPorts(0).p2p);
});
