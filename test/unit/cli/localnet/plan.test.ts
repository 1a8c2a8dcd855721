/** The plan of a local network: names, ports, and configuration files that the loader accepts. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  type NodeIdentity,
  nodeConfiguration,
  nodeNames,
  planNetwork,
} from "../../../../src/cli/localnet/plan.ts";
import { parseSettings } from "../../../../src/config/load.ts";

const TEMPLATE = readFileSync("config/localnet.toml", "utf8");
const NODES: readonly NodeIdentity[] = nodeNames(3).map((name, index) => ({
  name,
  isMember: index > 0,
  peerId: `12D3Koo${name.replaceAll(/\W/g, "")}`,
}));
const PLAN = planNetwork("/net", NODES, []);

function settingsOf(name: string) {
  const node = PLAN.nodes.find((each) => each.name === name)!;
  return parseSettings(nodeConfiguration(TEMPLATE, PLAN, node), {}, "/elsewhere", name);
}

test("planNetwork gives the observer the usual ports and members those after them", () => {
  assert.deepEqual(
    PLAN.nodes.map(({ name, controlAddress, address }) => [name, controlAddress, address]),
    [
      ["observer", "127.0.0.1:50051", "/ip4/127.0.0.1/tcp/55444/p2p/12D3Kooobserver"],
      ["member-1", "127.0.0.1:50052", "/ip4/127.0.0.1/tcp/55445/p2p/12D3Koomember1"],
      ["member-2", "127.0.0.1:50053", "/ip4/127.0.0.1/tcp/55446/p2p/12D3Koomember2"],
      ["member-3", "127.0.0.1:50054", "/ip4/127.0.0.1/tcp/55447/p2p/12D3Koomember3"],
    ],
  );
});

test("planNetwork uses the ports that it is given", () => {
  const { nodes } = planNetwork("/net", NODES, [{ control: 1, p2p: 2 }]);
  assert.equal(nodes[0]?.controlAddress, "127.0.0.1:1");
  assert.match(nodes[0]?.address ?? "", /tcp\/2\//);
});

test("nodeConfiguration makes an observer that knows all members and has no key", () => {
  const settings = settingsOf("observer");
  assert.equal(settings.storage.dataDirectory, "/net/observer");
  assert.equal(settings.chain.specificationFile, "/net/chain.json");
  assert.equal(settings.chain.proofsFile, "/net/proofs.json");
  assert.equal(settings.producer.authorityKeyFile, "");
  assert.equal(settings.telemetry.logFile, "/net/observer/alysd.log");
  assert.deepEqual(
    settings.network.bootstrapPeers,
    PLAN.nodes.slice(1).map(({ address }) => address),
  );
});

test("nodeConfiguration makes members that know each other and not themselves", () => {
  const settings = settingsOf("member-2");
  assert.equal(settings.producer.authorityKeyFile, "/net/member-2/authority.key");
  assert.equal(settings.producer.fillerTransactionBytes, 5);
  assert.deepEqual(
    settings.network.bootstrapPeers,
    [PLAN.nodes[1], PLAN.nodes[3]].map((node) => node?.address),
  );
  assert.equal(settings.network.federation.memberPeerIds.length, 3);
});

test("nodeConfiguration keeps what the template says beside it", () => {
  const settings = settingsOf("member-1");
  assert.equal(settings.network.privateNetwork, true);
  assert.equal(settings.network.discovery.intervalMs, 1000);
  assert.equal(settings.peer.statusIntervalMs, 2000);
});
