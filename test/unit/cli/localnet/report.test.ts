/** What alysd localnet prints at the end: who served what, and where the nodes are. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { NetworkStatusSchema } from "../../../../gen/alys/network/v1/network_pb.ts";
import { PeerInfoSchema } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { planNetwork } from "../../../../src/cli/localnet/plan.ts";
import { nodesReport, trafficReport } from "../../../../src/cli/localnet/report.ts";

const peer = (peerId: string, transport: string, blocksServed: bigint) =>
  create(PeerInfoSchema, {
    peerId,
    transport,
    metrics: { blocksServed, bytesReceived: 1_234n, bytesSent: 7n },
  });

test("trafficReport adds up blocks and bytes by peer and by transport", () => {
  const peers = [peer("a", "tcp", 6_000n), peer("b", "tcp", 7_000n), peer("c", "quic", 1n)];
  const lines = trafficReport(peers, undefined, (id) => `member-${id}`).split("\n");
  assert.match(lines[1] ?? "", /^member-a\s+6,000\s+1,234\s+7\s+tcp$/);
  assert.ok(lines.some((line) => /^all over TCP \+ TLS 1\.3\s+13,000\s+2,468\s+14\s+tcp$/.test(line)));
  assert.ok(lines.some((line) => /^all over QUIC\s+1\s+1,234\s+7\s+quic$/.test(line)));
});

test("trafficReport shows the largest protocols and sums up the rest", () => {
  const traffic = Array.from({ length: 10 }, (_, index) => ({
    protocol: `p${index}`,
    bytesReceived: BigInt(index),
  }));
  const lines = trafficReport([], create(NetworkStatusSchema, { traffic }), String).split("\n");
  const from = lines.findIndex((line) => line.startsWith("protocol"));
  assert.match(lines[from + 1] ?? "", /^p9\s+9\s+0$/);
  assert.match(lines.at(-1) ?? "", /^2 others\s+1\s+0$/);
});

test("nodesReport tells how to ask each node", () => {
  const nodes = [{ name: "observer", isMember: false, peerId: "x" }];
  const text = nodesReport(planNetwork("/net", nodes, [{ control: 1234, p2p: 1 }]));
  assert.match(text, /grpcurl -plaintext 127\.0\.0\.1:1234 list/);
  assert.ok(
    text.includes('-H "authorization: Bearer $(cat /net/observer/control/local.token)" 127.0.0.1:1234 '),
  );
  assert.match(text, /grpcurl -plaintext -unix \/net\/observer\/control\.sock alys\./);
  assert.match(text, /alysctl --node \/net\/observer /);
  assert.match(text, /127\.0\.0\.1:1234 alys\.sync\.v1\.SyncService\/WatchSyncStatus/);
  assert.match(text, /\/net$/);
});
