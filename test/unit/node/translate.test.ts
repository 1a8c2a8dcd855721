/** Settings as the parts want them, and what is wrong with them beyond their type. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSettings } from "../../../src/config/load.ts";
import { Failure } from "../../../src/kernel/errors.ts";
import { hostOptions, peerConfig, producerConfig } from "../../../src/node/translate.ts";

const settings = (text: string) =>
  parseSettings(`chain.specification_file = "chain.json"\n${text}`, {}, "/nowhere", "a test");

test("peerConfig takes addresses and ranges, and names the one that is none", () => {
  const good = peerConfig(settings('peer.allowed_ips = ["192.0.2.0/24", "2001:db8::1"]'));
  assert.deepEqual([good.outboundPerSubnetMax, good.discovery], [2, { kademlia: true, mdns: false }]);
  assert.throws(
    () => peerConfig(settings('peer.allowed_ips = ["192.0.2.0/24", "192.0.2"]')),
    (thrown: unknown) =>
      thrown instanceof Failure &&
      thrown.detail.field === "peer.allowed_ips" &&
      /192\.0\.2 is no IP address or range/.test(thrown.message),
  );
});

test("producerConfig mines nothing unless told", () => {
  assert.equal(producerConfig(settings("")).mineAuxPowEvery, 0);
  assert.equal(producerConfig(settings("producer.mine_auxpow_every = 9")).mineAuxPowEvery, 9);
});

test("addresses to listen on and members that are none are refused by their key", () => {
  const open = (text: string) => () => hostOptions(settings(text), new Uint8Array(32), 2_000, "0");
  const { listenAddresses } = open("")();
  assert.deepEqual(listenAddresses, ["/ip4/0.0.0.0/tcp/55444", "/ip4/0.0.0.0/udp/55444/quic-v1"]);
  for (const wrong of ["foo", "0.0.0.0:55444", "/ip4/0.0.0.0", "/ip4/0.0.0.0/udp/5"]) {
    assert.throws(open(`network.listen_addresses = ["${wrong}"]`), {
      name: "Failure",
      message: /^network\.listen_addresses: ".*" is not of the form \/ip4\/ADDRESS/,
    });
  }
  const twice = "/ip4/127.0.0.1/tcp/5000";
  assert.throws(open(`network.listen_addresses = ["${twice}", "/ip4/127.0.0.1/tcp/5001", "${twice}"]`), {
    name: "Failure",
    message: `network.listen_addresses: "${twice}" is given twice`,
  });
  assert.throws(() => peerConfig(settings('network.federation.member_peer_ids = ["abc"]')), {
    name: "Failure",
    message: 'network.federation.member_peer_ids: "abc" is no peer id',
  });
});
