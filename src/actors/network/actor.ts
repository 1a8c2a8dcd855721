/**
 * NetworkActor: opens and closes the host, publishes blocks and transactions, serves ranges of history, asks peers for
 * theirs, and keeps the privileged channel of the federation. It stands on the PeerActor, which decides who is a peer;
 * SyncActor and ProducerActor ask it, and give the verdicts on what it hands up.
 */

import {
  type GiveVerdictRequest,
  NetworkInternalService,
  NetworkService,
  Verdict as ProtoVerdict,
  type RequestBlocksRequest,
  type RespondFederationRequest,
  type SendFederationRequest,
  type StartNetworkRequest,
} from "../../../gen/alys/network/v1/network_pb.ts";
import { type Offence, PeerInternalService, PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import type { EnginePort } from "../../integrations/engine/port.ts";
import type { Actor, ActorContext, ActorDefinition } from "../../kernel/actor.ts";
import { failure } from "../../kernel/errors.ts";
import type { Handlers, Reply } from "../../kernel/protocol.ts";
import type { Ref } from "../../kernel/ref.ts";
import type {
  ConnectionInfo,
  Host,
  HostEvent,
  HostOptions,
  HostSubscription,
  MessageHandle,
  RequestHandle,
  Verdict,
} from "../../p2p/port.ts";
import { Broadcast } from "./broadcast.ts";
import { BOOTSTRAP_ADDRESSES_MAX, LISTEN_ADDRESSES_MAX, type NetworkActorConfig } from "./config.ts";
import { FederationDesk } from "./federation.ts";
import { Greeted } from "./greeted.ts";
import { Inbound, type InboundEffects } from "./inbound.ts";
import { Lifecycle } from "./lifecycle.ts";
import { Outbound } from "./outbound.ts";
import { networkStatus, stateOf } from "./status-view.ts";
import { NetworkTopics } from "./topics.ts";

type Public = typeof NetworkService;
type Internal = typeof NetworkInternalService;
type Context = ActorContext<Public, Internal>;

export interface NetworkParts {
  readonly config: NetworkActorConfig;
  readonly host: Host;
  readonly chain: ChainPort;
  readonly engine: EnginePort;
  readonly peer: Ref<typeof PeerService>;
  readonly peerInternal: Ref<typeof PeerInternalService>;
  /** When this process started, Unix milliseconds: begins the sequence of federation messages. */
  readonly processStartMs: number;
}

export function networkActor(parts: NetworkParts): ActorDefinition<Public, Internal> {
  return {
    name: "network",
    service: NetworkService,
    internal: NetworkInternalService,
    create: (context) => new NetworkActor(context, parts),
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
  #subscription: HostSubscription | undefined;

  readonly handlers: Handlers<Public>;
  readonly internal: Handlers<Internal>;
  readonly streams: Actor<Public, Internal>["streams"];
  readonly internalStreams: Actor<Public, Internal>["internalStreams"];

  constructor(context: Context, parts: NetworkParts) {
    const { host, engine, config } = parts;
    this.#context = context;
    this.#parts = parts;
    // Each incarnation starts a sequence of its own, above that of the last one.
    const startMs = Math.max(parts.processStartMs, context.clock.nowMs());
    const federation = new FederationDesk(host, config.host.genesisHash, startMs);
    this.#topics = new NetworkTopics(() => networkStatus(host, this.#lifecycle.phase, config));
    this.#lifecycle = new Lifecycle({
      context,
      host,
      onPhase: (phase) => this.#topics.events.publish({ event: { case: "state", value: stateOf(phase) } }),
    });
    this.#broadcast = new Broadcast({ context, host, engine });
    this.#outbound = new Outbound({ context, host, federation, config, offence: this.#offence });
    this.#inbound = new Inbound({
      ...parts,
      clock: context.clock,
      greeted: this.#greeted,
      federation,
      effects: this.#inboundEffects(),
    });
    this.handlers = this.#publicHandlers();
    this.internal = this.#internalHandlers();
    this.streams = { watchNetworkEvents: this.#topics.events };
    this.internalStreams = { watchGossip: this.#topics.gossip, watchFederation: this.#topics.federation };
  }

  onStart(): void {
    const { host, peer, config } = this.#parts;
    this.#subscription = host.subscribe((event) => this.#onHostEvent(event));
    this.#context.signal.addEventListener("abort", () => this.#subscription?.close(), { once: true });
    this.#context.watch(
      peer,
      PeerService.method.watchPeers,
      {},
      {
        onMessage: (message) => this.#greeted.apply(message),
        // The PeerActor stands below: when it goes, this actor is restarted too.
        onEnd: () => {},
      },
    );
    if (config.isAutoStart && !host.isOpen) this.#lifecycle.start(config.host);
  }

  onStop(): void {
    this.#subscription?.close();
  }

  #publicHandlers(): Handlers<Public> {
    return {
      startNetwork: (request) => this.#startNetwork(request),
      stopNetwork: () => this.#lifecycle.stop(),
      getNetworkStatus: () => ({
        status: networkStatus(this.#parts.host, this.#lifecycle.phase, this.#parts.config),
      }),
      broadcastBlock: ({ block }) => this.#broadcast.block(block?.ssz ?? new Uint8Array()),
      broadcastTransaction: ({ transaction }) => this.#broadcast.transaction(transaction),
    };
  }

  #internalHandlers(): Handlers<Internal> {
    return {
      requestBlocks: (request: RequestBlocksRequest) => this.#outbound.requestBlocks(request),
      giveVerdict: (request) => this.#giveVerdict(request),
      sendFederation: (request: SendFederationRequest) => this.#outbound.sendFederation(request),
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
    if (federationConfig !== undefined) {
      this.#parts.host.protectPeers(
        new Set(federationConfig.memberPeerIds.slice(0, BOOTSTRAP_ADDRESSES_MAX)),
      );
    }
    return this.#lifecycle.start(options);
  }

  #giveVerdict(request: GiveVerdictRequest): Record<string, never> {
    const verdict = VERDICTS.get(request.verdict);
    // A verdict that says nothing is a mistake of an actor above; the host ignores the message at its deadline.
    if (verdict !== undefined) this.#parts.host.verdict(Number(request.handle) as MessageHandle, verdict);
    return {};
  }

  #respondFederation(request: RespondFederationRequest): Record<string, never> {
    const handle = Number(request.handle) as RequestHandle;
    if (request.payload.length === 0) this.#parts.host.respond(handle, "resource-unavailable");
    else this.#parts.host.respond(handle, [this.#outbound.sealAnswer(request.payload)]);
    return {};
  }

  #onHostEvent(event: HostEvent): void {
    switch (event.type) {
      case "request":
        return this.#inbound.onRequest(event);
      case "gossip":
        return this.#inbound.onGossip(event);
      case "violation":
        return this.#inbound.onViolation(event);
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
      blockArrived: (handle, peerId, payload) =>
        this.#topics.gossip.publish({
          event: {
            case: "message",
            value: { handle: String(handle), peerId, payload, isTransaction: false },
          },
        }),
      federationArrived: (handle, peerId, memberKey, payload) =>
        this.#topics.federation.publish({
          event: { case: "message", value: { handle: String(handle), peerId, memberKey, payload } },
        }),
      transactionAccepted: (hash) =>
        this.#topics.events.publish({ event: { case: "transactionReceived", value: hash } }),
      effect: (work, done) =>
        this.#context.effect(work, (outcome) => done(outcome.ok ? outcome.value : "ignore")),
    };
  }
}

function tooMany(field: string, max: number): ReturnType<typeof failure> {
  return failure("INVALID_ARGUMENT", "TOO_MANY", `${field} takes at most ${max}`, { field });
}
