/**
 * Peers of other makes against a running alysd: `npm run test:interop`. A peer on stock rust-libp2p and one on go-libp2p each join
 * a local network, over TCP with TLS and over QUIC: identify, ping, the status handshake, a range of blocks, a live block by
 * gossip. A peer whose toolchain is absent says what is missing and is skipped. Then the lines of clients/README.md
 * run as they stand (documented.ts), then the example clients have their turn (scripts/interop.ts, which gets the arguments).
 * `--only peers` runs the peers alone, `--only documented` those lines.
 */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { NetworkService } from "../../gen/alys/network/v1/network_pb.ts";
import {
  BlocksByRangeRequestSchema,
  BlocksByRangeResponseSchema,
  GossipBlockSchema,
  StatusSchema,
} from "../../gen/alys/wire/v1/wire_pb.ts";
import { splitBlock } from "../../src/chain/block.ts";
import { decodeHeader } from "../../src/chain/header.ts";
import { genesisOf, parseChainSpecification } from "../../src/chain/spec.ts";
import { connect } from "../../src/cli/client.ts";
import { LocalNetwork } from "../../src/cli/localnet/network.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { identityFromSeed } from "../../src/p2p/identity.ts";
import { Libp2pHost } from "../../src/p2p/libp2p/host.ts";
import { chainTag, protocolId, topicId } from "../../src/p2p/protocols.ts";
import { runDocumented } from "./documented.ts";

/** Building from nothing, with downloads, on a busy machine. */
const BUILD_MS_MAX = 1_800_000;
const RANGE = { start: 1, count: 16 };
const HISTORY_BLOCKS = 64;

interface Make {
  readonly name: string;
  readonly toolchain: string;
  readonly asked: readonly string[];
  /** It can look for peers by multicast. */
  readonly hasMulticast: boolean;
  readonly build: (folder: string) => { readonly command: readonly string[]; readonly binary: string };
}

const MAKES: readonly Make[] = [
  {
    name: "rust-libp2p",
    toolchain: "cargo",
    asked: ["--version"],
    hasMulticast: false,
    build: (folder) => {
      const target = process.env["CARGO_TARGET_DIR"] ?? join(folder, "target");
      return {
        command: ["cargo", "build", "--locked", "--target-dir", target],
        binary: join(target, "debug/interop-peer"),
      };
    },
  },
  {
    name: "go-libp2p",
    toolchain: "go",
    asked: ["version"],
    hasMulticast: true,
    build: (folder) => ({
      command: ["go", "build", "-mod=readonly", "-o", join(folder, "go-peer"), "."],
      binary: join(folder, "go-peer"),
    }),
  },
];

interface Target {
  readonly addresses: Readonly<Record<"tcp" | "quic", string>>;
  readonly controlAddress: string;
  readonly genesisHash: Uint8Array;
  readonly genesisHeader: Uint8Array;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** What a peer is told: names, and bytes in hex. It is a fresh peer that stands at the genesis. */
function wordsFor(target: Target, transport: "tcp" | "quic"): string[] {
  const { genesisHash, genesisHeader } = target;
  const status = create(StatusSchema, {
    versions: [1],
    genesisHash,
    headHeader: genesisHeader,
    finalHash: genesisHash,
  });
  const range = create(BlocksByRangeRequestSchema, {
    startHeight: BigInt(RANGE.start),
    count: RANGE.count,
  });
  return [
    ...["--address", target.addresses[transport]],
    ...["--status-protocol", protocolId(genesisHash, "status")],
    ...["--range-protocol", protocolId(genesisHash, "blocks-by-range")],
    ...["--topic", topicId(genesisHash, "blocks")],
    ...["--status", hex(toBinary(StatusSchema, status))],
    ...["--range", hex(toBinary(BlocksByRangeRequestSchema, range))],
  ];
}

/** Runs a peer to its end; what it printed, line by line. */
async function runPeer(binary: string, words: readonly string[]): Promise<string[]> {
  const child = spawn(binary, words, { stdio: ["ignore", "pipe", "pipe"] });
  let [said, complained] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complained += text;
  });
  const code = await new Promise<number | null>((settle, fail) => {
    child.once("close", settle);
    child.once("error", fail);
  });
  if (code !== 0) {
    const seen = said.replaceAll(/[0-9a-f]{64,}/g, "…");
    throw new Error(`it ended with ${code}: ${complained.slice(-2_000)}; it had said: ${seen}`);
  }
  return said.trim().split("\n");
}

const wordAfter = (lines: readonly string[], head: string): string[] =>
  lines.filter((line) => line.startsWith(`${head} `)).map((line) => line.slice(head.length + 1));

function check(lines: readonly string[], target: Target): string {
  assert.match(wordAfter(lines, "identified")[0] ?? "", /^alysd/, "identify names our agent");
  const pingUs = Number(wordAfter(lines, "ping")[0]);
  assert.ok(pingUs > 0, "ping is answered");
  const status = fromBinary(StatusSchema, Buffer.from(wordAfter(lines, "status")[0] ?? "", "hex"));
  assert.equal(hex(status.genesisHash), hex(target.genesisHash), "the status is of this chain");
  const blocks = wordAfter(lines, "chunk").flatMap(
    (chunk) => fromBinary(BlocksByRangeResponseSchema, Buffer.from(chunk, "hex")).blocks,
  );
  const heights = blocks.map((block) => decodeHeader(splitBlock(block).header).height);
  const wanted = Array.from({ length: RANGE.count }, (_, index) => RANGE.start + index);
  assert.deepEqual(heights, wanted, "the whole range is served");
  const { block } = fromBinary(GossipBlockSchema, Buffer.from(wordAfter(lines, "gossip")[0] ?? "", "hex"));
  const { height } = decodeHeader(splitBlock(block).header);
  assert.ok(height > HISTORY_BLOCKS, "a live block comes by gossip");
  return `identify, ping ${pingUs} µs, status, ${blocks.length} blocks, block ${height} by gossip`;
}

/** Runs one over one transport. The node has nothing to hold against it. */
async function tryPeer(binary: string, target: Target, transport: "tcp" | "quic"): Promise<string> {
  const seen = check(await runPeer(binary, wordsFor(target, transport)), target);
  const connection = connect(target.controlAddress);
  try {
    const { status } = await connection.client(NetworkService).getNetworkStatus({});
    assert.ok(
      status?.topics.every(({ rejected }) => rejected === 0n),
      "nothing of it is rejected",
    );
  } finally {
    connection.close();
  }
  return seen;
}

async function startTarget(): Promise<{ readonly network: LocalNetwork; readonly target: Target }> {
  const network = await LocalNetwork.prepare({
    members: 1,
    blocks: HISTORY_BLOCKS,
    seed: realRandom.integer(1_000_000),
    dataDirectory: undefined,
    isKept: false,
    ports: "any",
    clock: realClock,
    random: realRandom,
  });
  await network.startMembers();
  const { specificationFile } = network.plan;
  const [member] = network.members;
  const parameters = parseChainSpecification(readFileSync(specificationFile, "utf8"));
  if (parameters instanceof Failure || member === undefined) throw new Error("the network is not as planned");
  const genesis = genesisOf(parameters);
  const { address, ports, peerId, controlAddress } = member;
  return {
    network,
    target: {
      addresses: { tcp: address, quic: `/ip4/127.0.0.1/udp/${ports.p2p}/quic-v1/p2p/${peerId}` },
      controlAddress,
      genesisHash: genesis.hash,
      genesisHeader: genesis.header,
    },
  };
}

/** A host of ours that answers multicast queries is found by go-libp2p's resolver, with an address. */
async function tryMulticast(binary: string, genesisHash: Uint8Array): Promise<string> {
  const host = new Libp2pHost({
    identity: identityFromSeed(realRandom.bytes(32)),
    gate: { allows: () => true },
    clock: realClock,
    random: realRandom,
    log: silentLog,
  });
  await host.open({
    genesisHash,
    listenAddresses: ["/ip4/0.0.0.0/tcp/0"],
    bootstrapAddresses: [],
    transports: { tcp: true, quic: false },
    encryption: ["tls"],
    mdns: true,
    kadDht: false,
    privateNetwork: true,
    connectionsMax: 8,
    topics: [],
    protocols: [],
  });
  try {
    const found = wordAfter(
      await runPeer(binary, ["--mdns", `_alys-${chainTag(genesisHash)}._udp`]),
      "found",
    );
    assert.ok(found[0]?.startsWith(host.peerId), `found ${found}`);
    assert.match(found[0] ?? "", /\/tcp\//, "with an address");
    return "found by multicast";
  } finally {
    await host.close();
  }
}

/** Builds one make and runs it every way; how many of them failed. */
async function tryMake(make: Make, folder: string, target: Target): Promise<number> {
  const { name, toolchain, asked, build } = make;
  if (spawnSync(toolchain, asked).error !== undefined) {
    console.log(`- ${name}: skipped: ${toolchain} is not installed`);
    return 0;
  }
  const { command, binary } = build(folder);
  const [program = "", ...args] = command;
  const cwd = join(import.meta.dirname, name.split("-")[0] ?? "");
  const built = spawnSync(program, args, { cwd, encoding: "utf8", timeout: BUILD_MS_MAX });
  if (built.status !== 0) {
    console.error(`✗ ${name}: ${program} failed: ${built.error?.message ?? built.stderr.slice(-2_000)}`);
    return 1;
  }
  const ways: [string, () => Promise<string>][] = [
    ["tcp", () => tryPeer(binary, target, "tcp")],
    ["quic", () => tryPeer(binary, target, "quic")],
  ];
  if (make.hasMulticast) ways.push(["multicast", () => tryMulticast(binary, target.genesisHash)]);
  let failures = 0;
  for (const [way, attempt] of ways) {
    try {
      console.log(`✓ ${name} over ${way}: ${await attempt()}`);
    } catch (problem) {
      failures++;
      console.error(`✗ ${name} over ${way}: ${(problem as Error).message}`);
    }
  }
  return failures;
}

/** True when every peer whose toolchain is there has passed. */
async function runPeers(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "alys-interop-peers-"));
  const { network, target } = await startTarget();
  let failures = 0;
  try {
    for (const make of MAKES) failures += await tryMake(make, folder, target);
  } finally {
    await network.stop();
    await rm(folder, { recursive: true, force: true });
  }
  return failures === 0;
}

/** True when the documented lines of every client whose toolchain is there have passed. */
async function runLines(): Promise<boolean> {
  const { network, target } = await startTarget();
  try {
    const [{ tokenFile = "" } = {}] = network.members;
    return runDocumented({ address: target.controlAddress, tokenFile, height: RANGE.count }) === 0;
  } finally {
    await network.stop();
  }
}

const words = process.argv.slice(2);
const only = words[0] === "--only" && words.length === 2 ? words[1] : undefined;
const isWhole = !words.includes("--only");
const havePeersPassed = isWhole || only === "peers" ? await runPeers() : true;
const haveLinesPassed = isWhole || only === "documented" ? await runLines() : true;
const havePassed = havePeersPassed && haveLinesPassed;
if (only === "peers" || only === "documented") process.exit(havePassed ? 0 : 1);
const clients = spawnSync(process.execPath, [resolve("scripts/interop.ts"), ...words], { stdio: "inherit" });
process.exit(havePassed ? (clients.status ?? 1) : 1);
