/** The small organs of the producer: transactions, connected members, messages. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  ConnectionState,
  type PeerInfo,
  PeerInfoSchema,
  type WatchPeersResponse,
  WatchPeersResponseSchema,
} from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { BLOCK_TRANSACTION_BYTES_MAX, TRANSACTIONS_MAX } from "../../../../src/actors/producer/config.ts";
import { ConnectedMembers } from "../../../../src/actors/producer/members.ts";
import {
  decodeFederation,
  encodeApprovalReply,
  encodeProposal,
} from "../../../../src/actors/producer/messages.ts";
import { TransactionQueue } from "../../../../src/actors/producer/transactions.ts";

test("TransactionQueue: gives the oldest that fit and keeps them until they are dropped", () => {
  const queue = new TransactionQueue();
  const large = new Uint8Array(BLOCK_TRANSACTION_BYTES_MAX / 2);
  for (let index = 0; index < 3; index++) assert.equal(queue.add(large), true);
  assert.equal(queue.next().length, 1);
  assert.equal(queue.next().length, 1);
  queue.drop(1);
  assert.equal(queue.length, 2);
});

test("TransactionQueue: gives half as much after a block that found no quorum, and comes back after those that did", () => {
  const queue = new TransactionQueue();
  for (let index = 0; index < 1024; index++) queue.add(new Uint8Array(1020));
  const whole = queue.next().length;
  queue.halve();
  const half = queue.next().length;
  assert.ok(half < whole && half >= whole / 2 - 1, `${half} of ${whole}`);
  for (let index = 0; index < 20; index++) {
    queue.next();
    queue.halve();
  }
  assert.ok(queue.next().length >= 1);
  for (let index = 0; index < 20; index++) queue.drop(1);
  assert.equal(queue.next().length, Math.min(whole, queue.length));
});

test("TransactionQueue: is bounded in number and bytes", () => {
  const many = new TransactionQueue();
  for (let index = 0; index < TRANSACTIONS_MAX; index++) assert.equal(many.add(new Uint8Array(1)), true);
  assert.equal(many.add(new Uint8Array(1)), false);
  const large = new TransactionQueue();
  for (let index = 0; index < 8; index++) assert.equal(large.add(new Uint8Array(1024 * 1024)), true);
  assert.equal(large.add(new Uint8Array(1)), false);
  large.drop(1);
  assert.equal(large.add(new Uint8Array(1)), true);
});

const KEY = new Uint8Array(48).fill(5);

function peer(peerId: string, change: Partial<PeerInfo> = {}): PeerInfo {
  const connectionState = ConnectionState.CONNECTED;
  return { ...create(PeerInfoSchema, { peerId, memberKey: KEY, memberRole: 1, connectionState }), ...change };
}

function event(value: WatchPeersResponse["event"]): WatchPeersResponse {
  return create(WatchPeersResponseSchema, { event: value });
}

test("ConnectedMembers: knows who can sign for a key", () => {
  const members = new ConnectedMembers();
  members.apply(event({ case: "connected", value: peer("sentry", { memberRole: 2 }) }));
  assert.equal(members.peerOf(KEY), undefined);
  members.apply(event({ case: "connected", value: peer("a") }));
  members.apply(event({ case: "updated", value: peer("b") }));
  assert.equal(members.peerOf(KEY), "a");
  members.apply(
    event({ case: "updated", value: peer("a", { connectionState: ConnectionState.DISCONNECTED }) }),
  );
  assert.equal(members.peerOf(KEY), "b");
  members.clear();
  assert.equal(members.peerOf(KEY), undefined);
});

test("decodeFederation: reads what encode wrote, and calls the rest malformed", () => {
  const block = new Uint8Array([1, 2, 3]);
  assert.deepEqual(decodeFederation(encodeProposal(block)), { kind: "proposal", block });
  const approval = {
    blockHash: new Uint8Array(32).fill(1),
    height: 7,
    slot: 8,
    authorityIndex: 2,
    signature: new Uint8Array(96).fill(3),
  };
  assert.deepEqual(decodeFederation(encodeApprovalReply(approval)), { kind: "approval", approval });
  assert.deepEqual(decodeFederation(new Uint8Array(0)), { kind: "malformed" });
  assert.deepEqual(decodeFederation(new Uint8Array([255])), { kind: "malformed" });
});
