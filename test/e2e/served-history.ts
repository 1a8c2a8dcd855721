/**
 * A forged history that one real alysd serves, and a second one that synchronises it, for tests that kill the second on the
 * way. All in a folder of their own, where the processes' temporary files go too, so that what is left behind is seen.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { stringify } from "smol-toml";
import type { BenchNode } from "../../bench/sync/bench-node.ts";
import { forgeServed, type ServedChain } from "../../bench/sync/served-chain.ts";
import { PeerService } from "../../gen/alys/peer/v1/peer_pb.ts";
import { SyncService, type SyncStatus } from "../../gen/alys/sync/v1/sync_pb.ts";
import type { ScheduledChange } from "../../src/chain/forge.ts";
import { HEADER_LENGTH } from "../../src/chain/header.ts";
import { type Connection, connect } from "../../src/cli/client.ts";
import { type NodeFacts, NodeProcess } from "../../src/cli/localnet/processes.ts";
import { Failure } from "../../src/kernel/errors.ts";

/** The end of each segment is signed, and what lies near the head: forging takes a fraction of the time. */
const SIGN_EVERY = 64;
const READY_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 10_000;
const READ_DEADLINE_MS = 120_000;

export interface ServedHistory {
  readonly blocks: number;
  /** Absolute; everything lies in it. */
  readonly folder: string;
  readonly server: BenchNode;
  node(name: string, settings?: object): SyncingNode;
}

/** Forges and serves; gone, process and folder, when the test ends. */
export async function serveHistory(
  t: TestContext,
  blocks: number,
  authorityChanges: readonly ScheduledChange[] = [],
): Promise<ServedHistory> {
  const folder = mkdtempSync(join(tmpdir(), "alys-history-"));
  const temporary = join(folder, "tmp");
  mkdirSync(temporary);
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = temporary;
  let server: BenchNode | undefined;
  const nodes: SyncingNode[] = [];
  t.after(async () => {
    for (const node of nodes) await node.end();
    await server?.process.stop(STOP_DEADLINE_MS);
    const left = readdirSync(temporary);
    rmSync(folder, { recursive: true, force: true });
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    assert.deepEqual(left, [], "a process left temporary files behind");
  });
  const chain = await forgeServed(join(folder, "served"), {
    blocks,
    signEvery: SIGN_EVERY,
    authorityChanges,
  });
  server = await chain.serve("server");
  const { facts } = server;
  return {
    blocks,
    folder,
    server,
    node: (name, settings = {}) => {
      const node = new SyncingNode(join(folder, name), name, configuration(chain, facts, settings));
      nodes.push(node);
      return node;
    },
  };
}

function configuration(chain: ServedChain, server: NodeFacts, settings: object): (folder: string) => string {
  const address = server.listenAddresses.find((each) => each.includes("/tcp/"));
  assert.ok(address !== undefined, "the server listens on TCP");
  return (folder) =>
    stringify({
      storage: { data_directory: folder },
      chain: { specification_file: chain.specificationFile, proofs_file: chain.proofsFile },
      network: {
        listen_addresses: ["/ip4/127.0.0.1/tcp/0"],
        bootstrap_peers: [address],
        private_network: true,
        discovery: { kademlia: false },
      },
      sync: { mode: "fast" },
      control: { listen_address: "127.0.0.1:0" },
      telemetry: { log_file: join(folder, "alysd.log") },
      ...settings,
    });
}

/** A node with a data directory that outlives its processes, of which there is one at a time. */
export class SyncingNode {
  readonly folder: string;
  readonly #name: string;
  #process: NodeProcess | undefined;
  #connection: Connection | undefined;
  #facts: NodeFacts | undefined;

  constructor(folder: string, name: string, configure: (folder: string) => string) {
    this.folder = folder;
    this.#name = name;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, "alysd.toml"), configure(folder));
  }

  get connection(): Connection {
    assert.ok(this.#connection !== undefined, "the node serves");
    return this.#connection;
  }

  /** unix:PATH. */
  get socketAddress(): string {
    assert.ok(this.#facts !== undefined, "the node serves");
    return `unix:${this.#facts.unixSocket}`;
  }

  get process(): NodeProcess {
    assert.ok(this.#process !== undefined, "the node was started");
    return this.#process;
  }

  /** Starts a process and does not wait for it. */
  spawn(): void {
    const { folder } = this;
    const files = { configFile: join(folder, "alysd.toml"), logFile: join(folder, "alysd.log") };
    this.#process = NodeProcess.start({ name: this.#name, folder, ...files });
  }

  /** Resolves when the process that was started serves. */
  async ready(): Promise<void> {
    this.#facts = await this.process.ready(READY_DEADLINE_MS);
    this.#connection = connect(`unix:${this.#facts.unixSocket}`);
  }

  async start(): Promise<void> {
    this.spawn();
    await this.ready();
  }

  async kill(): Promise<void> {
    await this.process.kill();
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Ends by SIGTERM, as a service manager does. Milliseconds until it was gone, and how. */
  async terminate(): Promise<{ readonly tookMs: number; readonly status: number | null }> {
    const beganMs = performance.now();
    process.kill(this.process.pid, "SIGTERM");
    const { status } = await this.process.ended;
    this.#connection?.close();
    this.#connection = undefined;
    return { tookMs: performance.now() - beganMs, status };
  }

  /** However it is, nothing of it is left. */
  async end(): Promise<void> {
    this.#connection?.close();
    this.#connection = undefined;
    await this.#process?.kill();
  }

  /** undefined when the node does not answer. */
  async status(): Promise<SyncStatus | undefined> {
    try {
      return (await this.connection.client(SyncService).getSyncStatus({}, { deadlineMs: 5_000 })).status;
    } catch (error) {
      if (error instanceof Failure) return undefined;
      throw error;
    }
  }

  /** The first height from `height` on that is told as imported, and so is durable; the head when it is there already. */
  async importedFrom(height: number, deadlineMs: number): Promise<number> {
    const sync = this.connection.client(SyncService);
    for await (const { event } of sync.watchBlocks({}, { deadlineMs })) {
      const told = event.case === "snapshot" ? event.value.head?.height : undefined;
      const reached = event.case === "imported" ? event.value.height : (told ?? 0n);
      if (reached >= BigInt(height)) return Number(reached);
    }
    throw new Error(`the node ended before height ${height}`);
  }

  /** Peers that it holds something against: banned, or below a neutral reputation. */
  async blamed(): Promise<string[]> {
    const peers = this.connection.client(PeerService);
    const { bans } = await peers.listBans({});
    return [
      ...bans.map(({ peerId, reason }) => `${peerId} is banned: ${reason}`),
      ...this.lines("peer offended").map((line) => JSON.stringify(line)),
    ];
  }

  /** Lines of its log with this message, of all its processes. A line that a kill cut short is none. */
  lines(message: string): Record<string, unknown>[] {
    return readFileSync(join(this.folder, "alysd.log"), "utf8")
      .split("\n")
      .filter((line) => line.includes(`"${message}"`))
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as Record<string, unknown>];
        } catch {
          return [];
        }
      })
      .filter(({ msg }) => msg === message);
  }
}

/** What two nodes that hold the same chain have in common. */
export interface ChainState {
  readonly height: number;
  readonly head: string;
  readonly finalHeight: number;
  readonly final: string;
  /** Root over the hashes of all blocks before the head, as its header says. */
  readonly historyRoot: string;
  readonly stateRoot: string;
  /** SHA-256 over every canonical block's height and bytes, as the node serves them. */
  readonly blocks: string;
  readonly count: number;
}

/** Offsets of the roots in a header. */
const STATE_ROOT = 56;
const HISTORY_ROOT = 152;

/** Reads the whole chain of a node. */
export async function chainStateOf(connection: Connection): Promise<ChainState> {
  const sync = connection.client(SyncService);
  const { status } = await sync.getSyncStatus({});
  const hash = createHash("sha256");
  let count = 0;
  let last: Uint8Array = new Uint8Array(HEADER_LENGTH);
  for await (const { blocks } of sync.streamBlocks({ startHeight: 1n }, { deadlineMs: READ_DEADLINE_MS })) {
    for (const block of blocks) {
      count += 1;
      hash.update(`${count} ${block.length}:`).update(block);
      last = block;
    }
  }
  const root = (at: number): string => hex(last.subarray(at, at + 32));
  return {
    height: Number(status?.head?.height ?? 0n),
    head: hex(status?.head?.hash),
    finalHeight: Number(status?.final?.height ?? 0n),
    final: hex(status?.final?.hash),
    historyRoot: root(HISTORY_ROOT),
    stateRoot: root(STATE_ROOT),
    blocks: hash.digest("hex"),
    count,
  };
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("hex");
}
