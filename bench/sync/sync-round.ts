/**
 * One round of the sync benchmark: a fresh node connects to the servers, is told to synchronise, and is timed from that
 * word to the moment at which it tells that the last block is durable.
 */

import { rm } from "node:fs/promises";
import { ConnectionState, PeerService } from "../../gen/alys/peer/v1/peer_pb.ts";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { type Connection, connect } from "../../src/cli/client.ts";
import { pause } from "../../src/cli/localnet/processes.ts";
import { type BenchNode, processorMs, startBenchNode, type Transport, watchMemory } from "./bench-node.ts";
import type { ServedChain } from "./served-chain.ts";

export interface RoundFigures {
  readonly blocks_per_second: number;
  /** Processor time of all processes together, a block. */
  readonly cpu_us_per_block: number;
  /** Of the process that had most. */
  readonly rss_anon_peak_mb: number;
}

export interface RoundParts {
  readonly chain: ServedChain;
  readonly servers: readonly BenchNode[];
  /** The fresh node's; it is removed at the end. */
  readonly folder: string;
  readonly transport: Transport;
}

/** Every wait of a round: longer is a failure of what is measured. */
const DEADLINE_MS = 180_000;
const STOP_DEADLINE_MS = 5_000;
const POLL_MS = 20;

export async function syncRound({ chain, servers, folder, transport }: RoundParts): Promise<RoundFigures> {
  const { specificationFile, proofsFile } = chain;
  const fresh = await startBenchNode({
    folder,
    name: "fresh",
    specificationFile,
    proofsFile,
    transports: [transport],
    bootstrap: servers.map((server) => addressOf(server, transport)),
  });
  const connection = connect(`unix:${fresh.facts.unixSocket}`);
  const pids = [...servers.map(({ process }) => process.pid), fresh.process.pid];
  const memory = watchMemory(pids);
  try {
    for (const server of servers) await awaitPeer(connection, server, transport);
    const processorBeforeMs = processorMs(pids);
    const elapsedMs = await timeSync(connection, chain.blocks);
    return {
      blocks_per_second: (1000 * chain.blocks) / elapsedMs,
      cpu_us_per_block: (1000 * (processorMs(pids) - processorBeforeMs)) / chain.blocks,
      rss_anon_peak_mb: memory.stop(),
    };
  } catch (error) {
    const log = fresh.process.logTail();
    throw new Error(`the round failed; the fresh node's log ends so:\n${log}`, { cause: error });
  } finally {
    memory.stop();
    connection.close();
    await fresh.process.stop(STOP_DEADLINE_MS);
    await rm(folder, { recursive: true, force: true });
  }
}

function addressOf(server: BenchNode, transport: Transport): string {
  const part = transport === "tcp" ? "/tcp/" : "/quic-v1";
  const address = server.facts.listenAddresses.find((each) => each.includes(part));
  if (address === undefined) throw new Error(`a server does not listen on ${transport}`);
  return address;
}

/** Until the handshake with the server is done, and over the transport that is measured. */
async function awaitPeer(connection: Connection, server: BenchNode, transport: Transport): Promise<void> {
  const peers = connection.client(PeerService);
  for (const endMs = performance.now() + DEADLINE_MS; performance.now() < endMs; await pause(POLL_MS)) {
    const { peers: connected } = await peers.getConnectedPeers({});
    const peer = connected.find(({ peerId }) => peerId === server.facts.peerId);
    if (peer?.connectionState !== ConnectionState.CONNECTED) continue;
    if (peer.transport !== transport) throw new Error(`connected over ${peer.transport}, not ${transport}`);
    return;
  }
  throw new Error("the fresh node did not connect to the server");
}

/** Milliseconds from StartSync to the message that the block at `height` is imported, which it is when durable. */
async function timeSync(connection: Connection, height: number): Promise<number> {
  const sync = connection.client(SyncService);
  const blocks = sync.watchBlocks({}, { deadlineMs: DEADLINE_MS });
  let startMs: number | undefined;
  for await (const { event } of blocks) {
    if (event.case === "snapshot") {
      startMs = performance.now();
      await sync.startSync({});
    }
    const reached = event.case === "imported" ? Number(event.value.height) : 0;
    if (startMs !== undefined && reached >= height) return performance.now() - startMs;
  }
  throw new Error(`the fresh node ended before height ${height}`);
}
