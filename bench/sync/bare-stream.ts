/**
 * The transport alone: two processes with nothing but a host each, one streams blocks that lie ready in memory, in the
 * chunks and sizes of the real protocol, the other one reads and forgets them, two requests in flight. What a synchronisation
 * between two processes of this machine cannot be faster than. Takes a role as JSON in its arguments.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ANSWER_BLOCK_BYTES_MAX, CHUNK_BLOCK_BYTES } from "../../src/actors/network/config.ts";
import { decodeRangeRequest, encodeBlocks, encodeRangeRequest } from "../../src/actors/network/ranges.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { loadOrCreateIdentity } from "../../src/p2p/identity.ts";
import { Libp2pHost } from "../../src/p2p/libp2p/host.ts";
import type { HostOptions } from "../../src/p2p/port.ts";
import { CHUNK_BYTES_MAX, RESPONSE_BYTES_MAX, RESPONSE_CHUNKS_MAX } from "../../src/p2p/protocols.ts";
import { BlockFile } from "../validate/block-file.ts";

export interface BareServerRole {
  readonly role: "server";
  /** Blocks to serve. */
  readonly file: string;
  readonly blocks: number;
}

export interface BareClientRole {
  readonly role: "client";
  readonly address: string;
  readonly blocks: number;
  readonly batchBlocks: number;
}

const GENESIS = new Uint8Array(32).fill(1);
const DEADLINE_MS = 30_000;
/** As many of the first requests warm up as make this share of the blocks. */
const WARM_UP = 0.1;

const role = JSON.parse(process.argv[2] ?? "") as BareServerRole | BareClientRole;
const folder = await mkdtemp(join(tmpdir(), "alys-bench-bare-"));
const identity = await loadOrCreateIdentity(join(folder, "identity.key"), realRandom);
await rm(folder, { recursive: true });
const gate = { allows: () => true };
const host = new Libp2pHost({ identity, gate, clock: realClock, random: realRandom, log: silentLog });
if (role.role === "server") await serve(role);
else await read(role);

function optionsFor(listenAddresses: string[]): HostOptions {
  return {
    genesisHash: GENESIS,
    listenAddresses,
    bootstrapAddresses: [],
    transports: { tcp: true, quic: true },
    encryption: ["tls"],
    mdns: false,
    kadDht: false,
    privateNetwork: true,
    connectionsMax: 8,
    topics: [],
    protocols: ["blocks-by-range"],
  };
}

async function serve({ file, blocks }: BareServerRole): Promise<void> {
  const source = await BlockFile.open(file, true);
  const all = await source.take(blocks);
  await source.close();
  host.subscribe((event) => {
    if (event.type !== "request") return;
    const range = decodeRangeRequest(event.payload);
    if (range === undefined) throw new Error("a malformed request");
    host.respond(event.handle, chunks(all, range.startHeight - 1, range.count));
  });
  await host.open(optionsFor(["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"]));
  process.stdout.write(`${JSON.stringify([...host.addresses()])}\n`);
  // Until whoever started us closes our standard input.
  process.stdin.resume();
  process.stdin.once("end", () => process.exit(0));
}

function* chunks(all: readonly Uint8Array[], start: number, count: number): Generator<Uint8Array> {
  let budget = ANSWER_BLOCK_BYTES_MAX;
  for (let at = start; at < Math.min(all.length, start + count); ) {
    const blocks: Uint8Array[] = [];
    for (let bytes = 0; at < Math.min(all.length, start + count); at++) {
      const block = all[at] as Uint8Array;
      if (bytes + block.length > Math.min(CHUNK_BLOCK_BYTES, budget)) break;
      bytes += block.length;
      blocks.push(block);
    }
    if (blocks.length === 0) return;
    budget -= blocks.reduce((sum, block) => sum + block.length, 0);
    yield encodeBlocks(blocks);
  }
}

async function read({ address, blocks, batchBlocks }: BareClientRole): Promise<void> {
  await host.open(optionsFor([]));
  const { peerId } = await host.dial(undefined, [address], { deadlineMs: DEADLINE_MS });
  await readAll(peerId, Math.ceil(blocks * WARM_UP), batchBlocks);
  const startMs = performance.now();
  await readAll(peerId, blocks, batchBlocks);
  process.stdout.write(JSON.stringify((1000 * blocks) / (performance.now() - startMs)));
  await host.close();
  process.exit(0);
}

/** Two readers that take the next range each; an answer that is short for its size is asked for again from there. */
async function readAll(peerId: string, blocks: number, batchBlocks: number): Promise<void> {
  let next = 1;
  const reader = async (): Promise<void> => {
    while (next <= blocks) {
      let first = next;
      const end = Math.min(blocks + 1, first + batchBlocks);
      next = end;
      while (first < end) {
        const answer = await host.request(
          peerId,
          "blocks-by-range",
          encodeRangeRequest({ startHeight: first, count: end - first }),
          {
            firstByteDeadlineMs: DEADLINE_MS,
            deadlineMs: DEADLINE_MS,
            responseBytesMax: RESPONSE_BYTES_MAX,
            chunkBytesMax: CHUNK_BYTES_MAX,
            chunksMax: RESPONSE_CHUNKS_MAX,
          },
        );
        first += answer.reduce((sum, chunk) => sum + countOf(chunk), 0);
      }
    }
  };
  await Promise.all([reader(), reader()]);
}

/** Blocks of a chunk, by their length prefixes alone: nothing is decoded here. */
function countOf(chunk: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < chunk.length; count++) {
    at++;
    let length = 0;
    let shift = 0;
    for (;;) {
      const byte = chunk[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
      shift += 7;
    }
    at += length;
  }
  return count;
}
