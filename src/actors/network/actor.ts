/**
 * NetworkActor: opens and closes the host, publishes blocks and transactions, serves ranges of history, asks peers for
 * theirs, and keeps the privileged channel of the federation. It depends on the PeerActor, which decides who is a peer;
 * SyncActor and ProducerActor ask it, and decide on what it hands up.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type GiveVerdictRequest,
  NetworkInternalService,
  NetworkService,
  type NetworkStatusSchema,
  Verdict as ProtoVerdict,
  type RespondFederationRequest,
  type StartNetworkRequest,
} from "../../../gen/alys/network/v1/network_pb.ts";
import { type Offence, PeerInternalService, PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { Validator } from "../../chain/validator.ts";
import type { BridgePort } from "../../integrations/bridge/port.ts";
import { headerMessage } from "../../integrations/chain/block-view.ts";
import type { CheckpointStore } from "../../integrations/chain/checkpoint/checkpoint-store.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import type { EnginePort } from "../../integrations/engine/port.ts";
import type { Actor, ActorContext, ActorDefinition } from "../../kernel/actor/actor.ts";
import { failure } from "../../kernel/errors.ts";
import type { Handlers, Reply } from "../../kernel/protocol.ts";
import type { Ref } from "../../kernel/ref.ts";
import { readHost } from "../../p2p/host-inbox.ts";
import type {
  ConnectionInfo,
  Host,
  HostEvent,
  HostOptions,
  MessageHandle,
  RequestHandle,
  Verdict,
} from "../../p2p/port.ts";
import { Broadcast } from "./broadcast.ts";
import {
  BOOTSTRAP_ADDRESSES_MAX,
  LISTEN_ADDRESSES_MAX,
  MEMBER_PEERS_MAX,
  type NetworkActorConfig,
} from "./config.ts";
import { FederationEndpoint } from "./federation.ts";
import { Greeted } from "./greeted.ts";
import { Inbound, type InboundEffects } from "./inbound.ts";
import { HostSwitch, Lifecycle } from "./lifecycle.ts";
import { Outbound, saysNothing } from "./outbound.ts";
import { glanceFor } from "./precheck.ts";
import { type DelegationView, delegationView, networkStatus, stateOf } from "./status-view.ts";
import { NetworkTopics } from "./topics.ts";

type Public = typeof NetworkService;
type Internal = typeof NetworkInternalService;
type Context = ActorContext<Public, Internal>;

export interface NetworkParts {
  readonly config: NetworkActorConfig;
  readonly host: Host;
  readonly chain: ChainPort;
  readonly engine: EnginePort;
  readonly bridge: BridgePort;
  /** Judges what clients want published. */
  readonly validator: Validator;
  /** Serves checkpoints; without it peers are told that there are none. */
  readonly checkpoints?: CheckpointStore | undefined;
  readonly peer: Ref<typeof PeerService>;
  readonly peerInternal: Ref<typeof PeerInternalService>;
  /** What this node shows of its role; read for the status alone. */
  readonly ownDelegation?: DelegationView | undefined;
  /** When this process started, Unix milliseconds: begins the sequence of federation messages. */
  readonly processStartMs: number;
}

export function networkActor(parts: NetworkParts): ActorDefinition<Public, Internal> {
  const power = new HostSwitch();
  return {
    name: "network",
    service: NetworkService,
    internal: NetworkInternalService,
    create: (context) => new NetworkActor(context, parts, power),
  };
}

const VERDICTS: ReadonlyMap<ProtoVerdict, Verdict> = new Map<ProtoVerdict, Verdict>([
  [ProtoVerdict.ACCEPT, "accept"],
  [ProtoVerdict.IGNORE, "ignore"],
  [ProtoVerdict.REJECT, "reject"],
]);

class NetworkActor implements Actor<Public, Internal> {
  readonly #context: Context;
  readonly #parts: NetworkParts;
  readonly #greeted = new Greeted();
  readonly #topics: NetworkTopics;
  readonly #lifecycle: Lifecycle;
  readonly #broadcast: Broadcast;
  readonly #outbound: Outbound;
  readonly #inbound: Inbound;

  readonly handlers: Handlers<Public>;
  readonly internal: Handlers<Internal>;
  readonly streams: Actor<Public, Internal>["streams"];
  readonly internalStreams: Actor<Public, Internal>["internalStreams"];

  constructor(context: Context, parts: NetworkParts, power: HostSwitch) {
    const { host, chain, engine, config } = parts;
    this.#context = context;
    this.#parts = parts;
    // Each incarnation starts a sequence of its own, above that of the last one.
    const startMs = Math.max(parts.processStartMs, context.clock.nowMs());
    const federation = new FederationEndpoint(host, config.host.genesisHash, startMs, chain.facts.driftMs);
    this.#topics = new NetworkTopics(() => this.#status());
    this.#lifecycle = new Lifecycle({
      context,
      host,
      power,
      precheck: glanceFor(chain, context.clock),
      onPhase: (phase) => this.#topics.events.publish({ event: { case: "state", value: stateOf(phase) } }),
    });
    this.#broadcast = new Broadcast({ context, host, engine, chain, validator: parts.validator });
    const greeted = this.#greeted;
    this.#outbound = new Outbound({ context, host, federation, config, greeted, offence: this.#offence });
    this.#inbound = new Inbound({
      ...parts,
      clock: context.clock,
      greeted,
      federation,
      effects: this.#inboundEffects(),
    });
    this.handlers = this.#publicHandlers();
    this.internal = this.#internalHandlers();
    this.streams = { watchNetworkEvents: this.#topics.events };
    this.internalStreams = { watchGossip: this.#topics.gossip, watchFederation: this.#topics.federation };
  }

  onStart(): void {
    const { host, config } = this.#parts;
    readHost(host, this.#context, (event) => this.#onHostEvent(event));
    this.#watchPeers();
    this.#lifecycle.resume(config.isAutoStart ? config.host : undefined);
  }

  onStop(): void {
    // The host stays open: its own supervisor closes it. The context's signal ends what this actor reads.
  }

  /** Who may be served. When the stream ends nobody is, until it is read again. */
  #watchPeers(): void {
    const { log } = this.#context;
    this.#context.watch(
      this.#parts.peer,
      PeerService.method.watchPeers,
      {},
      {
        onMessage: (message) => {
          this.#greeted.apply(message);
          this.#inbound.onGreeted();
        },
        onGap: (reason) => {
          // The PeerActor stands below: when it goes, this actor is restarted too. Else it may have been too busy.
          log.warn("peers are not watched", { reason: reason?.message });
          this.#greeted.clear();
        },
      },
    );
  }

  #publicHandlers(): Handlers<Public> {
    return {
      startNetwork: (request) => this.#startNetwork(request),
      stopNetwork: () => this.#lifecycle.stop(),
      getNetworkStatus: () => ({ status: this.#status() }),
      broadcastBlock: ({ block }) => this.#broadcast.block(block?.ssz ?? new Uint8Array()),
      broadcastTransaction: ({ transaction, sourcePeerId }) =>
        this.#broadcast.transaction(transaction, sourcePeerId),
    };
  }

  #status(): MessageInitShape<typeof NetworkStatusSchema> {
    const { host, config, ownDelegation } = this.#parts;
    const own = ownDelegation && delegationView(ownDelegation, this.#context.clock.nowMs());
    return networkStatus(host, this.#lifecycle.phase, config, own);
  }

  #internalHandlers(): Handlers<Internal> {
    return {
      requestBlocks: (request, { signal }) => this.#outbound.requestBlocks(request, signal),
      requestBlocksByHash: (request, { signal }) => this.#outbound.requestBlocksByHash(request, signal),
      requestCheckpoint: (request, { signal }) => this.#outbound.requestCheckpoint(request, signal),
      giveVerdict: (request) => this.#giveVerdict(request),
      sendFederation: (request, { signal }) => this.#outbound.sendFederation(request, signal),
      respondFederation: (request) => this.#respondFederation(request),
      publishBlock: ({ block }) => {
        const answer = this.#context.deferred(NetworkInternalService.method.publishBlock);
        this.#context.effect(this.#broadcast.publishBlock(block), (outcome) => {
          if (outcome.ok) answer.resolve({ peersReached: outcome.value.recipients });
          else answer.reject(outcome.failure);
        });
        return answer;
      },
    };
  }

  #startNetwork(request: StartNetworkRequest): Reply<Public["method"]["startNetwork"]["output"]> {
    const { listenAddresses, bootstrapPeers, federationConfig } = request;
    if (listenAddresses.length > LISTEN_ADDRESSES_MAX)
      return tooMany("listen_addresses", LISTEN_ADDRESSES_MAX);
    if (bootstrapPeers.length > BOOTSTRAP_ADDRESSES_MAX)
      return tooMany("bootstrap_peers", BOOTSTRAP_ADDRESSES_MAX);
    const configured = this.#parts.config.host;
    const options: HostOptions = {
      ...configured,
      ...(listenAddresses.length > 0 ? { listenAddresses } : {}),
      ...(bootstrapPeers.length > 0 ? { bootstrapAddresses: bootstrapPeers } : {}),
    };
    const peerIds = federationConfig?.memberPeerIds ?? [];
    if (peerIds.length > MEMBER_PEERS_MAX)
      return tooMany("federation_config.member_peer_ids", MEMBER_PEERS_MAX);
    if (peerIds.length > 0) {
      this.#parts.peerInternal.tell(PeerInternalService.method.reservePeers, { peerIds });
    }
    return this.#lifecycle.start(options);
  }

  #giveVerdict(request: GiveVerdictRequest): Record<string, never> {
    const verdict = VERDICTS.get(request.verdict);
    // A verdict that says nothing is a mistake of an actor above; the host ignores the message at its deadline.
    if (verdict === undefined) return {};
    const handle = request.handle as MessageHandle;
    this.#parts.host.verdict(handle, verdict);
    const block = this.#inbound.takeBlock(handle);
    if (verdict === "accept" && block !== undefined) {
      const value = { height: BigInt(block.height), hash: block.hash };
      this.#topics.events.publish({ event: { case: "blockReceived", value } });
    }
    return {};
  }

  #respondFederation({ handle, payload, refusal }: RespondFederationRequest) {
    const request = handle as RequestHandle;
    const sealed = payload.length === 0 ? undefined : this.#outbound.sealAnswer(payload);
    if (sealed !== undefined) {
      this.#parts.host.respond(request, [sealed]);
      return {};
    }
    this.#context.log.debug("a federation message is refused", { refusal });
    this.#parts.host.respond(request, "resource-unavailable");
    return payload.length === 0 ? {} : saysNothing();
  }

  #onHostEvent(event: HostEvent): void {
    switch (event.type) {
      case "request":
        return this.#inbound.onRequest(event);
      case "gossip":
        return this.#inbound.onGossip(event);
      case "violation":
        return this.#inbound.onViolation(event);
      case "closed":
        return this.#lifecycle.onHostClosed();
      case "connectionOpened":
        return this.#publishConnection("connectionOpened", event.connection);
      case "connectionClosed":
        return this.#publishConnection("connectionClosed", event.connection);
      default:
        return;
    }
  }

  #publishConnection(kind: "connectionOpened" | "connectionClosed", connection: ConnectionInfo): void {
    const { peerId, remoteAddress, transport, direction } = connection;
    const value = { peerId, remoteAddress, transport, isOutbound: direction === "outbound" };
    this.#topics.events.publish({ event: { case: kind, value } });
  }

  readonly #offence = (peerId: string, offence: Offence, detail: string, evidence: Uint8Array): void => {
    const method = PeerInternalService.method.reportOffence;
    this.#parts.peerInternal.tell(method, { peerId, offence, detail, evidence });
  };

  #inboundEffects(): InboundEffects {
    return {
      offence: this.#offence,
      blockArrived: (handle, peerId, payload, read) =>
        this.#topics.gossip.publish({
          event: {
            case: "message",
            value: {
              handle,
              peerId,
              payload,
              isTransaction: false,
              ...(read && { header: headerMessage(read) }),
            },
          },
        }),
      federationArrived: (handle, peerId, memberKey, payload) => {
        if (this.#topics.federation.readers === 0) return false;
        this.#topics.federation.publish({
          event: { case: "message", value: { handle, peerId, memberKey, payload } },
        });
        return true;
      },
      transactionAccepted: (hash) =>
        this.#topics.events.publish({ event: { case: "transactionReceived", value: hash } }),
      checkpoint: (work, done) =>
        this.#context.effect(work, (outcome) => done(outcome.ok ? outcome.value : undefined)),
      seal: (payload) => this.#outbound.sealAnswer(payload),
      deliver: (work, done) =>
        this.#context.effect(work, (outcome) => done(outcome.ok ? outcome.value : undefined)),
      effect: (work, done) =>
        this.#context.effect(work, (outcome) => done(outcome.ok ? outcome.value : "ignore")),
      after: (ms, run) => void this.#context.timers.after(ms, run),
    };
  }
}

function tooMany(field: string, max: number): ReturnType<typeof failure> {
  return failure("INVALID_ARGUMENT", "TOO_MANY", `${field} takes at most ${max}`, { field });
}
