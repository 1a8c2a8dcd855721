/** The in-memory host passes the contract, repeats itself from a seed, and can be partitioned. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, realClock } from "../../../../src/kernel/ports/clock.ts";
import { MemoryHost } from "../../../../src/p2p/memory/host.ts";
import { MemoryNetwork } from "../../../../src/p2p/memory/network.ts";
import { hostContract } from "../../../contract/host.ts";
import {
  enveloped,
  failureOf,
  type HostHarness,
  judgeAll,
  options,
  REQUEST,
  Watched,
} from "../../../contract/host-harness.ts";

function harnessOn(network: MemoryNetwork): HostHarness {
  return {
    create: (identity, gate) => new MemoryHost({ identity, gate, network }),
    listenAddresses: ["/memory/0"],
    transports: { tcp: false, quic: false },
    deafAddress: "/memory/nobody",
  };
}

hostContract("memory", harnessOn(new MemoryNetwork({ clock: realClock, seed: 1, latencyMsMax: 3 })));

/** Lets promises run, then time, until the promise settles. */
async function drive<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settled = promise.finally(() => {
    isSettled = true;
  });
  settled.catch(() => {});
  for (let turn = 0; turn < 10_000 && !isSettled; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (!isSettled) clock.advance(1);
  }
  return settled;
}

async function pairOn(network: MemoryNetwork, clock: FakeClock): Promise<[Watched, Watched]> {
  const harness = harnessOn(network);
  const [one, two] = [new Watched(harness), new Watched(harness)];
  await one.host.open(options(harness));
  await two.host.open(options(harness));
  await drive(clock, one.host.dial(two.id, two.host.addresses(), { deadlineMs: 1000 }));
  await drive(
    clock,
    two.until("subscriptionChanged", ({ topic }) => topic === "transactions"),
  );
  return [one, two];
}

test("a partition loses what is sent across it, and a healed one carries again", async () => {
  const clock = new FakeClock();
  const network = new MemoryNetwork({ clock, seed: 2, latencyMsMin: 5, latencyMsMax: 20 });
  const [one, two] = await pairOn(network, clock);
  two.host.subscribe((event) => {
    if (event.type === "request") two.host.respond(event.handle, [event.payload]);
  });
  network.partition([[one.id], [two.id]]);
  const lost = await failureOf(drive(clock, one.host.request(two.id, "status", Uint8Array.of(1), REQUEST)));
  assert.equal(lost.reason, "FIRST_BYTE_DEADLINE");
  network.heal();
  const answer = await drive(clock, one.host.request(two.id, "status", Uint8Array.of(2), REQUEST));
  assert.deepEqual(answer, [Uint8Array.of(2)]);
  await one.host.close();
  await two.host.close();
});

test("the same seed gives the same times and losses", async () => {
  const run = async (seed: number): Promise<string> => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock, seed, latencyMsMin: 1, latencyMsMax: 50, gossipLoss: 0.5 });
    const [one, two] = await pairOn(network, clock);
    judgeAll(two, "accept");
    const heard: string[] = [];
    two.host.subscribe((event) => {
      if (event.type === "gossip") heard.push(`${event.data.at(-1)}@${clock.monotonicMs()}`);
    });
    for (let index = 0; index < 20; index += 1) {
      await one.host.publish("blocks", enveloped(Uint8Array.of(index)));
      clock.advance(30);
      await new Promise((resolve) => setImmediate(resolve));
    }
    clock.advance(100);
    network.close();
    return heard.join(" ");
  };
  const first = await run(7);
  assert.equal(await run(7), first);
  assert.notEqual(await run(8), first);
  const count = first.split(" ").length;
  assert.ok(count > 2 && count < 18, `about half is lost: ${count}`);
});

test("crash reports failed after closing", async () => {
  const network = new MemoryNetwork({ clock: realClock });
  const harness = harnessOn(network);
  const one = new Watched(harness);
  await one.host.open(options(harness));
  assert.ok(one.host instanceof MemoryHost);
  await one.host.crash("test");
  assert.deepEqual(
    one.events.map(({ type }) => type),
    ["opened", "closed", "failed"],
  );
});
