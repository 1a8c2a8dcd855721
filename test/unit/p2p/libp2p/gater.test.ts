/** The gate in libp2p's words, over the table of bans: what an address's sentence stops, and what it does not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MultiaddrConnection, PeerId } from "@libp2p/interface";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { Offence } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { BanTable } from "../../../../src/actors/peer/ban-table.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { connectionGater } from "../../../../src/p2p/libp2p/gater.ts";

const SHARED = "/ip4/203.0.113.7/tcp/1";
const NO_TABLE = { get: () => undefined, put: async () => {}, delete: async () => {}, entries: () => [] };

test("five banned ids of an address stop strangers from there, once their id is proven, and neither members nor our dials", async () => {
  const clock = new FakeClock(1_000_000);
  const bans = new BanTable(clock, NO_TABLE);
  bans.judgeBy({ applicationScore: () => 0, isExempt: (peerId) => peerId === "member" });
  const gate = connectionGater({
    gate: bans,
    inbound: { arrived: () => {}, proven: () => true },
    onRefused: () => {},
  });
  const peer = (name: string) => ({ toString: () => name }) as unknown as PeerId;
  const from = { remoteAddr: multiaddr(SHARED) as Multiaddr } as unknown as MultiaddrConnection;
  const lets = async (name: string): Promise<boolean> =>
    (await gate.denyInboundEncryptedConnection?.(peer(name), from)) === false;
  for (let made = 0; made < 5; made++) {
    assert.equal(await lets("stranger"), true);
    const charge = { reason: "", offence: Offence.FALSE_HEAD, evidence: new Uint8Array() };
    bans.put({ peerId: `made-up-${made}`, ...charge, durationMs: 43_200_000, remoteAddress: SHARED });
  }
  assert.equal(await lets("stranger"), false);
  assert.equal(await lets("member"), true);
  assert.equal(await gate.denyInboundConnection?.(from), false, "whoever it is, it may be a member");
  assert.equal(bans.allows(undefined, SHARED, "outbound"), true, "what a dial of ours asks first");
  assert.equal(await gate.denyDialMultiaddr?.(multiaddr(SHARED)), true, "a dial of the library's own");
  assert.equal(await gate.denyDialPeer?.(peer("whom the DHT names")), true);
  assert.equal(await gate.denyOutboundEncryptedConnection?.(peer("stranger"), from), false);
  assert.equal(await gate.denyOutboundEncryptedConnection?.(peer("made-up-1"), from), true);
  clock.advance(600_000);
  assert.equal(await lets("stranger"), true, "ten minutes, not twelve hours");
  assert.equal(await lets("made-up-1"), false);
});
