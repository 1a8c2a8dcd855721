/** choosePorts: nobody's ports, and never one twice, not even for two networks. */

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { usualPorts } from "../../../../src/cli/localnet/plan.ts";
import { PortClaims } from "../../../../src/cli/localnet/port-claims.ts";
import { choosePorts } from "../../../../src/cli/localnet/ports.ts";

const MANY = 4;

test("networks that start together choose different ports", async (t) => {
  const claims = [new PortClaims(), new PortClaims(), new PortClaims()];
  t.after(() => {
    for (const each of claims) each.release();
  });
  const chosen = await Promise.all(claims.map((each) => choosePorts(MANY, "usual", each)));
  const all = chosen.flat().flatMap(({ control, p2p }) => [control, p2p]);
  assert.equal(new Set(all).size, 3 * 2 * MANY);
});

test("a claim keeps others away until its release", async (t) => {
  const port = 1;
  const [one, two] = [new PortClaims(), new PortClaims()];
  t.after(() => {
    one.release();
    two.release();
  });
  assert.equal(await one.claim(port), true);
  assert.equal(await two.claim(port), false);
  one.release();
  assert.equal(await two.claim(port), true);
});

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
