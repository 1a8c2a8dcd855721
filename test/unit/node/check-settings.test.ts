/** What a running node refuses, because its next start would. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSettings } from "../../../src/config/load.ts";
import type { Failure } from "../../../src/kernel/errors.ts";
import { checkSettings, ownIps } from "../../../src/node/check-settings.ts";

const OWN = new Set(["127.0.0.1", "192.0.2.7"]);

function check(text: string): void {
  checkSettings(
    parseSettings(`chain.specification_file = "chain.json"\n${text}`, {}, "/nowhere", "a test"),
    OWN,
  );
}

test("checkSettings() takes what a start takes", () => {
  for (const address of [
    "/ip4/0.0.0.0/tcp/0",
    "/ip4/192.0.2.7/tcp/1",
    "/ip6/::/udp/5/quic-v1",
    "/ip4/127.0.0.1/udp/50051/quic-v1",
  ])
    check(`network.listen_addresses = ["${address}"]`);
  assert.ok(ownIps().has("127.0.0.1"));
});

test("checkSettings() names the key of what the next start would refuse", () => {
  const wrong: readonly (readonly [key: string, value: string, why: RegExp])[] = [
    ["network.listen_addresses", "garbage", /is not of the form/],
    ["network.listen_addresses", "/ip4/0.0.0.0/tcp/99999", /has no port of 0 to 65535/],
    ["network.listen_addresses", "/ip4/198.51.100.1/tcp/80", /is no address of this machine/],
    ["network.listen_addresses", "/ip4/999.1.1.1/tcp/80", /is no address of this machine/],
    ["network.listen_addresses", "/ip4/127.0.0.1/tcp/50051", /is where the control plane listens/],
    ["network.listen_addresses", "/ip4/0.0.0.0/tcp/50051", /is where the control plane listens/],
    ["network.announce_addresses", "/ip4/0.0.0.0/tcp/1", /is not an address to dial/],
    ["network.bootstrap_peers", "garbage", /does not end in/],
    ["network.federation.member_peer_ids", "nobody", /is no peer id/],
    ["peer.allowed_ips", "300.1.1.1", /is no IP address or range/],
  ];
  for (const [key, value, why] of wrong) {
    assert.throws(
      () => check(`${key} = ["${value}"]`),
      (thrown: Failure) => thrown.detail.field === key && why.test(thrown.message),
      value,
    );
  }
});
