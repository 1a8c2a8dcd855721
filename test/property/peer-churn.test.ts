/** Whatever peers do to each other, in whatever order turns run: afterwards each book agrees with its host. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PeerService } from "../../gen/alys/peer/v1/peer_pb.ts";
import { type Node, World } from "../unit/actors/peer/rig.ts";

const METHODS = PeerService.method;
const NODES = 3;

const step = fc.record({
  kind: fc.constantFrom("connect", "disconnect", "hangUp", "restart", "ban", "unban", "close"),
  from: fc.nat(NODES - 1),
  to: fc.nat(NODES - 1),
  waitMs: fc.constantFrom(0, 1, 7, 40, 1_500),
});

test("links follow connections through dials, closings, bans and restarts", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 1e6 }),
      fc.array(step, { maxLength: 14 }),
      async (seed, steps) => {
        const world = new World(seed, { isShuffled: true });
        const config = { peersTarget: 0 };
        const nodes: Node[] = [];
        for (let count = 0; count < NODES; count++) nodes.push(await world.node({ config }));
        const answers: Promise<unknown>[] = [];
        for (const { kind, from, to, waitMs } of steps) {
          const [one, two] = [nodes[from]!, nodes[to]!];
          const request = { peerId: two.id, reason: "test" };
          if (from === to) continue;
          if (kind === "connect") answers.push(one.connect(two));
          else if (kind === "disconnect") answers.push(one.peer.ref.ask(METHODS.disconnectFromPeer, request));
          else if (kind === "hangUp") answers.push(one.host.hangUp(two.id));
          else if (kind === "ban") answers.push(one.peer.ref.ask(METHODS.banPeer, request));
          else if (kind === "unban") answers.push(one.peer.ref.ask(METHODS.unbanPeer, request));
          else if (kind === "restart") await one.restartPeerActor();
          else {
            const id = one.host.connections()[0]?.peerId;
            if (id !== undefined) answers.push(two.host.hangUp(id));
          }
          for (const answer of answers) answer.catch(() => undefined);
          await world.run(waitMs);
        }
        await world.drive(Promise.allSettled(answers), 20_000);
        await world.run(40_000);
        for (const node of nodes) {
          assert.equal(
            node.peer.counts.crashes,
            steps.filter((s) => s.kind === "restart" && nodes[s.from] === node && s.from !== s.to).length,
          );
          const ids = new Set(node.host.connections().map(({ peerId }) => peerId));
          for (const { peerId, link } of node.book.all()) {
            assert.equal(link.state, ids.has(peerId) ? "connected" : "disconnected", `seed ${seed}`);
            if (node.bans.find(peerId) !== undefined) assert.equal(ids.has(peerId), false);
          }
          const told = new Set<string>();
          for (const event of node.events) {
            if (event.case === "snapshot") told.clear();
            if (event.case === "connected") {
              assert.equal(told.has(event.value.peerId), false, "connected twice");
              told.add(event.value.peerId);
            }
            if (event.case === "updated")
              assert.equal(told.has(event.value.peerId), true, "updated while gone");
            if (event.case === "disconnected") {
              assert.equal(told.delete(event.value.peerId), true, "disconnected twice");
            }
          }
          assert.deepEqual([...told].sort(), [...ids].sort());
        }
      },
    ),
    { numRuns: 60 },
  );
});
