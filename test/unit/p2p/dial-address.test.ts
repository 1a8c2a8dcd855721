/** Judging addresses from outside: by form, transport, peer, place and who names them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { publicAddressOf } from "../../../src/p2p/address.ts";
import { ADDRESS_LENGTH_MAX, judgeAddress, type Reach } from "../../../src/p2p/dial-address.ts";

const PUBLIC: Reach = { privateNetwork: false, tcp: true, quic: true, memory: false };
const PRIVATE: Reach = { ...PUBLIC, privateNetwork: true };
const PEER = "12D3KooWPeer";
const OTHER = "12D3KooWOther";

function faultOf(text: string, reach: Reach, isTrusted = false): string | undefined {
  const judged = judgeAddress(text, PEER, isTrusted, reach);
  return judged.ok ? undefined : judged.fault;
}

test("judgeAddress takes on a public network what is public, of this peer, and dialled by a transport of ours", () => {
  const table: readonly [text: string, fault: string | undefined, trusted?: string | undefined][] = [
    ["/ip4/203.0.113.7/tcp/55444", undefined],
    ["/ip4/203.0.113.7/udp/55444/quic-v1", undefined],
    [`/ip4/203.0.113.7/tcp/55444/p2p/${PEER}`, undefined],
    ["/ip6/2a02:db8::1/tcp/1", undefined],
    [`/ip4/203.0.113.7/tcp/55444/p2p/${OTHER}`, "other-peer", "other-peer"],
    ["/ip4/203.0.113.7/tcp/0", "unroutable", "unroutable"],
    ["/ip4/203.0.113.7/tcp/65536", "malformed", "malformed"],
    ["/ip4/0.0.0.0/tcp/1", "unroutable", "unroutable"],
    ["/ip6/::/tcp/1", "unroutable", "unroutable"],
    ["/ip4/224.0.0.251/udp/5353/quic-v1", "unroutable", "unroutable"],
    ["/ip4/255.255.255.255/tcp/1", "unroutable", "unroutable"],
    ["/ip6/ff02::1/tcp/1", "unroutable", "unroutable"],
    ["/ip6/fe80::1/tcp/1", "unroutable", "unroutable"],
    ["/ip6/::ffff:127.0.0.1/tcp/1", "unroutable", "unroutable"],
    ["/ip4/127.0.0.1/tcp/6379", "not-public", undefined],
    ["/ip4/10.9.9.9/tcp/3306", "not-public", undefined],
    ["/ip4/169.254.169.254/tcp/80", "not-public", undefined],
    ["/ip4/198.18.0.1/tcp/80", "not-public", undefined],
    ["/ip6/fd00:77::1/tcp/5432", "not-public", undefined],
    ["/ip6/2002:7f00:1::/tcp/80", "not-public", undefined],
    ["/ip6/2001:0:1::/tcp/80", "not-public", undefined],
    ["/dns4/redis.internal/tcp/6379", "claimed-name", undefined],
    ["/dns/localhost/udp/1/quic-v1", "claimed-name", undefined],
    ["/unix/%2Fvar%2Frun%2Fdocker.sock", "no-transport", "no-transport"],
    ["/ip4/203.0.113.7/tcp/443/tls/ws", "no-transport", "no-transport"],
    ["/ip4/203.0.113.7/tcp/80/ws", "no-transport", "no-transport"],
    ["/ip4/203.0.113.7/udp/1", "no-transport", "no-transport"],
    ["/ip4/203.0.113.7/udp/1/quic-v1/webtransport", "no-transport", "no-transport"],
    [`/ip4/203.0.113.7/tcp/1/p2p/${OTHER}/p2p-circuit/p2p/${PEER}`, "no-transport", "no-transport"],
    ["/dnsaddr/bootstrap.libp2p.io", "no-transport", "no-transport"],
    ["/ip6zone/eth0/ip6/fe80::1/tcp/1", "no-transport", "no-transport"],
    ["/memory/x", "no-transport", "no-transport"],
    ["/ip4/999.1.1.1/tcp/1", "malformed", "malformed"],
    ["203.0.113.7:55444", "malformed", "malformed"],
    ["", "malformed", "malformed"],
    [`/dns4/${"a".repeat(ADDRESS_LENGTH_MAX)}/tcp/1`, "malformed", "malformed"],
  ];
  for (const [text, fault, trusted] of table) {
    assert.equal(faultOf(text, PUBLIC), fault, text);
    assert.equal(faultOf(text, PUBLIC, true), trusted, `${text}, named by the operator`);
  }
});

test("judgeAddress lets private addresses and names through on a private network", () => {
  for (const text of ["/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1", "/dns4/node1/tcp/1", "/ip6/::1/tcp/1"])
    assert.equal(faultOf(text, PRIVATE), undefined, text);
  assert.equal(faultOf("/unix/%2Ftmp%2Fx", PRIVATE), "no-transport");
  assert.equal(faultOf("/ip4/127.0.0.1/udp/1/quic-v1", { ...PRIVATE, quic: false }), "no-transport");
});

test("judgeAddress gives one spelling to each address, and one target to each place", () => {
  const spelt = (text: string) => {
    const judged = judgeAddress(text, PEER, false, PUBLIC);
    assert.ok(judged.ok, text);
    return judged.value;
  };
  const one = spelt("/ip6/2A02:0db8:0:0::1/tcp/0080");
  assert.equal(one.address, `/ip6/2a02:db8::1/tcp/80/p2p/${PEER}`);
  assert.deepEqual(one, spelt(`/ip6/2a02:db8::1/tcp/80/p2p/${PEER}`));
  const other = judgeAddress("/ip6/2a02:db8::1/tcp/80", OTHER, false, PUBLIC);
  assert.ok(other.ok && other.value.target === one.target && other.value.address !== one.address);
});

test("judgeAddress takes any text, and what it takes again is the same", () => {
  const part = fc.constantFrom(
    "ip4",
    "ip6",
    "dns",
    "tcp",
    "udp",
    "quic-v1",
    "p2p",
    "ws",
    "1.2.3.4",
    "::1",
    "80",
    PEER,
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(part, { maxLength: 8 }).map((parts) => `/${parts.join("/")}`),
  );
  const ip = fc.oneof(fc.ipV4(), fc.ipV6()).map((each) => `/ip${each.includes(":") ? 6 : 4}/${each}/tcp/80`);
  fc.assert(
    fc.property(
      fc.oneof(text, ip),
      fc.boolean(),
      fc.constantFrom(PUBLIC, PRIVATE),
      (raw, isTrusted, reach) => {
        const judged = judgeAddress(raw, PEER, isTrusted, reach);
        if (!judged.ok) return;
        assert.deepEqual(judgeAddress(judged.value.address, PEER, isTrusted, reach), judged);
        if (isTrusted || reach.privateNetwork) return;
        assert.ok(publicAddressOf(judged.value.address) !== undefined, raw);
      },
    ),
    { numRuns: 500 },
  );
});
