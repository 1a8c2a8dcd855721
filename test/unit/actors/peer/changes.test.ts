/** PeerActor and NetworkActor across a change of the authorities: heads, roles, the federation's channel. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { NetworkInternalService } from "../../../../gen/alys/network/v1/network_pb.ts";
import {
  ConnectionState,
  Offence,
  PeerInternalService,
  PeerType,
} from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { FederationMessageSchema } from "../../../../gen/alys/wire/v1/wire_pb.ts";
import type { SecretKey } from "../../../../src/chain/bls.ts";
import { encodeDelegation, signDelegation } from "../../../../src/chain/delegation.ts";
import { forgeSecretKeys } from "../../../../src/chain/forge.ts";
import type { Identity } from "../../../../src/p2p/identity.ts";
import { peerIdBytes } from "../../../../src/p2p/peer-id.ts";
import { type Node, World } from "./rig.ts";

const keys = forgeSecretKeys(5, 1);

/** Any key's delegation, a member's or not. */
function delegationOf(world: World, key: SecretKey, identity: Identity) {
  const peerId = peerIdBytes(identity.peerId)!;
  const delegation = {
    publicKey: key.publicKey,
    peerId,
    role: 1 as const,
    expiryMs: world.nowMs + 86_400_000,
  };
  const signature = signDelegation(key, delegation, world.forge.genesis.hash);
  return { delegation: encodeDelegation(delegation), signature, role: 1 as const };
}

async function memberNode(world: World, index: number): Promise<Node> {
  const identity = world.identity();
  return world.node({ identity, delegation: delegationOf(world, keys[index]!, identity) });
}

/** Whether a message to it leaves this node. */
async function isSpokenTo(world: World, from: Node, to: Node): Promise<boolean> {
  const payload = { case: "opaque", value: { label: "hello", content: new Uint8Array([1]) } } as const;
  const message = toBinary(FederationMessageSchema, create(FederationMessageSchema, { payload }));
  const { sendFederation } = NetworkInternalService.method;
  const request = { peerId: to.id, payload: message, lifetimeMs: 1_000 };
  const asked = from.network.internalRef.ask(sendFederation, request);
  return world.drive(
    asked.then(
      () => true,
      () => false,
    ),
  );
}

test("a role ends and another begins with the change, and the privileged channel follows", async () => {
  const world = new World();
  const one = await memberNode(world, 0);
  const leaver = await memberNode(world, 2);
  const joiner = await memberNode(world, 3);
  await world.connect(one, leaver);
  await world.connect(one, joiner);
  const types = async () => [(await one.info(leaver)).peerType, (await one.info(joiner)).peerType];
  assert.deepEqual(await types(), [PeerType.FEDERATION, PeerType.REGULAR]);

  const blocks = [world.forge.next({ nextAuthorities: keys.slice(0, 4) })];
  for (let count = 0; count < 63; count++) blocks.push(world.forge.next());
  const joined = blocks.splice(0);
  for (const node of [one, leaver, joiner]) {
    await node.import(joined[0]!);
    await node.import(...joined.slice(1));
  }
  await world.run(50);
  assert.deepEqual(await types(), [PeerType.FEDERATION, PeerType.FEDERATION]);
  assert.equal(await isSpokenTo(world, one, joiner), true);
  assert.equal(one.events.at(-1)?.case, "updated");

  const left = world.forge.next({ nextAuthorities: [keys[0]!, keys[1]!, keys[3]!] });
  for (const node of [one, leaver, joiner]) await node.import(left);
  await world.run(50);
  assert.deepEqual(await types(), [PeerType.REGULAR, PeerType.FEDERATION]);
  assert.equal(await isSpokenTo(world, one, leaver), false);
  assert.equal(await isSpokenTo(world, leaver, one), false);
  const { memberKey, memberRole } = await one.info(leaver);
  assert.deepEqual([memberKey.length, memberRole], [0, 0]);
});

test("the role of everybody who speaks for a member that equivocated ends, and nobody is banned", async () => {
  const world = new World();
  const one = await memberNode(world, 0);
  const both = [await memberNode(world, 1), await memberNode(world, 1)];
  for (const node of both) await world.connect(one, node);
  const { reportOffence } = PeerInternalService.method;
  const memberKey = keys[1]!.publicKey;
  const evidence = new Uint8Array(32);
  one.peer.internalRef.tell(reportOffence, { offence: Offence.EQUIVOCATION, memberKey, evidence });
  await world.run(50);
  for (const node of both) {
    const { peerType, connectionState } = await one.info(node);
    assert.deepEqual([peerType, connectionState], [PeerType.REGULAR, ConnectionState.CONNECTED]);
    assert.equal(await isSpokenTo(world, one, node), false);
  }
  // What it shows again counts no more.
  await world.run(20_000);
  for (const node of both) assert.equal((await one.info(node)).peerType, PeerType.REGULAR);
  // Without two of three no quorum is left: cutting them off would only halt the chain.
  const other = { offence: Offence.EQUIVOCATION, memberKey: keys[2]!.publicKey, evidence };
  one.peer.internalRef.tell(reportOffence, other);
  await world.run(50);
  for (const node of both) assert.equal((await one.info(node)).peerType, PeerType.FEDERATION);
});

test("a head under authorities that we do not know is kept as a hint, and proven once we know them", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  const change = world.forge.next({ nextAuthorities: keys.slice(0, 4) });
  const later = [world.forge.next(), world.forge.next()];
  await two.import(change);
  await two.import(...later);
  const seen = await world.connect(one, two);
  assert.equal(seen.head?.height, 0n);
  assert.deepEqual(seen.unprovenHead?.header, two.chain.snapshot().head.header);
  await one.import(change);
  await world.run(50);
  const known = await one.info(two);
  assert.equal(known.head?.height, 3n);
  assert.deepEqual(known.head?.hash, world.forge.headHash);
  assert.equal(known.unprovenHead, undefined);
});
