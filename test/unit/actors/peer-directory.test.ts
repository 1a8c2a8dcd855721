/** The projection of WatchPeers that all who need the peers share. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type PeerInfo, WatchPeersResponseSchema } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { PeerDirectory, peerChangeOf } from "../../../src/actors/peer-directory.ts";

type Event = NonNullable<MessageInitShape<typeof WatchPeersResponseSchema>["event"]>;

const told = (event: Event) => create(WatchPeersResponseSchema, { event });
const names = (directory: PeerDirectory<string>): string[] => [...directory.values()];
/** Peers below height 10 are left out. */
const project = ({ peerId, earliestHeight }: PeerInfo): string | undefined =>
  earliestHeight < 10n ? undefined : `${peerId} from ${earliestHeight}`;
const peer = (peerId: string, earliestHeight = 10n) => ({ peerId, earliestHeight });

test("a snapshot replaces everything, events change one peer each, in order of connection", () => {
  const directory = new PeerDirectory(project);
  directory.apply(told({ case: "connected", value: peer("old") }));
  directory.apply(told({ case: "snapshot", value: { peers: [peer("a"), peer("b"), peer("low", 1n)] } }));
  assert.deepEqual(names(directory), ["a from 10", "b from 10"]);
  directory.apply(told({ case: "connected", value: peer("c") }));
  directory.apply(told({ case: "updated", value: peer("a", 20n) }));
  assert.deepEqual(names(directory), ["a from 20", "b from 10", "c from 10"]);
  directory.apply(told({ case: "disconnected", value: { peerId: "b" } }));
  directory.apply(told({ case: "banned", value: { peerId: "c" } }));
  assert.deepEqual([...directory.entries()], [["a", "a from 20"]]);
  assert.equal(directory.has("b"), false);
  assert.equal(directory.get("a"), "a from 20");
});

test("a peer that has no projection any more is left out", () => {
  const directory = new PeerDirectory(project);
  directory.apply(told({ case: "connected", value: peer("a") }));
  directory.apply(told({ case: "updated", value: peer("a", 1n) }));
  assert.equal(directory.size, 0);
});

test("what says nothing of the connected peers changes nothing", () => {
  const directory = new PeerDirectory(project);
  directory.apply(told({ case: "connected", value: peer("a") }));
  assert.equal(directory.apply(told({ case: "unbanned", value: "a" })), false);
  assert.equal(directory.apply(told({ case: "skipped", value: { count: 3n } })), false);
  assert.deepEqual(names(directory), ["a from 10"]);
  assert.equal(peerChangeOf(told({ case: undefined })), undefined);
  directory.clear();
  assert.equal(directory.size, 0);
});
