/** Witnesses: whose word counts as that of several parties. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { areEnough, partyOf } from "../../../../src/actors/sync/corroboration.ts";

const party = (peerId: string, remoteAddress: string) => partyOf({ peerId, remoteAddress });

test("partyOf() tells public peers apart by subnet, and private ones by themselves", () => {
  const same = [
    ["/ip4/203.0.113.7/tcp/1", "/ip4/203.0.99.1/udp/2/quic-v1"],
    ["/ip6/2001:db8:1::7/tcp/1", "/ip6/2001:db8:2::1/tcp/1"],
  ] as const;
  for (const [one, other] of same) assert.equal(party("a", one), party("b", other));
  assert.notEqual(party("a", "/ip4/203.0.113.7/tcp/1"), party("b", "/ip4/203.1.113.7/tcp/1"));
  assert.notEqual(party("a", "/ip6/2001:db8::7/tcp/1"), party("b", "/ip6/2001:db9::7/tcp/1"));
  const apart = [
    "",
    "/memory/7",
    "/ip4/127.0.0.1/tcp/1",
    "/ip4/10.1.2.3/tcp/1",
    "/ip4/172.20.0.1/tcp/1",
    "/ip4/192.168.1.1/tcp/1",
    "/ip4/169.254.1.1/tcp/1",
    "/ip4/100.64.0.1/tcp/1",
    "/ip6/::1/tcp/1",
    "/ip6/fd00:1::1/tcp/1",
    "/ip6/fe80::1/tcp/1",
  ];
  for (const address of apart) assert.notEqual(party("a", address), party("b", address), address);
  assert.equal(party("a", "/ip4/172.32.0.1/tcp/1"), party("b", "/ip4/172.32.9.9/tcp/1"));
});

test("areEnough() wants two parties or a member", () => {
  const witness = (peerId: string, remoteAddress = "", isMember = false) => ({
    peerId,
    remoteAddress,
    isMember,
  });
  assert.equal(areEnough([]), false);
  assert.equal(areEnough([witness("a")]), false);
  assert.equal(areEnough([witness("a"), witness("a")]), false);
  assert.equal(areEnough([witness("a"), witness("b")]), true);
  assert.equal(
    areEnough([witness("a", "/ip4/203.0.1.1/tcp/1"), witness("b", "/ip4/203.0.2.2/tcp/1")]),
    false,
  );
  assert.equal(areEnough([witness("a", "", true)]), true);
});
