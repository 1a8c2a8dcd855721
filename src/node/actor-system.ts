/**
 * How the actors of one node hang together: which cell depends on which, and the supervisor over them. node.ts composes
 * the real node by it and the simulation each of its nodes, so that both are the same node on other ports.
 */

import { networkActor } from "../actors/network/actor.ts";
import type { NetworkActorConfig } from "../actors/network/config.ts";
import { networkSupervisor } from "../actors/network-supervisor.ts";
import { peerActor } from "../actors/peer/actor.ts";
import type { BanTable } from "../actors/peer/ban-table.ts";
import type { PeerActorConfig } from "../actors/peer/config.ts";
import { DistrustStore } from "../actors/peer/distrust-store.ts";
import type { DelegationSource } from "../actors/peer/own-delegation.ts";
import type { PeerStore } from "../actors/peer/peer-store.ts";
import { producerActor } from "../actors/producer/actor.ts";
import type { Signer } from "../actors/producer/ballot.ts";
import type { ProducerConfig } from "../actors/producer/config.ts";
import type { GuardMemory } from "../actors/producer/signing-guard.ts";
import { SigningWatch } from "../actors/producer/signing-watch.ts";
import { syncActor } from "../actors/sync/actor.ts";
import type { SyncConfig } from "../actors/sync/config.ts";
import { keptCases } from "../actors/sync/equivocation/evidence-store.ts";
import type { Validator } from "../chain/validator.ts";
import type { BridgePort } from "../integrations/bridge/port.ts";
import type { CheckpointStore } from "../integrations/chain/checkpoint/checkpoint-store.ts";
import type { ChainPort } from "../integrations/chain/port.ts";
import type { EnginePort } from "../integrations/engine/port.ts";
import { actorCell } from "../kernel/actor/cell.ts";
import type { ActorEnvironment } from "../kernel/actor/environment.ts";
import type { LiveSettings } from "../kernel/settings.ts";
import type { Supervisor, SupervisorEvent } from "../kernel/supervision/supervisor.ts";
import { peerIdBytes } from "../p2p/peer-id.ts";
import type { Host } from "../p2p/port.ts";
import type { StopStore, Table, VoteStore } from "../storage/port.ts";

/** What the actors are made of: their settings, and everything that outlives their restarts. */
export interface ActorParts {
  readonly config: {
    readonly peer: LiveSettings<PeerActorConfig>;
    readonly network: NetworkActorConfig;
    readonly sync: LiveSettings<SyncConfig>;
    readonly producer: LiveSettings<ProducerConfig>;
  };
  readonly chain: ChainPort;
  readonly validator: Validator;
  readonly engine: EnginePort;
  readonly bridge: BridgePort;
  readonly host: Host;
  readonly bans: BanTable;
  readonly book: PeerStore;
  /** Only a member has the next two. */
  readonly signer: Signer | undefined;
  readonly votes: VoteStore | undefined;
  /** Keeps over restarts that the member's key was seen elsewhere. */
  readonly stop?: StopStore | undefined;
  /** What this process knows of its key outlives the ProducerActor: only a new process listens anew. */
  readonly guard: GuardMemory;
  /** Keeps what the member's operator scheduled over restarts. */
  readonly schedule?: Table | undefined;
  /** Keeps the evidence of equivocations. */
  readonly evidence?: Table | undefined;
  /** Keeps which of it an administrator answered. */
  readonly answers?: Table | undefined;
  /** Of a member or its sentry. */
  readonly delegation: DelegationSource | undefined;
  /** Only a chain that we hold ourselves has checkpoints. */
  readonly checkpoints?: CheckpointStore | undefined;
  /** When this process started, Unix milliseconds. */
  readonly startedMs: number;
}

export type NodeCells = ReturnType<typeof composeActors>;

/** The cells, each on those before it. They are down until their supervisor starts them. */
export function composeActors(parts: ActorParts, run: ActorEnvironment) {
  const { config, chain, validator, engine, bridge, host, bans, book, signer, votes, delegation } = parts;
  const watch = signingWatch(parts, run);
  const peer = actorCell(
    peerActor({
      config: config.peer,
      chain,
      validator,
      host,
      bans,
      book,
      distrust: new DistrustStore(() => keptCases(parts.evidence), parts.answers),
      peerIdBytes,
      ownDelegation: delegation,
      onHeadProven: watch && ((timestampMs) => watch.blockSeen(timestampMs)),
      onMemberClock: watch && ((key, sentMs, atMs) => watch.memberSaid(key, sentMs, atMs)),
    }),
    run,
  );
  const peerRefs = { peer: peer.ref, peerInternal: peer.internalRef };
  const network = actorCell(
    networkActor({
      config: config.network,
      host,
      chain,
      engine,
      bridge,
      validator,
      checkpoints: parts.checkpoints,
      ownDelegation: delegation,
      ...peerRefs,
      processStartMs: parts.startedMs,
    }),
    run,
  );
  const sync = actorCell(
    syncActor({
      config: config.sync,
      chain,
      validator,
      network: network.internalRef,
      checkpoints: parts.checkpoints,
      evidence: parts.evidence,
      ...peerRefs,
      ownMemberKey: signer?.publicKey,
      signingBars: watch && (() => watch.bars()),
    }),
    run,
  );
  const producer = actorCell(
    producerActor(
      {
        chain,
        validator,
        sync: sync.ref,
        syncInternal: sync.internalRef,
        network: network.internalRef,
        peers: peer.ref,
        signer,
        votes,
        stop: parts.stop,
        guard: parts.guard,
        watch,
        schedule: parts.schedule,
      },
      config.producer,
    ),
    run,
  );
  return { peer, network, sync, producer };
}

/** Judges whether this member may sign; it outlives the actors that it is handed to. */
function signingWatch({ chain, signer, votes, config }: ActorParts, { clock }: ActorEnvironment) {
  if (signer === undefined || votes === undefined) return undefined;
  const { statusIntervalMs } = config.peer.current;
  return new SigningWatch({ chain, clock, votes, ownKey: signer.publicKey, statusIntervalMs });
}

/** The supervisor over these cells and the host. Delayed restarts of a member wait for the beginning of a slot. */
export function superviseActors(
  cells: NodeCells,
  parts: ActorParts,
  run: ActorEnvironment,
  onEvent: (event: SupervisorEvent) => void,
): Supervisor {
  const { clock, random, log } = run;
  const { host, signer, chain } = parts;
  const alignment = signer === undefined ? undefined : { slotMs: chain.facts.slotDurationMs, originMs: 0 };
  return networkSupervisor({ ...cells, host, alignment, clock, random, log, onEvent });
}
