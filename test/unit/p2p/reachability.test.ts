/** What a node believes of its own address: nothing that one subnet says alone. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Reachability } from "../../../src/p2p/reachability.ts";

const OUTSIDE = "/ip4/51.15.7.9/tcp/5000";
const LISTENING = ["/ip4/192.168.1.2/tcp/5000"];
const from = (subnet: number) => `/ip4/77.${subnet}.1.1/tcp/40000`;

describe("Reachability", () => {
  test("is unknown before anybody dialled, and proven by who did", () => {
    const reachability = new Reachability(false);
    assert.deepEqual(reachability.report(LISTENING), {
      state: "unknown",
      basis: "nothing-seen",
      confirmed: [],
    });
    reachability.dialledFrom("/ip4/192.168.1.7/tcp/40000");
    assert.equal(reachability.report(LISTENING).state, "unknown", "the local network is not the world");
    reachability.dialledFrom(from(1));
    assert.equal(reachability.report(LISTENING).basis, "peers-dialled-us");
  });

  test("on a private network anybody's dial proves it", () => {
    const reachability = new Reachability(true);
    reachability.dialledFrom("/ip4/127.0.0.1/tcp/40000");
    assert.equal(reachability.report(LISTENING).state, "reachable");
  });

  test("is not there without a listener", () => {
    const reachability = new Reachability(false);
    assert.equal(reachability.report([]).basis, "not-listening");
  });

  test("is behind a NAT when three subnets see another address than ours", () => {
    const reachability = new Reachability(false);
    for (const subnet of [1, 2]) {
      for (let count = 0; count < 5; count++)
        reachability.observed({ remote: from(subnet), observed: OUTSIDE, isInbound: false });
    }
    assert.equal(reachability.report(LISTENING).state, "unknown");
    reachability.observed({ remote: from(3), observed: OUTSIDE, isInbound: false });
    assert.deepEqual(reachability.report(LISTENING), {
      state: "unreachable",
      basis: "behind-nat",
      confirmed: [],
    });
    assert.equal(reachability.report([OUTSIDE]).state, "unknown", "an interface of ours has it");
  });

  test("confirms what peers of three subnets dialled, and nothing that one or two say", () => {
    const reachability = new Reachability(false);
    const say = (subnet: number, observed: string): void =>
      reachability.observed({ remote: from(subnet), observed, isInbound: true });
    for (const subnet of [1, 2]) say(subnet, `${OUTSIDE}/p2p/12D3KooW`);
    for (let count = 0; count < 9; count++) say(1, OUTSIDE);
    assert.deepEqual(reachability.report(LISTENING).confirmed, []);
    say(3, OUTSIDE);
    assert.deepEqual(reachability.report(LISTENING).confirmed, [OUTSIDE]);
    for (const subnet of [1, 2, 3, 4]) say(subnet, "/ip4/10.0.0.1/tcp/5000");
    assert.deepEqual(reachability.report(LISTENING).confirmed, [OUTSIDE], "a private address is none");
  });

  test("remembers a bounded number of claims", () => {
    const reachability = new Reachability(false);
    for (let port = 1; port <= 1000; port++) {
      for (const subnet of [1, 2, 3])
        reachability.observed({
          remote: from(subnet),
          observed: `/ip4/51.15.7.9/tcp/${port}`,
          isInbound: true,
        });
    }
    assert.equal(reachability.report(LISTENING).confirmed.length, 64);
  });
});
