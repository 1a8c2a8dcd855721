/**
 * The host over js-libp2p. It owns the libp2p node from `open` to `close` and joins its parts: gate, connections, requests,
 * gossip, meters. It decides nothing; see the port.
 */

import type { Connection, PeerId } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import type { Multiaddr } from "@multiformats/multiaddr";
import { asError, assert, type Failure } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { Log } from "../../kernel/ports/log.ts";
import type { Random } from "../../kernel/ports/random.ts";
import { realScheduler } from "../../kernel/ports/scheduler.ts";
import { RequestAdmission } from "../admission.ts";
import { EventHub } from "../event-hub.ts";
import { hostFailure, toHostFailure } from "../failures.ts";
import { GossipIntake } from "../gossip-intake.ts";
import { type Identity, verifyPeerSignature } from "../identity.ts";
import { PendingGossip } from "../pending-gossip.ts";
import {
  type ConnectionGate,
  type ConnectionInfo,
  type DialOptions,
  type FoundPeer,
  GOSSIP_DEFAULTS,
  type Host,
  type HostEvent,
  type HostOptions,
  type HostSnapshot,
  type HostStats,
  type HostSubscription,
  type MessageHandle,
  type RequestHandle,
  type RequestOptions,
  type Verdict,
} from "../port.ts";
import { PROTOCOL_LIMITS, type Protocol, protocolId, type TopicName } from "../protocols.ts";
import { NOT_OPEN } from "../reachability.ts";
import { Announcing } from "./announcing.ts";
import { Connections } from "./connections.ts";
import { Dials } from "./dials.ts";
import { Doubles } from "./doubles.ts";
import { findPeerById, pingPeer, walk } from "./find-peer.ts";
import { connectionGater, RESERVED_CONNECTIONS } from "./gater.ts";
import { Gossip, heartbeatMsOf } from "./gossip.ts";
import { GossipLinks } from "./gossip-links.ts";
import { Guard } from "./guard.ts";
import { Inbound } from "./inbound.ts";
import { Meters } from "./meters.ts";
import { type Resolve, systemResolve } from "./names.ts";
import { createNode, INBOUND_PENDING_MAX, type Node, reachOf } from "./node.ts";
import { requestOver } from "./requester.ts";
import { type Answer, Responder } from "./responder.ts";
import { PROTECTED_SCORE } from "./score.ts";
import { serveKad, serveRequests } from "./serving.ts";
import { connectionStats, gossipStats } from "./stats.ts";
import { StreamDrain } from "./stream-drain.ts";

/** Requests of ours in flight, all peers together: two per peer at a hundred peers and some. At the bound: HOST_BUSY. */
const REQUESTS_IN_FLIGHT_MAX = 256;

export interface Libp2pHostParts {
  readonly identity: Identity;
  readonly gate: ConnectionGate;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly createNode?: typeof createNode;
  readonly resolve?: Resolve;
}

/** What exists only while the host is open. */
interface Opened {
  readonly node: Node;
  readonly gossip: Gossip;
  readonly options: HostOptions;
  readonly announcing: Announcing;
  readonly dials: Dials;
}

export class Libp2pHost implements Host {
  readonly peerId: string;
  readonly #parts: Libp2pHostParts;
  readonly #events: EventHub;
  readonly #admission = new RequestAdmission();
  readonly #connections: Connections;
  readonly #pending: PendingGossip;
  readonly #intake: GossipIntake;
  readonly #streamDrain: StreamDrain;
  readonly #doubles: Doubles;
  readonly #responder: Responder;
  readonly #meters: Meters;
  readonly #guard: Guard;
  #protected: ReadonlySet<string> = new Set();
  #opened: Opened | undefined;
  /** Of the node that is open or being opened. */
  #links: GossipLinks | undefined;
  #inbound: Inbound | undefined;
  #isStarting = false;
  #closing: Promise<void> | undefined;
  #gateRefused = 0;
  #multicastProblem: string | undefined;
  #requestsInFlight = 0;

  constructor(parts: Libp2pHostParts) {
    const { clock } = parts;
    this.peerId = parts.identity.peerId;
    this.#parts = parts;
    this.#events = new EventHub(parts.log);
    this.#connections = new Connections(this.peerId, clock, this.#events);
    this.#pending = new PendingGossip(clock, this.#events);
    this.#intake = new GossipIntake(clock, this.#pending);
    this.#streamDrain = new StreamDrain(clock);
    this.#doubles = new Doubles({
      clock,
      log: parts.log,
      connections: this.#connections,
      streamDrain: this.#streamDrain,
      onChanged: (peerId) => this.#links?.changed(peerId),
    });
    this.#guard = new Guard({
      clock,
      onOverrun: (peerId, measure) => this.#events.emit({ type: "overrun", peerId, measure }),
    });
    this.#meters = new Meters(
      (stream) => this.#connections.ownerOf(stream),
      (peerId, protocol, bytes) => this.#guard.received(peerId, protocol, bytes),
    );
    this.#responder = new Responder({
      clock,
      events: this.#events,
      admission: this.#admission,
      streamDrain: this.#streamDrain,
      isReserved: (peerId) => this.#protected.has(peerId),
      onStalled: (peerId) => this.#guard.cut(peerId, "it does not read what it asked for"),
    });
  }

  get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  async open(options: HostOptions, signal?: AbortSignal): Promise<void> {
    assert(this.#opened === undefined && !this.#isStarting, "a host is opened once at a time");
    await this.#closing;
    this.#isStarting = true;
    try {
      await this.#start(options, signal);
    } catch (thrown) {
      throw toHostFailure(thrown, "LISTEN_FAILED");
    } finally {
      this.#isStarting = false;
    }
  }

  async #start(options: HostOptions, signal: AbortSignal | undefined): Promise<void> {
    const { clock, log } = this.#parts;
    const links = new GossipLinks(
      {
        clock,
        log,
        scheduler: realScheduler,
        connections: this.#connections,
        streamDrain: this.#streamDrain,
      },
      heartbeatMsOf(options),
    );
    this.#links = links;
    const inbound = this.#inboundOf(options);
    const node = await (this.#parts.createNode ?? createNode)(options, {
      identity: this.#parts.identity,
      meters: this.#meters,
      gater: connectionGater({
        gate: this.#parts.gate,
        inbound,
        onRefused: () => {
          this.#gateRefused += 1;
        },
      }),
      applicationScore: (peerId) => this.#applicationScore(peerId),
      gossipLinks: links,
      guard: this.#guard,
      onMulticastPeer: (peer) => this.#discovered(peer.id, peer.multiaddrs, "mdns"),
      onMulticast: (problem) => this.#onMulticast(problem),
    });
    const gossip = new Gossip(
      node.services.gossip,
      {
        pending: this.#pending,
        intake: this.#intake,
        guard: this.#guard,
        events: this.#events,
        isReserved: (peerId) => this.#protected.has(peerId),
      },
      options.genesisHash,
    );
    const opened: Opened = {
      node,
      gossip,
      options,
      announcing: new Announcing(node, options),
      dials: this.#dialsOf(node, options),
    };
    this.#events.beginEpoch();
    this.#pending.open({ ...GOSSIP_DEFAULTS, ...options.gossip }.verdictDeadlineMs);
    this.#intake.open(options.precheck);
    await this.#wire(opened, links);
    await node.start();
    await serveKad(node, options, { clock, guard: this.#guard, connections: this.#connections });
    if (signal?.aborted === true) {
      await node.stop();
      throw hostFailure("REQUEST_CANCELLED", "the opening was cancelled");
    }
    gossip.subscribe(options.topics);
    this.#opened = opened;
    this.#events.emit({ type: "opened" });
    for (const address of options.bootstrapAddresses) this.#announceBootstrap(address);
  }

  #inboundOf({ connectionsMax, privateNetwork }: HostOptions): Inbound {
    this.#inbound = new Inbound({
      clock: this.#parts.clock,
      bounds: { pendingMax: INBOUND_PENDING_MAX, connectionsMax, hasCaps: !privateNetwork },
      bytesOf: ({ timeline }) => this.#meters.takeWire(timeline).total().bytesIn,
      isReserved: (peerId) => this.#protected.has(peerId),
      hasGreeted: (peerId) => this.#guard.isAdmitted(peerId),
      outbound: () => this.#connections.outbound,
    });
    return this.#inbound;
  }

  /** Joins the node's events and protocols to ours, before it starts. */
  async #wire({ node, gossip, options }: Opened, links: GossipLinks): Promise<void> {
    gossip.attach();
    node.addEventListener("connection:open", ({ detail }) => {
      this.#guard.opened(detail);
      this.#connections.opened(detail, this.#meters);
      this.#doubles.opened(detail.remotePeer.toString());
    });
    node.addEventListener("connection:close", ({ detail }) => {
      this.#connections.closed(detail);
      this.#guard.closed(detail);
      this.#doubles.closed(detail.remotePeer.toString());
    });
    node.addEventListener("peer:identify", ({ detail }) => {
      this.#connections.identified(detail);
      links.identified(detail);
    });
    node.addEventListener("peer:discovery", ({ detail }) => {
      if (options.kadDht) this.#discovered(detail.id, detail.multiaddrs, "dht");
    });
    node.addEventListener("self:peer:update", () => {
      if (this.#opened?.node !== node) return;
      this.#events.emit({ type: "addressesChanged", addresses: this.addresses() });
    });
    node.addEventListener("transport:close", () => this.#failIfDeaf(node));
    node.addEventListener("stop", () => this.#fail(node, "libp2p stopped by itself"));
    await serveRequests(node, options, { guard: this.#guard, responder: this.#responder });
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) return this.#closing;
    this.#closing = this.#stop(opened).finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #stop({ node, dials }: Opened): Promise<void> {
    // From here on a stopping node is no failure, and its requests answer HOST_CLOSED.
    this.#opened = undefined;
    this.#multicastProblem = undefined;
    dials.close();
    this.#responder.close();
    this.#pending.close();
    try {
      await node.stop();
    } catch (thrown) {
      this.#parts.log.warn("libp2p did not stop cleanly", { error: asError(thrown) });
    }
    this.#inbound?.close();
    this.#doubles.close();
    this.#streamDrain.close();
    this.#connections.close();
    this.#events.emit({ type: "closed" });
  }

  /** All listeners gone while we should listen: nobody can reach us any more. */
  #failIfDeaf(node: Node): void {
    if (this.#opened?.node !== node || this.#opened.options.listenAddresses.length === 0) return;
    if (node.getMultiaddrs().length === 0) this.#fail(node, "every listener is closed");
  }

  #fail(node: Node, message: string): void {
    const opened = this.#opened;
    if (opened?.node !== node) return;
    this.#closing = this.#stop(opened).finally(() => {
      this.#closing = undefined;
      this.#events.emit({ type: "failed", message });
    });
  }

  subscribe(listener: (event: HostEvent) => void): HostSubscription {
    const stop = this.#events.add(listener);
    return { snapshot: this.#snapshot(), close: stop };
  }

  #snapshot(): HostSnapshot {
    const gossip = this.#opened?.gossip;
    return {
      epoch: this.#events.epoch,
      isOpen: this.isOpen,
      connections: this.#connections.list(),
      identities: this.#connections.identities(),
      subscriptions: {
        blocks: gossip?.subscribers("blocks") ?? [],
        transactions: gossip?.subscribers("transactions") ?? [],
      },
    };
  }

  async dial(
    peerId: string | undefined,
    addresses: readonly string[],
    options: DialOptions,
  ): Promise<ConnectionInfo> {
    const { dials } = this.#need();
    const known = peerId === undefined ? undefined : this.#connections.ofPeer(peerId);
    return this.#describe(known ?? (await dials.dial(peerId, addresses, options)));
  }

  #dialsOf(node: Node, options: HostOptions): Dials {
    const { clock, gate, resolve = systemResolve } = this.#parts;
    return new Dials({
      ...{ clock, gate, resolve, transports: node.services.transports, reach: reachOf(options) },
      onRefused: () => {
        this.#gateRefused += 1;
      },
      connectionsMax: (peerId) =>
        options.connectionsMax +
        (peerId !== undefined && this.#protected.has(peerId) ? RESERVED_CONNECTIONS : 0),
      connections: () => this.#connections.size,
    });
  }

  #describe(connection: Connection): ConnectionInfo {
    const info = this.#connections.info(connection);
    if (info !== undefined) return info;
    throw hostFailure("DIAL_FAILED", "the connection closed as it opened");
  }

  async hangUp(peerId: string): Promise<void> {
    const { node } = this.#need();
    if (this.#connections.ofPeer(peerId) === undefined) return;
    await node.hangUp(peerIdFromString(peerId));
  }

  async ping(peerId: string, options: DialOptions): Promise<number> {
    const { node } = this.#need();
    if (this.#connections.ofPeer(peerId) === undefined) throw notConnected(peerId);
    return pingPeer(node, this.#parts.clock, peerId, options);
  }

  async request(
    peerId: string,
    protocol: Protocol,
    payload: Uint8Array,
    options: RequestOptions,
  ): Promise<readonly Uint8Array[]> {
    const opened = this.#need();
    const { requestBytesMax } = PROTOCOL_LIMITS[protocol];
    if (payload.length > requestBytesMax) {
      throw hostFailure("REQUEST_TOO_LARGE", `${payload.length} bytes are too many for ${protocol}`);
    }
    const connection = this.#connections.ofPeer(peerId);
    if (connection === undefined) throw notConnected(peerId);
    // Before the first await, so that the line belongs to whoever asks.
    this.#parts.log.debug("requests", { peer: peerId, protocol, bytes: payload.length });
    if (this.#requestsInFlight >= REQUESTS_IN_FLIGHT_MAX) {
      throw hostFailure("HOST_BUSY", `${REQUESTS_IN_FLIGHT_MAX} requests are in flight`);
    }
    this.#requestsInFlight += 1;
    try {
      const parts = { clock: this.#parts.clock, streamDrain: this.#streamDrain };
      const name = protocolId(opened.options.genesisHash, protocol);
      return await requestOver(parts, connection, name, payload, options);
    } catch (thrown) {
      if (this.#opened !== opened) throw hostFailure("HOST_CLOSED", "the host closed meanwhile");
      throw thrown;
    } finally {
      this.#requestsInFlight -= 1;
    }
  }

  respond(handle: RequestHandle, answer: Answer): void {
    this.#responder.respond(handle, answer);
  }

  async publish(topic: TopicName, data: Uint8Array): Promise<{ readonly recipients: number }> {
    return this.#need().gossip.publish(topic, data);
  }

  verdict(handle: MessageHandle, verdict: Verdict): void {
    this.#pending.settle(handle, verdict);
  }

  sign(bytes: Uint8Array): Uint8Array {
    return this.#parts.identity.sign(bytes);
  }

  verifyPeerSignature(peerId: string, bytes: Uint8Array, signature: Uint8Array): boolean {
    return verifyPeerSignature(peerId, bytes, signature);
  }

  addresses(): readonly string[] {
    return this.#opened?.node.getMultiaddrs().map((address) => address.toString()) ?? [];
  }

  connections(): readonly ConnectionInfo[] {
    return this.#connections.list();
  }

  stats(): HostStats {
    const opened = this.#opened;
    const multicast = this.#multicastProblem;
    return {
      ...connectionStats(this.#connections.list(), opened?.gossip),
      ...gossipStats(this.#pending, opened?.gossip),
      epoch: this.#events.epoch,
      dialsPending: opened?.dials.pending ?? 0,
      requestsServing: this.#admission.serving,
      requestsWaiting: this.#responder.waiting,
      rateLimited: this.#admission.refused,
      gateRefused: this.#gateRefused,
      trafficByProtocol: this.#meters.byProtocol.byLabel(),
      trafficByTransport: this.#meters.byTransport.byLabel(),
      discoveryFailures: multicast === undefined ? [] : [`mdns: ${multicast}`],
      deafPeers: this.#links?.deafPeers() ?? [],
      gossipRenewals: this.#links?.renewed ?? 0,
      reachability: opened?.announcing.report() ?? NOT_OPEN,
    };
  }

  protectPeers(peerIds: ReadonlySet<string>): void {
    this.#protected = new Set(peerIds);
  }

  admitPeer(peerId: string, isMember: boolean): void {
    this.#guard.admit(peerId, isMember);
  }

  async findPeers(limit: number, options: DialOptions): Promise<readonly FoundPeer[]> {
    return walk(this.#need().node, this.#parts, limit, options);
  }

  async findPeer(peerId: string, options: DialOptions): Promise<FoundPeer | undefined> {
    return findPeerById(this.#need().node, this.#parts, peerId, options);
  }

  #need(): Opened {
    if (this.#opened === undefined) throw hostFailure("HOST_CLOSED", "the host is not open");
    return this.#opened;
  }

  #applicationScore(peerId: string): number {
    const score = this.#parts.gate.applicationScore?.(peerId) ?? 0;
    return this.#protected.has(peerId) ? Math.max(score, PROTECTED_SCORE) : score;
  }

  #discovered(peer: PeerId, addresses: readonly Multiaddr[], source: "mdns" | "dht"): void {
    const peerId = peer.toString();
    if (peerId === this.peerId || this.#connections.ofPeer(peerId) !== undefined) return;
    this.#events.emit({
      type: "peerDiscovered",
      peerId,
      addresses: addresses.map((address) => address.toString()),
      source,
    });
  }

  #onMulticast(problem: string | undefined): void {
    this.#multicastProblem = problem;
    if (problem !== undefined) this.#parts.log.warn("mDNS cannot listen: nobody is found by it", { problem });
  }

  #announceBootstrap(address: string): void {
    const peerId = address.split("/p2p/")[1];
    if (peerId === undefined) return this.#parts.log.warn("a bootstrap address names no peer", { address });
    this.#events.emit({ type: "peerDiscovered", peerId, addresses: [address], source: "bootstrap" });
  }
}

function notConnected(peerId: string): Failure {
  return hostFailure("NOT_CONNECTED", `no connection to ${peerId}`);
}
