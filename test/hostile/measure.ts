/** What an attack did to a running network: blocks that the witness missed or got late, memory, lag, blame. */

import { spawn } from "node:child_process";
import { execPath } from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { SupervisorService } from "../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { loadChain } from "../../src/chain/chain-file.ts";
import { RUNTIME_FLAGS } from "../../src/cli/localnet/processes.ts";
import { type Arena, type ArenaNode, anonymousMb, bansOf, followBlocks, reputationsOf } from "./arena.ts";
import { pause } from "./attack.ts";
import { HostilePeer } from "./peer.ts";

const ATTACKER = fileURLToPath(new URL("./attacker-child.ts", import.meta.url));

const LOOK_MS = 250;

const NEWCOMER_EVERY_MS = 2_000;

/** A block that comes later than this was not relayed but fetched: it counts as missed. */
const LATE_MS = 4_000;

export interface Figures {
  readonly blocks: number;
  readonly blocksMissed: number;
  readonly delayP99Ms: number;
  readonly rssAnonGrowthMb: number;
  readonly loopLagP99Ms: number;
  /** The latest that a timer of the target ran: no turn of its event loop was longer, whoever it was for. */
  readonly loopLagMaxMs: number;
  /** When the attacker was first cut, penalised or banned, counted from its first connection; undefined: never. */
  readonly cutMs: number | undefined;
  /** The lowest reputation that target, members and witness gave to each other. */
  readonly honestReputationMin: number;
  /** What the slowest newcomer took from its dial to the answer to its greeting; undefined when none came. */
  readonly newcomerMs: number | undefined;
  readonly counts: Readonly<Record<string, number>>;
}

/** Watches the network for so long, while the named attack runs against the target, if one is named. */
export async function measure(
  arena: Arena,
  seconds: number,
  attackName?: string,
  hasNewcomers = false,
): Promise<Figures> {
  const { target, witness, members } = arena;
  const following = new AbortController();
  const produced = new Map<number, number>();
  const arrived = new Map<number, number>();
  const readers = [
    followBlocks(members[0]!, following.signal, (height, timestampMs) => produced.set(height, timestampMs)),
    followBlocks(witness, following.signal, (height) => arrived.set(height, Date.now())),
  ];
  const memoryBefore = anonymousMb(target);
  const bansBefore = await bansOf(target);
  const startMs = Date.now();
  const attacker = attackName === undefined ? undefined : startAttacker(arena, attackName, seconds);
  const endMs = startMs + seconds * 1000;
  const newcomers = hasNewcomers ? comeAnew(arena, endMs) : undefined;
  const seen = {
    memory: memoryBefore,
    lagP99Ms: 0,
    lagMaxMs: 0,
    reputation: 0,
    blamedMs: undefined as number | undefined,
  };
  const known = new Set([target, witness, ...members].map(({ plan }) => plan.peerId));
  for (let look = 0; Date.now() < endMs; look++) {
    await pause(LOOK_MS);
    seen.memory = Math.max(seen.memory, anonymousMb(target));
    const reputations = await withinTime(reputationsOf(target));
    for (const [peerId, reputation] of reputations ?? []) {
      if (known.has(peerId)) seen.reputation = Math.min(seen.reputation, reputation);
      else if (reputation < 0) seen.blamedMs ??= Date.now() - startMs;
    }
    const bans = await withinTime(bansOf(target));
    if (bans !== undefined && bans > bansBefore) seen.blamedMs ??= Date.now() - startMs;
    if (look % 8 !== 7) continue;
    const lag = await lagOf(target);
    seen.lagP99Ms = Math.max(seen.lagP99Ms, lag.p99Ms);
    seen.lagMaxMs = Math.max(seen.lagMaxMs, lag.maxMs);
  }
  const newcomerMs = await newcomers;
  const outcome = await attacker;
  // What was on its way at the end still counts.
  await pause(LATE_MS);
  for (const node of [witness, ...members]) {
    const reputations = await reputationsOf(node);
    for (const id of known) seen.reputation = Math.min(seen.reputation, reputations.get(id) ?? 0);
  }
  seen.memory = Math.max(seen.memory, anonymousMb(target));
  following.abort();
  await Promise.all(readers);
  const cuts = [outcome?.cutMs, seen.blamedMs].filter((ms) => ms !== undefined);
  return {
    ...delaysOf(produced, arrived, startMs, endMs),
    rssAnonGrowthMb: seen.memory - memoryBefore,
    loopLagP99Ms: seen.lagP99Ms,
    loopLagMaxMs: seen.lagMaxMs,
    cutMs: cuts.length === 0 ? undefined : Math.min(...cuts),
    honestReputationMin: seen.reputation,
    newcomerMs,
    counts: outcome?.counts ?? {},
  };
}

/** Connects and greets as one honest newcomer after the other until the time is over. */
async function comeAnew({ network, target }: Arena, endMs: number): Promise<number> {
  const chain = loadChain(network.plan.specificationFile, { proofs: network.plan.proofsFile });
  if (chain instanceof Error) throw chain;
  let slowestMs = 0;
  // The attack is under way by then, and the last newcomer still meets it.
  for (
    await pause(NEWCOMER_EVERY_MS);
    Date.now() + NEWCOMER_EVERY_MS < endMs;
    await pause(NEWCOMER_EVERY_MS)
  ) {
    const peer = await HostilePeer.create({ address: target.plan.address, chain });
    const startMs = performance.now();
    const isIn = await peer.greet().then(
      ({ status }) => status === "open",
      () => false,
    );
    slowestMs = Math.max(slowestMs, isIn ? performance.now() - startMs : Number.POSITIVE_INFINITY);
    await peer.stop();
  }
  return slowestMs;
}

function delaysOf(
  produced: ReadonlyMap<number, number>,
  arrived: ReadonlyMap<number, number>,
  startMs: number,
  endMs: number,
): Pick<Figures, "blocks" | "blocksMissed" | "delayP99Ms"> {
  const delays: number[] = [];
  let blocks = 0;
  for (const [height, timestampMs] of produced) {
    if (timestampMs < startMs || timestampMs >= endMs) continue;
    blocks += 1;
    const delayMs = (arrived.get(height) ?? Number.POSITIVE_INFINITY) - timestampMs;
    if (delayMs <= LATE_MS) delays.push(delayMs);
  }
  delays.sort((left, right) => left - right);
  const p99 = delays[Math.ceil(delays.length * 0.99) - 1] ?? 0;
  return { blocks, blocksMissed: blocks - delays.length, delayP99Ms: p99 };
}

async function lagOf(node: ArenaNode): Promise<{ readonly p99Ms: number; readonly maxMs: number }> {
  const answer = await withinTime(node.connection.client(SupervisorService).getTree({}));
  return answer?.root?.eventLoopLag ?? { p99Ms: LATE_MS, maxMs: LATE_MS };
}

/** undefined when the node does not answer at the moment. */
async function withinTime<T>(call: Promise<T>): Promise<T | undefined> {
  return await call.catch(() => undefined);
}

async function startAttacker(
  { network, target }: Arena,
  name: string,
  seconds: number,
): Promise<{ readonly cutMs?: number; readonly counts?: Record<string, number> }> {
  const { specificationFile, proofsFile } = network.plan;
  const args = [ATTACKER, name, target.plan.address, specificationFile, proofsFile, String(seconds)];
  const child = spawn(execPath, [...RUNTIME_FLAGS, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const overdue = setTimeout(() => child.kill("SIGKILL"), seconds * 1000 + 10_000);
  const told: Record<string, unknown> = {};
  for await (const line of createInterface({ input: child.stdout })) Object.assign(told, JSON.parse(line));
  clearTimeout(overdue);
  return told;
}
