/** Multicast answers carry what go-libp2p and rust-libp2p look for. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { completeAnswers, type DnsRecord } from "../../../../src/p2p/libp2p/mdns-answers.ts";

const TAG = "_alys-5a5a5a5a._udp.local";
const NAME = `peername.${TAG}`;
const common = { class: "IN", ttl: 120 };
const text = (address: string): DnsRecord => ({
  ...common,
  name: NAME,
  type: "TXT",
  data: `dnsaddr=${address}`,
});
const pointer: DnsRecord = { ...common, name: TAG, type: "PTR", data: NAME };

test("an answer has one TXT, a SRV and the addresses, all as additional records", () => {
  const texts = [
    text("/ip4/10.0.0.7/tcp/55444/p2p/12D3"),
    text("/ip4/10.0.0.7/udp/55444/quic-v1/p2p/12D3"),
    text("/ip6/fd00::7/tcp/55444/p2p/12D3"),
  ];
  assert.deepEqual(completeAnswers([pointer, ...texts]), {
    answers: [pointer],
    additionals: [
      { ...common, name: NAME, type: "TXT", data: texts.map(({ data }) => data) },
      { ...common, name: NAME, type: "SRV", data: { port: 55444, target: "peername.local" } },
      { ...common, name: "peername.local", type: "A", data: "10.0.0.7" },
      { ...common, name: "peername.local", type: "AAAA", data: "fd00::7" },
    ],
  });
});

test("an answer without an address stays as it is", () => {
  assert.deepEqual(completeAnswers([pointer]), { answers: [pointer], additionals: [] });
});
