/**
 * What one node asks of one peer, counted where it arrives, on a real connection: the search for a checkpoint, range
 * synchronisation, the back-fill and lookups together never take more than half of what a peer allows.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { stringify } from "smol-toml";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { ChainForge } from "../../src/chain/forge.ts";
import { encodePossessionFile } from "../../src/chain/possession.ts";
import { encodeChainSpecification } from "../../src/chain/spec.ts";
import { PROTOCOL_LIMITS, type Protocol } from "../../src/p2p/protocols.ts";
import { CheckpointRig } from "../unit/integrations/chain/checkpoint/checkpoint-rig.ts";
import { eventually, heightOf } from "./local-network.ts";
import { SyncingNode } from "./served-history.ts";
import { type Arrival, type ServedBlocks, ServingPeer } from "./serving-peer.ts";

const LENGTH = 1_200;
const CHECKPOINT = 900;
/** What peers show as their head; the rest comes by gossip and lookups. */
const HEAD = LENGTH - 12;
/** Blocks an answer, as of a chain whose blocks are large: many requests. */
const ANSWER_BLOCKS = 4;
const DEADLINE_MS = 120_000;
/** Clocks of sender and receiver are one here; what a busy event loop bunches together may look that much closer, milliseconds. */
const BUNCHED_MS = 250;

test("search, ranges, back-fill and lookups take half of what a peer allows, together, on the wire", async (t) => {
  const forge = ChainForge.of({ blocks: LENGTH, members: 3, endTimestampMs: Date.now() - 4_000 });
  const blocks = Array.from({ length: LENGTH }, () => forge.next());
  const maker = new CheckpointRig(forge);
  await maker.feed(blocks);
  await maker.settle(maker.checkpoints.create(CHECKPOINT));
  const evidence = await maker.settle(maker.checkpoints.serve(CHECKPOINT, 0));
  assert.ok(evidence !== undefined);
  const served: ServedBlocks = {
    ...{ genesisHash: forge.genesis.hash, blocks, head: HEAD },
    ...{ evidence, answerBlocks: ANSWER_BLOCKS },
  };
  const peers = [await ServingPeer.start(served), await ServingPeer.start(served)];
  t.after(() => Promise.all(peers.map((peer) => peer.stop())));
  const node = syncingNode(t, forge, peers);
  await node.start();

  await eventually("the peers' head is reached", DEADLINE_MS, async () => {
    return (await heightOf(node.connection)) >= HEAD;
  });
  // Beyond it blocks come by gossip, the newest first: what lies between is looked up, while history is fetched.
  await Promise.all(peers.map((peer) => peer.publish(LENGTH)));
  await eventually("the newest block is imported", DEADLINE_MS, async () => {
    return (await heightOf(node.connection)) === LENGTH;
  });
  await eventually("block 1 is back", DEADLINE_MS, async () => {
    const first = node.connection.client(SyncService).getBlock({ by: { case: "height", value: 1n } });
    return await first.then(
      () => true,
      () => false,
    );
  });

  const asked = (protocol: Protocol): number =>
    peers.reduce((sum, peer) => sum + peer.of(protocol).length, 0);
  assert.ok(asked("checkpoint") >= 2, "two parties were asked for a checkpoint");
  assert.ok(asked("blocks-by-range") >= (HEAD - 1) / ANSWER_BLOCKS, "ranges above and below were asked for");
  assert.ok(asked("blocks-by-hash") >= LENGTH - HEAD - 1, "parents were looked up");
  for (const peer of peers)
    for (const protocol of ["checkpoint", "blocks-by-range", "blocks-by-hash"] as const)
      assertHalf(protocol, peer.of(protocol));
  assert.deepEqual(await node.blamed(), []);
});

/** A bucket of half the burst, refilled at half the rate, wherever one begins to look; and half of what is served at once. */
function assertHalf(protocol: Protocol, arrivals: readonly Arrival[]): void {
  const { burst, refillMs, concurrentMax } = PROTOCOL_LIMITS[protocol];
  for (const [index, { atMs: fromMs }] of arrivals.entries()) {
    for (const [more, { atMs: toMs }] of arrivals.slice(index).entries()) {
      const allowed = burst / 2 + ((toMs - fromMs + BUNCHED_MS) * burst) / 2 / refillMs;
      assert.ok(more + 1 <= allowed + 1, `${protocol}: ${more + 1} requests in ${toMs - fromMs} ms`);
    }
  }
  const atOnce = Math.max(0, ...arrivals.map((arrival) => arrival.atOnce));
  assert.ok(atOnce <= Math.max(1, concurrentMax / 2), `${protocol}: ${atOnce} at once`);
}

/** A node in mode checkpoint that knows these peers alone; gone when the test ends. */
function syncingNode(t: TestContext, forge: ChainForge, peers: readonly ServingPeer[]): SyncingNode {
  const folder = mkdtempSync(join(tmpdir(), "alys-share-"));
  const specification = join(folder, "chain.json");
  const proofs = join(folder, "proofs.json");
  writeFileSync(specification, encodeChainSpecification(forge.parameters));
  writeFileSync(proofs, encodePossessionFile(forge.secretKeys, forge.genesis.hash));
  const configure = (dataDirectory: string): string =>
    stringify({
      storage: { data_directory: dataDirectory },
      chain: { specification_file: specification, proofs_file: proofs },
      network: {
        listen_addresses: ["/ip4/127.0.0.1/tcp/0"],
        bootstrap_peers: peers.map(({ address }) => address),
        private_network: true,
        discovery: { kademlia: false, mdns: false },
      },
      sync: { mode: "checkpoint" },
      control: { listen_address: "127.0.0.1:0" },
      telemetry: { log_file: join(dataDirectory, "alysd.log") },
    });
  const node = new SyncingNode(join(folder, "node"), "node", configure);
  t.after(async () => {
    await node.end();
    rmSync(folder, { recursive: true, force: true });
  });
  return node;
}
