/**
 * PeerActor: who the peers are, whom to dial, what to think of them. It does the status handshake on every connection,
 * keeps score, reputation and bans, and tells the actors above who is there and which head each one proved. It asks
 * only the host; nobody is a peer before its handshake.
 */

import { Offence, PeerInternalService, PeerService, PeerType } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { Actor, ActorContext, ActorDefinition } from "../../kernel/actor.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import type { Handlers } from "../../kernel/protocol.ts";
import { Topic } from "../../kernel/topic.ts";
import type { Host, HostEvent, HostSubscription } from "../../p2p/port.ts";
import type { BanTable } from "./ban-table.ts";
import { choosePeers } from "./best-peers.ts";
import type { PeerActorConfig } from "./config.ts";
import type { HandshakeParts } from "./handshake.ts";
import { Links } from "./links.ts";
import { pageOf } from "./paging.ts";
import type { KnownPeer, PeerBook } from "./peer-book.ts";
import { observe } from "./score.ts";
import { peerView, scoreView, typeOf } from "./view.ts";

type Public = typeof PeerService;
type Internal = typeof PeerInternalService;
type Context = ActorContext<Public, Internal>;

export interface PeerParts extends HandshakeParts {
  readonly config: PeerActorConfig;
  readonly host: Host;
  /** Outlives the actor: the host's gate reads it. */
  readonly bans: BanTable;
  /** Outlives the actor: what is known of peers. */
  readonly book: PeerBook;
}

export function peerActor(parts: PeerParts): ActorDefinition<Public, Internal> {
  return {
    name: "peer",
    service: PeerService,
    internal: PeerInternalService,
    create: (context) => new PeerActor(context, parts),
  };
}

const unknownPeer = (peerId: string): Failure =>
  failure("NOT_FOUND", "PEER_UNKNOWN", `peer ${peerId} was never seen`, { field: "peer_id" });

class PeerActor implements Actor<Public, Internal> {
  readonly #context: Context;
  readonly #parts: PeerParts;
  readonly #book: PeerBook;
  readonly #links: Links;
  readonly #topic: Topic<typeof PeerService.method.watchPeers>;
  #subscription: HostSubscription | undefined;

  readonly handlers: Handlers<Public>;
  readonly internal: Handlers<Internal>;
  readonly streams: Actor<Public, Internal>["streams"];

  constructor(context: Context, parts: PeerParts) {
    this.#context = context;
    this.#parts = parts;
    this.#book = parts.book;
    this.#topic = new Topic(PeerService.method.watchPeers, {
      snapshot: () => ({
        event: { case: "snapshot", value: { peers: this.#connected().map((peer) => this.#view(peer)) } },
      }),
    });
    this.#links = new Links({
      ...parts,
      context,
      book: this.#book,
      publish: (event) => this.#topic.publish({ event }),
    });
    this.handlers = { ...this.#commands(), ...this.#queries() };
    this.internal = this.#internalHandlers();
    this.streams = { watchPeers: this.#topic };
  }

  onStart(): void {
    const { host, config } = this.#parts;
    const { timers, signal } = this.#context;
    const subscription = host.subscribe((event) => this.#onHostEvent(event));
    this.#subscription = subscription;
    signal.addEventListener("abort", () => subscription.close(), { once: true });
    this.#links.start(subscription.snapshot);
    timers.every(config.statusIntervalMs, () => this.#links.refreshAll());
    timers.every(config.discoveryIntervalMs, () => this.#links.dialMore());
    timers.every(config.healthCheckIntervalMs, () => this.#links.checkHealth());
  }

  onStop(): void {
    this.#subscription?.close();
    this.#context.effect(this.#book.save(), () => {});
  }

  #onHostEvent(event: HostEvent): void {
    switch (event.type) {
      case "connectionOpened":
        return this.#links.onOpened(event.connection);
      case "connectionClosed":
        return event.isLastOfPeer ? this.#links.onClosed(event.connection.peerId) : undefined;
      case "peerDiscovered":
        return this.#links.onDiscovered(event.peerId, event.addresses);
      case "peerIdentified":
        return this.#links.onDiscovered(event.identity.peerId, event.identity.listenAddresses);
      case "opened":
        return this.#links.dialMore();
      case "request":
        return this.#links.onRequest(event);
      default:
        return;
    }
  }

  #commands() {
    const { bans, config } = this.#parts;
    return {
      connectToPeer: (request) => this.#links.connect(request.peerId, request.addresses, request.peerType),
      disconnectFromPeer: ({ peerId, reason }) => this.#links.disconnect(peerId, reason),
      updatePeerScore: ({ peerId, scoreUpdate }) => {
        const peer = this.#book.get(peerId);
        if (peer === undefined) return unknownPeer(peerId);
        peer.score = observe(peer.score, {
          ...(scoreUpdate?.latencyMs === undefined ? {} : { latencyMs: scoreUpdate.latencyMs }),
          ...(scoreUpdate?.throughputBytesPerSecond === undefined
            ? {}
            : { bytesPerSecond: scoreUpdate.throughputBytesPerSecond }),
          ...(scoreUpdate?.success === undefined ? {} : { isSuccess: scoreUpdate.success }),
        });
        const penalty = scoreUpdate?.penalty ?? 0;
        if (!(penalty >= 0 && penalty <= 100)) {
          return failure("INVALID_ARGUMENT", "PENALTY_RANGE", "penalty lies in 0–100", {
            field: "score_update.penalty",
          });
        }
        const reason = scoreUpdate?.reason ?? "";
        const charge = { reason, offence: Offence.UNSPECIFIED, evidence: new Uint8Array() };
        if (penalty > 0) this.#links.judge.penalise(peer, penalty, charge);
        return { score: scoreView(peer, this.#context.clock.nowMs()) };
      },
      banPeer: ({ peerId, durationMs, reason }) => {
        if (this.#parts.peerIdBytes(peerId) === undefined) {
          return failure("INVALID_ARGUMENT", "PEER_ID_INVALID", `${peerId} is no peer id`, {
            field: "peer_id",
          });
        }
        return this.#links.ban(peerId, reason, Number(durationMs) || config.banDurationMs);
      },
      unbanPeer: ({ peerId }) => {
        const { wasBanned, stored } = bans.lift(peerId);
        if (!wasBanned)
          return failure("NOT_FOUND", "BAN_UNKNOWN", `there is no ban of ${peerId}`, { field: "peer_id" });
        this.#topic.publish({ event: { case: "unbanned", value: peerId } });
        return this.#whenStored(stored, PeerService.method.unbanPeer);
      },
      startDiscovery: () => {
        this.#links.startDiscovery();
        return { knownPeers: this.#book.size };
      },
      stopDiscovery: () => {
        this.#links.stopDiscovery();
        return {};
      },
    } satisfies Partial<Handlers<Public>>;
  }

  #queries() {
    const { bans } = this.#parts;
    return {
      getPeerStatus: ({ peerId }) => {
        const peer = this.#book.get(peerId);
        const ban = bans.find(peerId);
        if (peer === undefined && ban === undefined) return unknownPeer(peerId);
        return {
          ...(peer === undefined ? {} : { peer: this.#view(peer) }),
          ...(ban === undefined ? {} : { ban }),
        };
      },
      getConnectedPeers: (request) => this.#page(this.#connected(), request),
      listKnownPeers: (request) => this.#page(this.#book.all(), request),
      getBestPeers: (request) => ({
        peers: choosePeers(this.#connected(), {
          count: request.count,
          heightMin: Number(request.heightMin),
          servesHeight: request.servesHeight === undefined ? undefined : Number(request.servesHeight),
          excluded: new Set(request.excludedPeerIds),
        }).map((peer) => this.#view(peer)),
      }),
      listBans: () => ({ bans: [...bans.list()] }),
    } satisfies Partial<Handlers<Public>>;
  }

  #internalHandlers(): Handlers<Internal> {
    return {
      reportOffence: ({ peerId, offence, detail, evidence }) => {
        this.#links.judge.onOffence(peerId, offence, detail, evidence);
        return {};
      },
      recordPerformance: (request) => {
        const peer = this.#book.get(request.peerId);
        if (peer === undefined) return unknownPeer(request.peerId);
        const { succeeded, latencyMs, durationMs, bytes, blocks } = request;
        peer.score = observe(peer.score, {
          isSuccess: succeeded,
          ...(succeeded
            ? { latencyMs, bytesPerSecond: Number(bytes) / Math.max(0.001, durationMs / 1000) }
            : {}),
        });
        if (succeeded) peer.requestsAnswered++;
        else peer.requestsFailed++;
        peer.blocksServed += blocks;
        peer.bytesServed += Number(bytes);
        return {};
      },
      refreshStatus: ({ peerId }) => {
        if (peerId === "") this.#links.refreshAll();
        else this.#links.refresh(peerId);
        return {};
      },
    };
  }

  #whenStored(stored: Promise<void>, method: typeof PeerService.method.unbanPeer) {
    const answer = this.#context.deferred(method);
    this.#context.effect(stored, (outcome) => {
      if (outcome.ok) answer.resolve({});
      else answer.reject(outcome.failure);
    });
    return answer;
  }

  #page(
    peers: Iterable<KnownPeer>,
    request: {
      readonly peerTypeFilter?: PeerType | undefined;
      readonly pageSize: number;
      readonly pageToken: string;
    },
  ) {
    const filter = request.peerTypeFilter ?? PeerType.UNSPECIFIED;
    const matching = [...peers].filter((peer) => filter === PeerType.UNSPECIFIED || typeOf(peer) === filter);
    const page = pageOf(matching, request.pageSize, request.pageToken);
    if ("code" in page) return page;
    const { items, nextPageToken, totalSize } = page;
    return { peers: items.map((peer) => this.#view(peer)), nextPageToken, totalSize };
  }

  #connected(): KnownPeer[] {
    return [...this.#book.all()].filter((peer) => peer.link.state === "connected");
  }

  #view(peer: KnownPeer) {
    const isBanned = this.#parts.bans.find(peer.peerId) !== undefined;
    return peerView(peer, this.#context.clock.nowMs(), isBanned);
  }
}
