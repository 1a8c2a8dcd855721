/**
 * PeerActor: who the peers are, whom to dial, what to think of them. It does the status handshake on every connection,
 * keeps score, reputation and bans, and tells the actors above who is there and which head each one proved. It asks
 * only the host; nobody is a peer before its handshake.
 */

import {
  AddressSource,
  type BanPeerRequest,
  type ConnectToPeerRequest,
  Offence,
  PeerInternalService,
  PeerService,
  PeerType,
  type RecordPerformanceRequest,
  type RecordPerformanceResponseSchema,
  type ScoreUpdate,
  type UpdatePeerScoreResponseSchema,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { Actor, ActorContext, ActorDefinition } from "../../kernel/actor/actor.ts";
import { onSettings } from "../../kernel/actor/settings-turn.ts";
import { Failure, failure } from "../../kernel/errors.ts";
import type { Handlers, Reply } from "../../kernel/protocol.ts";
import { LiveSettings, type Settings } from "../../kernel/settings.ts";
import { Topic } from "../../kernel/stream/topic.ts";
import { readHost } from "../../p2p/host-inbox.ts";
import type { Host, HostEvent, PeerSource } from "../../p2p/port.ts";
import type { BanTable } from "./ban-table.ts";
import { choosePeers } from "./best-peers.ts";
import {
  ADDRESSES_MAX,
  BAN_DURATION_MS_MAX,
  DIAL_INTERVAL_MS,
  EXCLUDED_PEERS_MAX,
  type PeerActorConfig,
  RESERVED_PEERS_MAX,
} from "./config.ts";
import { namesNobody, peerIdIn, uselessAddress } from "./connect-target.ts";
import { Connections } from "./connections.ts";
import { DelegationKeeper } from "./delegation-keeper.ts";
import type { DistrustStore } from "./distrust-store.ts";
import type { HandshakeParts } from "./handshake.ts";
import type { KnownPeer } from "./known/known-peer.ts";
import { pageOf } from "./paging.ts";
import type { PeerStore } from "./peer-store.ts";
import { CLEAN } from "./reputation.ts";
import { observe } from "./score.ts";
import { ScoreNews } from "./score-news.ts";
import { peerView, scoreView, trafficByPeer, typeOf } from "./view.ts";

type Public = typeof PeerService;
type Internal = typeof PeerInternalService;
type Context = ActorContext<Public, Internal>;

export interface PeerParts extends HandshakeParts {
  readonly config: Settings<PeerActorConfig>;
  readonly host: Host;
  /** Outlives the actor: the host's gate reads it. */
  readonly bans: BanTable;
  /** Outlives the actor: what is known of peers. */
  readonly book: PeerStore;
  /** Outlives the actor: who equivocated, and who was trusted again. */
  readonly distrust: DistrustStore;
  /** Told what a member's clock showed; see ConnectionsParts. */
  readonly onMemberClock?: ((memberKey: Uint8Array, sentMs: number, atMs: number) => void) | undefined;
}

export function peerActor(parts: PeerParts): ActorDefinition<Public, Internal> {
  return {
    name: "peer",
    service: PeerService,
    internal: PeerInternalService,
    create: (context) => new PeerActor(context, parts),
  };
}

/** What the host's words for who named an address are in ours. */
const SOURCES: Readonly<Record<PeerSource, AddressSource>> = {
  bootstrap: AddressSource.CONFIGURED,
  mdns: AddressSource.MDNS,
  dht: AddressSource.DHT,
  peer: AddressSource.DHT,
};

/** Range of a penalty that a client gives. */
const PENALTY_MAX = 100;

/** Answers shorter than this are no measure of throughput. */
const THROUGHPUT_BYTES_MIN = 16 * 1024;

const tooMany = (field: string, max: number): Failure =>
  failure("INVALID_ARGUMENT", "TOO_MANY", `${field} takes at most ${max}`, { field });

const unknownPeer = (peerId: string): Failure =>
  failure("NOT_FOUND", "PEER_UNKNOWN", `peer ${peerId} was never seen`, { field: "peer_id" });

class PeerActor implements Actor<Public, Internal> {
  readonly #context: Context;
  readonly #parts: PeerParts;
  readonly #book: PeerStore;
  readonly #connections: Connections;
  readonly #config: LiveSettings<PeerActorConfig>;
  readonly #topic: Topic<typeof PeerService.method.watchPeers>;
  readonly #news: ScoreNews;

  readonly handlers: Handlers<Public>;
  readonly internal: Handlers<Internal>;
  readonly streams: Actor<Public, Internal>["streams"];

  constructor(context: Context, parts: PeerParts) {
    this.#context = context;
    this.#parts = parts;
    this.#book = parts.book;
    this.#config = new LiveSettings(parts.config.current);
    this.#topic = new Topic(PeerService.method.watchPeers, {
      snapshot: () => ({
        event: { case: "snapshot", value: { peers: this.#views(this.#connected()) } },
      }),
    });
    this.#news = new ScoreNews(context.timers, (peerIds) => this.#tellScores(peerIds));
    this.#connections = new Connections({
      ...parts,
      config: this.#config,
      context,
      book: this.#book,
      publish: (event) => this.#topic.publish({ event }),
      scoreChanged: ({ peerId }) => this.#news.changed(peerId),
    });
    this.handlers = { ...this.#commands(), ...this.#queries() };
    this.internal = this.#internalHandlers();
    this.streams = { watchPeers: this.#topic };
  }

  onStart(): void {
    const { host, config: settings } = this.#parts;
    const { timers } = this.#context;
    const config = settings.current;
    onSettings(this.#context, settings, (changed) => this.#config.replace(changed));
    const connections = this.#connections;
    connections.start(readHost(host, this.#context, (event) => this.#onHostEvent(event)));
    this.#watchChain();
    this.#keepDelegation();
    timers.every(DIAL_INTERVAL_MS, () => connections.dialler.dialMore());
    timers.every(config.discoveryIntervalMs, () => connections.dialler.lookAround());
    timers.every(config.statusIntervalMs, () => connections.maintenance.refreshAll(false));
    timers.every(config.healthCheckIntervalMs, () => connections.maintenance.checkHealth());
  }

  onStop(): void {
    this.#context.effect(this.#book.save(), () => {});
  }

  #keepDelegation(): void {
    const { ownDelegation: source } = this.#parts;
    if (source === undefined) return;
    const tellAll = (): void => this.#connections.maintenance.refreshAll(true);
    new DelegationKeeper({ context: this.#context, source, tellAll }).start();
  }

  #watchChain(): void {
    const context = this.#context;
    const { signal } = context;
    const events = this.#parts.chain.subscribe((event) => {
      if (event.type !== "authoritiesChanged" || signal.aborted) return;
      // The chain tells outside of our mailbox: the event is taken in by a turn of its own.
      context.effect(Promise.resolve(), () => this.#connections.onAuthoritiesChanged());
    });
    signal.addEventListener("abort", () => events.close(), { once: true });
  }

  #onHostEvent(event: HostEvent): void {
    const connections = this.#connections;
    switch (event.type) {
      case "connectionOpened":
        return connections.onOpened(event.connection);
      case "connectionClosed":
        return connections.onClosed(event.connection, event.isLastOfPeer);
      case "peerDiscovered":
        return connections.dialler.discovered(event.peerId, event.addresses, SOURCES[event.source]);
      case "peerIdentified":
        return connections.onIdentified(event.identity);
      case "overrun":
        return connections.onOverrun(event.peerId, event.measure);
      case "opened":
        return connections.dialler.dialMore();
      case "closed":
        return connections.onHostClosed();
      case "request":
        return connections.onRequest(event);
      default:
        return;
    }
  }

  #commands() {
    return {
      connectToPeer: (request) => this.#connect(request),
      disconnectFromPeer: ({ peerId, reason }) => {
        this.#context.log.info("an operator disconnects a peer", { peer: peerId, reason });
        return this.#connections.disconnect(peerId);
      },
      updatePeerScore: ({ peerId, scoreUpdate }) => this.#updateScore(peerId, scoreUpdate),
      banPeer: (request) => this.#ban(request),
      unbanPeer: ({ peerId }) => this.#unban(peerId),
      liftDistrust: ({ memberKey, reason }) => this.#connections.membership.liftDistrust(memberKey, reason),
      startDiscovery: ({ methods }) => {
        const refusal = this.#connections.dialler.startDiscovery(methods);
        return refusal ?? { knownPeers: this.#book.size };
      },
      stopDiscovery: () => {
        this.#connections.dialler.stopDiscovery();
        return {};
      },
    } satisfies Partial<Handlers<Public>>;
  }

  #connect({ peerId, addresses, peerType }: ConnectToPeerRequest) {
    const { bans, host } = this.#parts;
    const id = peerId === "" ? peerIdIn(addresses) : peerId;
    if (id === undefined) return namesNobody(addresses);
    const refusal = this.#idFailure(id);
    if (refusal !== undefined) return refusal;
    if (addresses.length > ADDRESSES_MAX) return tooMany("addresses", ADDRESSES_MAX);
    const useless = uselessAddress(addresses, (each) =>
      this.#book.faultOf(id, each, AddressSource.CONFIGURED),
    );
    if (useless !== undefined) return useless;
    if (bans.find(id) !== undefined) return failure("PERMISSION_DENIED", "PEER_BANNED", `${id} is banned`);
    const known = this.#book.get(id);
    const hasAddress = addresses.length > 0 || (known !== undefined && known.addresses.length > 0);
    if (!hasAddress && known?.link.state !== "connected" && known?.link.state !== "handshaking") {
      return failure("FAILED_PRECONDITION", "NO_ADDRESS", `no address of ${id} is known`, {
        field: "addresses",
      });
    }
    if (!host.isOpen) return failure("UNAVAILABLE", "NETWORK_STOPPED", "the network is not started");
    const peer = this.#book.ensure(id);
    this.#book.addAddresses(peer, addresses, AddressSource.CONFIGURED, this.#context.clock.nowMs());
    if (peerType !== undefined && peerType !== peer.assignedType) {
      peer.assignedType = peerType;
      this.#book.markDirty(peer);
    }
    return this.#connections.connect(peer);
  }

  #updateScore(peerId: string, update: ScoreUpdate | undefined): Reply<typeof UpdatePeerScoreResponseSchema> {
    const peer = this.#book.get(peerId);
    if (peer === undefined) return unknownPeer(peerId);
    const { latencyMs, throughputBytesPerSecond, success, penalty = 0, reason = "" } = update ?? {};
    for (const [field, value] of Object.entries({ latencyMs, throughputBytesPerSecond })) {
      if (value === undefined || (value >= 0 && Number.isFinite(value))) continue;
      return failure("INVALID_ARGUMENT", "OBSERVATION_RANGE", `${field} is a finite number from 0`, {
        field: "score_update",
      });
    }
    if (!(penalty >= 0 && penalty <= PENALTY_MAX)) {
      return failure("INVALID_ARGUMENT", "PENALTY_RANGE", `penalty lies in 0–${PENALTY_MAX}`, {
        field: "score_update.penalty",
      });
    }
    peer.score = observe(peer.score, {
      ...(latencyMs === undefined ? {} : { latencyMs }),
      ...(throughputBytesPerSecond === undefined ? {} : { bytesPerSecond: throughputBytesPerSecond }),
      ...(success === undefined ? {} : { isSuccess: success }),
    });
    this.#news.changed(peerId);
    const charge = { reason, offence: Offence.UNSPECIFIED, evidence: new Uint8Array() };
    if (penalty > 0) this.#connections.penalties.penalise(peer, penalty, charge);
    return { score: scoreView(peer, this.#context.clock.monotonicMs()) };
  }

  #ban({ peerId, durationMs, reason }: BanPeerRequest) {
    const refusal = this.#idFailure(peerId);
    if (refusal !== undefined) return refusal;
    if (durationMs > BigInt(BAN_DURATION_MS_MAX)) {
      return failure("INVALID_ARGUMENT", "DURATION_RANGE", "a ban lasts ten years at most", {
        field: "duration_ms",
      });
    }
    const charge = { reason, offence: Offence.UNSPECIFIED, evidence: new Uint8Array() };
    const lasting = Number(durationMs) || this.#config.current.banDurationMs;
    const put = this.#connections.penalties.putBan(peerId, charge, lasting);
    if (put === undefined) return failure("RESOURCE_EXHAUSTED", "BANS_FULL", "the table of bans is full");
    const answer = this.#context.deferred(PeerService.method.banPeer);
    this.#context.effect(put.stored, (outcome) => {
      if (outcome.ok) answer.resolve({ ban: put.ban });
      else answer.reject(outcome.failure);
    });
    return answer;
  }

  #unban(peerId: string) {
    const { wasBanned, stored } = this.#parts.bans.lift(peerId);
    if (!wasBanned)
      return failure("NOT_FOUND", "BAN_UNKNOWN", `there is no ban of ${peerId}`, { field: "peer_id" });
    const peer = this.#book.get(peerId);
    if (peer !== undefined) {
      // Else the next small mistake would ban it again.
      peer.reputation = CLEAN;
      peer.refusedUntilMs = 0;
      peer.notBeforeMs = 0;
    }
    this.#topic.publish({ event: { case: "unbanned", value: peerId } });
    const answer = this.#context.deferred(PeerService.method.unbanPeer);
    this.#context.effect(stored, (outcome) => {
      if (outcome.ok) answer.resolve({});
      else answer.reject(outcome.failure);
    });
    return answer;
  }

  /** Undefined when this is somebody else's peer id. */
  #idFailure(peerId: string): Failure | undefined {
    const field = "peer_id";
    if (this.#parts.peerIdBytes(peerId) === undefined)
      return failure("INVALID_ARGUMENT", "PEER_ID_INVALID", `"${peerId}" is no peer id`, { field });
    if (peerId === this.#parts.host.peerId)
      return failure("INVALID_ARGUMENT", "PEER_IS_SELF", "this is our own peer id", { field });
    return undefined;
  }

  #queries() {
    const { bans } = this.#parts;
    return {
      getPeerStatus: ({ peerId }) => {
        const peer = this.#book.get(peerId);
        const ban = bans.find(peerId);
        if (peer === undefined && ban === undefined) return unknownPeer(peerId);
        return {
          ...(peer === undefined ? {} : { peer: this.#views([peer])[0] }),
          ...(ban === undefined ? {} : { ban }),
        };
      },
      getConnectedPeers: (request) => this.#page(this.#connected(), request),
      listKnownPeers: (request) => this.#page(this.#book.all(), request),
      getBestPeers: ({ count, heightMin, servesHeight, excludedPeerIds }) => {
        if (excludedPeerIds.length > EXCLUDED_PEERS_MAX)
          return tooMany("excluded_peer_ids", EXCLUDED_PEERS_MAX);
        const chosen = choosePeers(this.#connected(), {
          count,
          heightMin: Number(heightMin),
          servesHeight: servesHeight === undefined ? undefined : Number(servesHeight),
          excluded: new Set(excludedPeerIds),
        });
        return { peers: this.#views(chosen) };
      },
      listBans: ({ pageSize, pageToken }) => {
        const page = pageOf(bans.list(), pageSize, pageToken);
        if (page instanceof Failure) return page;
        const { items, nextPageToken, totalSize } = page;
        const massPenalties = [...this.#connections.penalties.alarms];
        return { bans: [...items], nextPageToken, totalSize, massPenalties };
      },
      listDistrustedMembers: () => this.#connections.membership.listDistrusted(),
    } satisfies Partial<Handlers<Public>>;
  }

  #internalHandlers(): Handlers<Internal> {
    return {
      reportOffence: ({ peerId, offence, detail, evidence, memberKey }) => {
        if (offence === Offence.EQUIVOCATION && memberKey.length > 0)
          this.#connections.membership.distrust(memberKey, evidence);
        if (peerId !== "") this.#connections.penalties.onOffence(peerId, offence, detail, evidence);
        return {};
      },
      dropUnserving: ({ peerId }) => {
        this.#connections.dropUnserving(peerId);
        return {};
      },
      recordPerformance: (request) => this.#recordPerformance(request),
      refreshStatus: ({ peerId }) => {
        if (peerId === "") this.#connections.maintenance.refreshAll(true);
        else this.#connections.maintenance.refresh(peerId);
        return {};
      },
      reservePeers: ({ peerIds }) => {
        if (peerIds.length > RESERVED_PEERS_MAX) return tooMany("peer_ids", RESERVED_PEERS_MAX);
        const wrong = peerIds.find((peerId) => this.#parts.peerIdBytes(peerId) === undefined);
        if (wrong !== undefined) {
          return failure("INVALID_ARGUMENT", "PEER_ID_INVALID", `"${wrong}" is no peer id`, {
            field: "peer_ids",
          });
        }
        this.#connections.membership.reserve(peerIds.filter((peerId) => peerId !== this.#parts.host.peerId));
        return {};
      },
    };
  }

  #recordPerformance(request: RecordPerformanceRequest): Reply<typeof RecordPerformanceResponseSchema> {
    const peer = this.#book.get(request.peerId);
    if (peer === undefined) return unknownPeer(request.peerId);
    const { succeeded, latencyMs, durationMs, blocks } = request;
    const bytes = Number(request.bytes);
    // The time of a short answer is its latency; it says nothing of throughput.
    const isMeasure = succeeded && bytes >= THROUGHPUT_BYTES_MIN;
    peer.score = observe(peer.score, {
      isSuccess: succeeded,
      ...(succeeded ? { latencyMs } : {}),
      ...(isMeasure ? { bytesPerSecond: (bytes * 1000) / Math.max(1, durationMs) } : {}),
    });
    if (succeeded) peer.requestsAnswered++;
    else peer.requestsFailed++;
    peer.blocksServed += blocks;
    peer.bytesServed += bytes;
    this.#news.changed(request.peerId);
    return {};
  }

  #tellScores(peerIds: ReadonlySet<string>): void {
    const connected = this.#connected().filter(({ peerId }) => peerIds.has(peerId));
    for (const value of this.#views(connected)) this.#topic.publish({ event: { case: "updated", value } });
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
    return { peers: this.#views(items), nextPageToken, totalSize };
  }

  #connected(): KnownPeer[] {
    return [...this.#book.connected()];
  }

  /** With the traffic of the moment, which only the host counts. */
  #views(peers: readonly KnownPeer[]) {
    const { bans, host } = this.#parts;
    const nowMs = this.#context.clock.monotonicMs();
    const traffic = trafficByPeer(host.isOpen ? host.connections() : []);
    return peers.map((peer) =>
      peerView(peer, nowMs, bans.find(peer.peerId) !== undefined, traffic.get(peer.peerId)),
    );
  }
}
