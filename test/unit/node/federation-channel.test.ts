/** What engines and bridges say to members: over the real actors on an in-memory network. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { EngineHeadSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";
import type { BridgePort, FederationNote } from "../../../src/integrations/bridge/port.ts";
import { EmbeddedEngine } from "../../../src/integrations/engine/embedded.ts";
import type { EngineNotice } from "../../../src/integrations/engine/port.ts";
import { failure } from "../../../src/kernel/errors.ts";
import { FederationChannel, FederationInbox } from "../../../src/node/federation-channel.ts";
import { type Node, World } from "../actors/peer/rig.ts";

class RecordingEngine extends EmbeddedEngine {
  readonly told: EngineNotice[] = [];

  override tell(notice: EngineNotice): void {
    this.told.push(notice);
  }
}

class Place {
  readonly world = new World();
  readonly engine = new RecordingEngine();
  readonly notes: FederationNote[] = [];
  changes = 0;
  isBridgeAway = false;

  /** Two members; what comes to the second goes to our engine and notes. */
  async members(): Promise<{ one: Node; two: Node; channel: FederationChannel }> {
    const { world } = this;
    const bridge: BridgePort = {
      deliver: (note) => {
        if (this.isBridgeAway) return Promise.reject(failure("UNAVAILABLE", "NOT_ATTACHED", "away"));
        this.notes.push(note);
        return Promise.resolve(new TextEncoder().encode(`${note.label}!`));
      },
      close: () => Promise.resolve(),
    };
    const inbox = new FederationInbox(bridge, this.engine);
    const [first, second] = [world.identity(), world.identity()];
    const one = await world.node({ identity: first, delegation: world.delegation(0, first) });
    const two = await world.node({
      identity: second,
      delegation: world.delegation(1, second),
      bridge: inbox,
    });
    const channel = this.channel(one, world.forge.secretKeys[0]?.publicKey);
    await world.run(10);
    await world.connect(one, two);
    return { one, two, channel };
  }

  channel(node: Node, ownKey: Uint8Array | undefined): FederationChannel {
    const { clock } = this.world.simulation;
    const changed = (): void => {
      this.changes++;
    };
    const channel = new FederationChannel({ chain: node.chain, clock, ownKey, changed });
    channel.connect({ network: node.network.internalRef, peers: node.peer.ref });
    return channel;
  }
}

test("FederationChannel sends to all members or to one, and gives what their bridges reply", async () => {
  const place = new Place();
  const { channel, two } = await place.members();
  const key = place.world.forge.secretKeys[1]?.publicKey as Uint8Array;
  const all = await place.world.drive(channel.send(undefined, "peg", Uint8Array.of(1, 2), 500));
  assert.equal(all.length, 1);
  assert.equal(all[0]?.isDelivered, true);
  assert.deepEqual(new Uint8Array(all[0]?.memberKey ?? []), new Uint8Array(key));
  assert.equal(new TextDecoder().decode(all[0]?.reply), "peg!");
  assert.deepEqual(place.notes[0]?.content, Uint8Array.of(1, 2));
  const [one] = await place.world.drive(channel.send(key, "sign", new Uint8Array(), 500));
  assert.equal(new TextDecoder().decode(one?.reply), "sign!");
  place.isBridgeAway = true;
  const [refused] = await place.world.drive(channel.send(key, "sign", new Uint8Array(), 500));
  assert.equal(refused?.isDelivered, false);
  assert.match(refused?.reason ?? "", /PEER_RESOURCE_UNAVAILABLE/);
  assert.deepEqual(Object.keys(channel.describe(two.id) ?? {}), ["address", "reputation"]);
  channel.close();
});

test("FederationChannel says who is a member, who is there, and whether they are a quorum", async () => {
  const place = new Place();
  const { channel, one, two } = await place.members();
  assert.ok(place.changes > 0);
  const { members = [], quorum, hasQuorum } = channel.members();
  assert.deepEqual(
    members.map(({ isSelf, isConnected }) => [isSelf, isConnected]),
    [
      [true, true],
      [false, true],
      [false, false],
    ],
  );
  assert.equal(quorum, 2);
  assert.equal(hasQuorum, true);
  const before = place.changes;
  const goodbye = one.peer.ref.ask(PeerService.method.disconnectFromPeer, { peerId: two.id });
  await place.world.drive(goodbye);
  await place.world.run(100);
  assert.ok(place.changes > before);
  assert.equal(channel.members().hasQuorum, false);
  channel.close();
});

test("FederationChannel refuses where there is no key, and a member that is not there", async () => {
  const place = new Place();
  const { channel, two } = await place.members();
  const absent = place.world.forge.secretKeys[2]?.publicKey as Uint8Array;
  const nothing = new Uint8Array();
  await assert.rejects(channel.send(absent, "x", nothing, 500), { reason: "MEMBER_NOT_CONNECTED" });
  const plain = place.channel(two, undefined);
  await assert.rejects(plain.send(undefined, "x", nothing, 500), { reason: "NO_AUTHORITY_KEY" });
  channel.close();
  await assert.rejects(channel.send(undefined, "x", nothing, 500), { code: "UNAVAILABLE" });
  plain.close();
});

test("payloads and heads of engines go to the engine, by their labels", async () => {
  const place = new Place();
  const { channel } = await place.members();
  const { world } = place;
  const name = new Uint8Array(32).fill(5);
  const content = new Uint8Array([...name, 7, 8, 9]);
  const unknown = channel.ask("engine/request", name, 500);
  assert.equal((await world.failure(unknown)).reason, "PAYLOAD_UNKNOWN");
  const [sent] = await world.drive(channel.send(undefined, "engine/payload", content, 500));
  assert.equal(sent?.isDelivered, true);
  const found = await world.drive(channel.ask("engine/request", name, 500));
  assert.deepEqual(new Uint8Array(found.reply), Uint8Array.of(7, 8, 9));
  const head = create(EngineHeadSchema, { height: 9n, hash: name, isSyncing: true, targetHeight: 20n });
  await world.drive(channel.send(undefined, "engine/head", toBinary(EngineHeadSchema, head), 500));
  const [notice] = place.engine.told;
  assert.equal(notice?.kind, "engineHead");
  assert.equal(notice?.kind === "engineHead" && notice.value.block?.height, 9n);
  for (const [label, bytes] of [
    ["engine/payload", name],
    ["engine/request", Uint8Array.of(1)],
    ["engine/head", Uint8Array.of(0xff)],
  ] as const) {
    const [bad] = await world.drive(channel.send(undefined, label, bytes, 500));
    assert.equal(bad?.isDelivered, false, label);
  }
  assert.equal(place.notes.length, 0);
  channel.close();
});
