/**
 * One machine of the simulated world and the process on it. The machine keeps what survives: disk, identity, key. The
 * process is the node: production actors, cells and supervisor composed as the real one, on the machine's ports. It can
 * be killed at any moment, stopped in order, and started again.
 */

import type { NodeConfig } from "../../gen/alys/config/v1/config_pb.ts";
import { BanTable } from "../../src/actors/peer/ban-table.ts";
import type { MemberDelegation } from "../../src/actors/peer/own-delegation.ts";
import { PeerStore } from "../../src/actors/peer/peer-store.ts";
import { type GuardMemory, stepGuard } from "../../src/actors/producer/signing-guard.ts";
import { syncConfig } from "../../src/actors/sync/config.ts";
import type { SecretKey } from "../../src/chain/bls.ts";
import { DOMAIN_BLOCK_APPROVAL, domain, signingRoot } from "../../src/chain/signing.ts";
import { decodeVoteRecord, encodeVoteRecord, type VoteRecord } from "../../src/chain/vote.ts";
import { parseSettings, type Settings } from "../../src/config/load.ts";
import { EmbeddedBridge } from "../../src/integrations/bridge/embedded.ts";
import { type EmbeddedChain, openEmbeddedChain } from "../../src/integrations/chain/embedded/embedded.ts";
import { EmbeddedEngine } from "../../src/integrations/engine/embedded.ts";
import { environment } from "../../src/kernel/actor/environment.ts";
import type { MessageSeals } from "../../src/kernel/actor/freeze.ts";
import { assert, Failure } from "../../src/kernel/errors.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { type Random, seededRandom } from "../../src/kernel/ports/random.ts";
import type { Simulation } from "../../src/kernel/ports/simulation.ts";
import { LiveSettings } from "../../src/kernel/settings.ts";
import type { Supervisor } from "../../src/kernel/supervision/supervisor.ts";
import {
  type ActorParts,
  composeActors,
  type NodeCells,
  superviseActors,
} from "../../src/node/actor-system.ts";
import { hostOptions, networkConfig, peerConfig, producerConfig } from "../../src/node/translate.ts";
import { REACH_ALL } from "../../src/p2p/dial-address.ts";
import { type Identity, identityFromSeed } from "../../src/p2p/identity.ts";
import type { MemoryHost } from "../../src/p2p/memory/host.ts";
import { MemoryDisk, openMemoryStop, openMemoryStore, openMemoryVotes } from "../../src/storage/memory.ts";
import type { BlockStore, StopStore, VoteStore } from "../../src/storage/port.ts";
import { AwayChain } from "./away-chain.ts";
import { memberDelegation } from "./delegations.ts";
import type { History } from "./history.ts";
import type { SimNetwork } from "./network.ts";
import type { Observation } from "./observation.ts";
import { ObservedHost } from "./observed-host.ts";
import { observedStore } from "./observed-store.ts";
import { DiskScheduler, type Life, ProcessClock, ProcessScheduler } from "./process-ports.ts";
import type { Scenario } from "./scenario.ts";
import { type Trace, TraceLog } from "./trace.ts";
import type { Withheld } from "./withheld.ts";
import { SharedValidator, signOnce } from "./world-validator.ts";

export interface MachineInit {
  readonly name: string;
  readonly index: number;
  /** Set for a member. */
  readonly key: SecretKey | undefined;
  readonly memberIndex: number | undefined;
}

/** Lanes a tenth as deep as in production, so that a flood would show. */
const LANES = {
  control: { messagesMax: 64, bytesMax: 1 << 20 },
  consensus: { messagesMax: 128, bytesMax: 4 << 20 },
  normal: { messagesMax: 512, bytesMax: 8 << 20 },
  bulk: { messagesMax: 128, bytesMax: 32 << 20 },
} as const;

/** The lanes together, and what the actor's own work (timers, outcomes of effects) may add. */
export const MAILBOX_MAX = 64 + 128 + 512 + 128 + 512;

/** Earlier vote records that a machine can be put back to. */
const RECORDS_MAX = 64;

export type NewObservation = Observation extends infer One
  ? One extends Observation
    ? Omit<One, "node">
    : never
  : never;

/** What a machine sees of the world that it stands in. */
export interface MachineWorld {
  readonly scenario: Scenario;
  readonly simulation: Simulation;
  readonly network: SimNetwork;
  readonly history: History;
  readonly trace: Trace;
  readonly withheld: Withheld;
  readonly seals: MessageSeals | undefined;
  readonly machines: readonly Machine[];
  readonly nowMs: number;
  observe(observation: Observation): void;
  count(what: string): void;
  fault(message: string): void;
  turnEnded(process: NodeProcess): void;
  escalated(machine: Machine, childId: string): void;
}

export class Machine {
  readonly name: string;
  readonly index: number;
  readonly key: SecretKey | undefined;
  readonly memberIndex: number | undefined;
  readonly identity: Identity;
  readonly world: MachineWorld;
  readonly random: Random;
  disk = new MemoryDisk();
  /** Votes lie in a file of their own, which no wiping of the chain touches. */
  readonly voteDisk = new MemoryDisk();
  process: NodeProcess | undefined;
  skewMs = 0;
  diskLatencyMs: number;
  starts = 0;
  /** Vote records of earlier moments, the oldest first. */
  readonly #records: Uint8Array[] = [];
  /** World time of the last fault that touched it or its links; checkers excuse what follows. */
  disturbedMs = Number.NEGATIVE_INFINITY;
  /** The one before that. */
  disturbedBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(world: MachineWorld, init: MachineInit) {
    this.world = world;
    this.name = init.name;
    this.index = init.index;
    this.key = init.key;
    this.memberIndex = init.memberIndex;
    this.random = seededRandom((world.scenario.seed * 64 + init.index) ^ 0x6d616368);
    this.identity = identityFromSeed(seededRandom(0x1d + init.index).bytes(32));
    this.diskLatencyMs = world.scenario.diskLatencyMs;
  }

  disturb(): void {
    this.disturbedBeforeMs = this.disturbedMs;
    this.disturbedMs = this.world.nowMs;
  }

  get peerId(): string {
    return this.identity.peerId;
  }

  get address(): string {
    return `/memory/${this.name}`;
  }

  tell(observation: NewObservation): void {
    this.world.observe({ ...observation, node: this.name } as Observation);
  }

  /** Starts the process. A disk that is damaged is wiped, as an operator would: the chain is fetched anew. */
  start(): void {
    assert(this.process === undefined, `${this.name} runs already`);
    this.starts += 1;
    const isEmpty = this.disk.genesisHash === undefined;
    const opened = NodeProcess.open(this);
    if (opened instanceof Failure) {
      this.world.trace.add(this.name, `does not start: ${opened.reason}`);
      assert(opened.code === "DATA_LOSS", `${this.name}: ${opened.message}`);
      this.world.count("tornDiskFound");
      this.disk = new MemoryDisk();
      const again = NodeProcess.open(this);
      assert(!(again instanceof Failure), "an empty disk opens");
      this.process = again;
    } else this.process = opened;
    this.tell({ type: "started", isFresh: isEmpty || opened instanceof Failure });
    this.process.run();
  }

  kill(how: "killed" | "escalated", isTorn: boolean): void {
    const { process } = this;
    if (process === undefined) return;
    this.process = undefined;
    process.die(isTorn);
    this.tell({ type: "ended", how });
  }

  /** Stops the process in order; resolves when nothing of it is left. */
  async stop(): Promise<void> {
    const { process } = this;
    if (process === undefined) return;
    await process.close();
    if (this.process !== process) return;
    this.process = undefined;
    this.tell({ type: "ended", how: "stopped" });
  }

  /** The chain is lost, as with a new disk; the process begins again without it. The votes lie elsewhere. */
  wipe(): void {
    this.kill("killed", false);
    this.disk = new MemoryDisk();
    this.start();
  }

  /** Its vote record is that of `back` votes before, as from a backup; none when it had not so many. */
  restoreVotes(back: number): void {
    const old = this.#records.at(-1 - back);
    if (old === undefined) this.voteDisk.votes.delete("votes");
    else this.voteDisk.votes.set("votes", old);
    this.tell({ type: "restored", slot: old === undefined ? 0 : decodeVoteRecord(old).slot });
  }

  /** It votes for a block that a long scenario has certified, as if it had been asked: on record, and known to its process. */
  vote(record: VoteRecord): void {
    const { key, process } = this;
    assert(key !== undefined, `${this.name} is a member`);
    const { genesisHash } = this.world.history.facts;
    this.votes.record(encodeVoteRecord(record, { publicKey: key.publicKey, genesisHash }));
    if (process?.guard.state === undefined) return;
    const [state] = stepGuard(process.guard.state, { kind: "signing", ...record });
    process.guard.state = state;
  }

  /** The note that its key is elsewhere, on the disk of its votes: as full as the other at each write. */
  get stopNote(): StopStore {
    const store = openMemoryStop(this.voteDisk);
    const current = (): StopStore => {
      this.voteDisk.isFull = this.disk.isFull;
      return store;
    };
    return { read: store.read, write: (bytes) => current().write(bytes), clear: () => current().clear() };
  }

  get votes(): VoteStore {
    const store = openMemoryVotes(this.voteDisk);
    return {
      ...store,
      record: (bytes) => {
        this.voteDisk.isFull = this.disk.isFull;
        store.record(bytes);
        this.#records.push(bytes.slice());
        if (this.#records.length > RECORDS_MAX) this.#records.shift();
        const { slot, height, hash } = decodeVoteRecord(bytes);
        // A record of height 0 is no vote: slots were given up, and those before it count as voted in.
        if (height > 0) this.tell({ type: "vote", slot, hash: Buffer.from(hash).toString("hex") });
      },
    };
  }
}

export class NodeProcess {
  readonly machine: Machine;
  readonly life: Life;
  readonly host: MemoryHost;
  readonly chain: EmbeddedChain;
  /** The same chain as the actors see it. */
  readonly away: AwayChain;
  readonly store: BlockStore;
  readonly bans: BanTable;
  readonly book: PeerStore;
  /** A member's own. */
  readonly delegation: MemberDelegation | undefined;
  readonly cells: NodeCells;
  readonly supervisor: Supervisor;
  /** What the process knows of its key. */
  readonly guard: GuardMemory = { state: undefined };
  #isClosing = false;

  private constructor(machine: Machine, life: Life, clock: ProcessClock, opened: Opened) {
    const { world } = machine;
    const { store, chain, log } = opened;
    this.machine = machine;
    this.life = life;
    this.store = store;
    this.chain = chain;
    this.away = new AwayChain(chain);
    chain.subscribe((event) => life.isAlive && machine.tell({ type: "chain", event }));
    this.bans = new BanTable(clock, store.table("bans"));
    this.host = new ObservedHost(
      { identity: machine.identity, gate: this.bans, network: world.network, log },
      {
        verdict: (digest, verdict) => life.isAlive && machine.tell({ type: "verdict", digest, verdict }),
        answer: (event) => world.withheld.answer(event, chain),
      },
    );
    const scheduler = new ProcessScheduler(world.simulation.scheduler, life, () => world.turnEnded(this));
    const { seals } = world;
    const bounds = { lanes: LANES, ...(seals === undefined ? {} : { seals }) };
    const run = environment({ clock, scheduler, random: machine.random, log, ...bounds });
    this.book = new PeerStore(store.table("peers"), settingsOf(machine).peer.knownPeersMax);
    this.delegation = machine.key && memberDelegation(machine, machine.key, clock);
    const parts = this.#actorParts(settingsOf(machine), clock.nowMs());
    this.cells = composeActors(parts, run);
    this.supervisor = superviseActors(this.cells, parts, run, (event) => {
      if (life.isAlive) machine.tell({ type: "supervision", event });
    });
  }

  static open(machine: Machine): NodeProcess | Failure {
    const { world } = machine;
    const { facts, genesis } = world.history;
    const life: Life = { isAlive: true };
    const clock = new ProcessClock(world.simulation.clock, life, () => machine.skewMs);
    const log = new TraceLog((record) => {
      if (life.isAlive) machine.tell({ type: "log", record });
    });
    const scheduler = new DiskScheduler(clock, machine.random, () => machine.diskLatencyMs);
    try {
      const bare = openMemoryStore({ disk: machine.disk, genesisHash: facts.genesisHash, scheduler });
      const store = observedStore(bare, (written) => {
        if (life.isAlive) machine.tell({ type: "written", ...written });
      });
      const chain = openEmbeddedChain({ store, facts, genesis, clock, log });
      if (chain instanceof Failure) return chain;
      return new NodeProcess(machine, life, clock, { store, chain, log });
    } catch (thrown) {
      if (thrown instanceof Failure) return thrown;
      throw thrown;
    }
  }

  run(): void {
    const { machine, supervisor } = this;
    const { world } = machine;
    supervisor.start().catch((thrown: unknown) => {
      if (this.life.isAlive && !this.#isClosing)
        world.fault(`${machine.name} did not start: ${String(thrown)}`);
    });
    void supervisor.escalated.then(({ childId }) => {
      if (this.life.isAlive) world.escalated(machine, childId);
    });
  }

  /** The end without warning. What the system does for a dead process: its sockets close. */
  die(isTorn: boolean): void {
    const { disk, random } = this.machine;
    this.life.isAlive = false;
    disk.crash({ survivors: random.integer(disk.pendingWrites + 1), isTorn });
    void this.host.close();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.supervisor.stop();
    await this.host.close();
    await this.chain.close();
    await this.store.close();
    this.life.isAlive = false;
  }

  #actorParts(settings: Settings, startedMs: number): ActorParts {
    const { machine, away, store, bans, host } = this;
    const { facts } = machine.world.history;
    // The settings speak of TCP and QUIC; the hosts of a simulation meet in memory.
    const options = hostOptions(settings, facts.genesisHash, facts.slotDurationMs, "sim");
    const opening = { ...options, listenAddresses: [machine.address] };
    return {
      config: {
        peer: new LiveSettings(peerConfig(settings, REACH_ALL)),
        network: networkConfig(settings, opening),
        sync: new LiveSettings(syncConfig(settings.sync as NodeConfig["sync"], 1)),
        producer: new LiveSettings(producerConfig(settings)),
      },
      chain: away.port,
      validator: new SharedValidator(facts),
      engine: new EmbeddedEngine(),
      bridge: new EmbeddedBridge(silentLog),
      host,
      bans,
      schedule: store.table("producer"),
      evidence: store.table("equivocations"),
      answers: store.table("distrust"),
      book: this.book,
      delegation: this.delegation,
      ...memberParts(machine),
      guard: this.guard,
      startedMs,
    };
  }
}

interface Opened {
  readonly store: BlockStore;
  readonly chain: EmbeddedChain;
  readonly log: TraceLog;
}

function memberParts(machine: Machine): Pick<ActorParts, "signer" | "votes" | "stop"> {
  const { key } = machine;
  if (key === undefined) return { signer: undefined, votes: undefined };
  return {
    votes: machine.votes,
    stop: machine.stopNote,
    signer: { publicKey: key.publicKey, sign: (root) => signObserved(machine, key, root) },
  };
}

/** Signs, and tells whether the vote was durable before. */
function signObserved(machine: Machine, key: SecretKey, root: Uint8Array): Uint8Array {
  const bytes = machine.voteDisk.votes.get("votes");
  const record = bytes && decodeVoteRecord(bytes);
  const { genesisHash } = machine.world.history.facts;
  const expected = record && signingRoot(record.hash, domain(DOMAIN_BLOCK_APPROVAL, genesisHash));
  const isRecorded = expected !== undefined && Buffer.compare(expected, root) === 0;
  machine.tell({ type: "signed", slot: record?.slot ?? 0, isRecorded });
  return signOnce(key, root);
}

/** Addresses that each node is given. */
const BOOTSTRAP_PEERS = 2;

/** The configuration file of this node, through the same reading as the real one. */
function settingsOf(machine: Machine): Settings {
  const { world } = machine;
  const { mode, peersMax, batchBlocks, knowsMembers } = world.scenario;
  const others = world.machines.filter((other) => other !== machine);
  // The others are found through these, as in a real network.
  const known = others.slice(0, BOOTSTRAP_PEERS);
  const bootstrap = known.map((other) => `"${other.address}/p2p/${other.peerId}"`);
  const members = others.filter((other) => other.key !== undefined).map((other) => `"${other.peerId}"`);
  const toml = `
[chain]
specification_file = "chain.json"
finality_depth = ${world.history.facts.finalityDepth}
[network]
bootstrap_peers = [${bootstrap.join(", ")}]
max_connections = 64
private_network = true
[network.discovery]
interval_ms = 2000
[network.federation]
member_peer_ids = [${knowsMembers ? members.join(", ") : ""}]
[sync]
mode = "${mode}"
batch_blocks = ${batchBlocks}
[peer]
max_peers = ${peersMax}
target_peers = ${Math.min(25, peersMax)}
status_interval_ms = 3000
health_check_interval_ms = 4000
`;
  return parseSettings(toml, {}, "/sim", "sim.toml");
}
