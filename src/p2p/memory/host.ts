/**
 * The host's in-memory twin: same port, same identities and signatures, same limits and reports, over a `MemoryNetwork`.
 * Simulations run a thousand of them in one process on a fake clock.
 */

import { assert } from "../../kernel/errors.ts";
import { type Log, silentLog } from "../../kernel/ports/log.ts";
import { RequestAdmission } from "../admission.ts";
import { deadlineAfter } from "../deadline.ts";
import { EventHub } from "../event-hub.ts";
import { hostFailure, toHostFailure } from "../failures.ts";
import { encodeRequest } from "../framing.ts";
import { type Identity, verifyPeerSignature } from "../identity.ts";
import { PendingGossip } from "../pending-gossip.ts";
import type {
  ConnectionGate,
  ConnectionInfo,
  DialOptions,
  Direction,
  FoundPeer,
  Host,
  HostEvent,
  HostOptions,
  HostStats,
  HostSubscription,
  MessageHandle,
  RequestHandle,
  RequestOptions,
  ResponseError,
  Verdict,
} from "../port.ts";
import { PROTOCOL_LIMITS, type Protocol, protocolId, type TopicName } from "../protocols.ts";
import { NOBODY_DIALLED } from "../reachability.ts";
import { toldOf, usableAddresses } from "./dial-attempts.ts";
import { MemoryExchange, MemoryResponder } from "./exchange.ts";
import { MemoryGossip } from "./gossip.ts";
import { type Greeting, greetingOf, IdentifyCache } from "./identify-cache.ts";
import type { MemoryLink } from "./link.ts";
import { MemoryLinks } from "./links.ts";
import type { MemoryNetwork } from "./network.ts";
import { sendRequest } from "./sending.ts";

/** A greeting, a reset, a subscription: they take no time on the wire. */
const SMALL = 0;

type Link = MemoryLink<MemoryHost>;

export interface MemoryHostParts {
  readonly identity: Identity;
  readonly gate: ConnectionGate;
  readonly network: MemoryNetwork;
  readonly log?: Log;
}

export class MemoryHost implements Host {
  readonly peerId: string;
  readonly #parts: MemoryHostParts;
  readonly #network: MemoryNetwork;
  readonly #events: EventHub;
  readonly #admission = new RequestAdmission();
  readonly #responder: MemoryResponder;
  readonly #pending: PendingGossip;
  readonly #gossip: MemoryGossip;
  readonly #links: MemoryLinks<MemoryHost>;
  readonly #acquaintances: IdentifyCache;
  /** Connected peers that have greeted. */
  readonly #admitted = new Set<string>();
  #protected: ReadonlySet<string> = new Set();
  #options: HostOptions | undefined;
  #addresses: string[] = [];
  #gateRefused = 0;
  #dials = 0;
  #dialling = 0;

  constructor(parts: MemoryHostParts) {
    const { network } = parts;
    this.peerId = parts.identity.peerId;
    this.#parts = parts;
    this.#network = network;
    this.#events = new EventHub(parts.log ?? silentLog);
    this.#acquaintances = new IdentifyCache(this.#events);
    this.#links = new MemoryLinks({
      ownId: this.peerId,
      clock: network.clock,
      events: this.#events,
      acquaintances: this.#acquaintances,
    });
    this.#pending = new PendingGossip(network.clock, this.#events);
    this.#responder = new MemoryResponder({
      clock: network.clock,
      events: this.#events,
      admission: this.#admission,
      isReserved: (peerId) => this.#protected.has(peerId),
    });
    this.#gossip = new MemoryGossip({
      pending: this.#pending,
      clock: network.clock,
      events: this.#events,
      isReserved: (peerId) => this.#protected.has(peerId),
      subscribers: (topic) => this.#acquaintances.subscribers(topic),
      send: (peerId, topic, data) => this.#sendGossip(peerId, topic, data),
      applicationScore: (peerId) =>
        this.#protected.has(peerId) ? 100 : (parts.gate.applicationScore?.(peerId) ?? 0),
    });
  }

  get isOpen(): boolean {
    return this.#options !== undefined;
  }

  async open(options: HostOptions, signal?: AbortSignal): Promise<void> {
    assert(this.#options === undefined, "a host is opened once at a time");
    if (signal?.aborted === true) throw hostFailure("REQUEST_CANCELLED", "the opening was cancelled");
    this.#addresses = [];
    for (const address of options.listenAddresses) {
      const own = this.#network.listen(address, this);
      if (own === undefined) {
        this.#network.unlisten(this);
        throw hostFailure("LISTEN_FAILED", `${address} is taken`);
      }
      this.#addresses.push(`${own}/p2p/${this.peerId}`);
    }
    this.#options = options;
    this.#events.beginEpoch();
    this.#gossip.open(options);
    this.#events.emit({ type: "opened" });
    for (const address of options.bootstrapAddresses) {
      const peerId = address.split("/p2p/")[1];
      if (peerId === undefined) continue;
      this.#events.emit({ type: "peerDiscovered", peerId, addresses: [address], source: "bootstrap" });
    }
  }

  async close(): Promise<void> {
    if (this.#options === undefined) return;
    this.#options = undefined;
    this.#network.unlisten(this);
    this.#responder.close();
    this.#pending.close();
    this.#links.close();
    for (const link of this.#links.all()) this.#drop(link, "HOST_CLOSED");
    this.#addresses = [];
    this.#events.emit({ type: "closed" });
  }

  /** For tests of supervision: the host dies as a real one might. */
  async crash(message: string): Promise<void> {
    await this.close();
    this.#events.emit({ type: "failed", message });
  }

  subscribe(listener: (event: HostEvent) => void): HostSubscription {
    const stop = this.#events.add(listener);
    const snapshot = {
      epoch: this.#events.epoch,
      isOpen: this.isOpen,
      connections: this.connections(),
      identities: this.#acquaintances.identities(),
      subscriptions: this.#acquaintances.subscriptions(),
    };
    return { snapshot, close: stop };
  }

  async dial(
    peerId: string | undefined,
    addresses: readonly string[],
    options: DialOptions,
  ): Promise<ConnectionInfo> {
    this.#need();
    const known = peerId === undefined ? undefined : this.#links.to(peerId);
    if (known !== undefined) return known.info();
    const tried = addresses.length > 0 ? addresses : this.#network.addressesOf(peerId ?? "");
    if (tried.length === 0)
      throw hostFailure(peerId === undefined ? "ADDRESS_INVALID" : "DIAL_FAILED", "no address");
    const usable = usableAddresses(peerId, tried, options.onAttempt);
    if (!this.#gateAllows(peerId, undefined, "outbound"))
      throw hostFailure("GATE_REFUSED", "the gate refuses");
    const isReserved = this.#protected.has(peerId ?? "");
    if (!this.#links.hasRoom(this.#need().connectionsMax, isReserved, this.#dialling))
      throw hostFailure("HOST_BUSY", "all connections are taken");
    const deadline = deadlineAfter(this.#network.clock, options.deadlineMs, "DIAL_DEADLINE", options.signal);
    this.#dialling += 1;
    try {
      return await toldOf(usable, options.onAttempt, () => this.#reach(peerId, usable, deadline.signal));
    } finally {
      this.#dialling -= 1;
      deadline.dispose();
    }
  }

  async #reach(
    peerId: string | undefined,
    addresses: readonly string[],
    signal: AbortSignal,
  ): Promise<ConnectionInfo> {
    if (signal.aborted) throw toHostFailure(signal.reason, "DIAL_DEADLINE");
    const targets = addresses.map((address) => ({ address, host: hostAt(this.#network, address) }));
    const others = targets.filter(({ host }) => host !== undefined && host !== this);
    const target = others.find(({ host }) => host?.peerId === peerId) ?? others[0];
    const { promise, resolve, reject } = Promise.withResolvers<ConnectionInfo>();
    signal.addEventListener("abort", () => reject(toHostFailure(signal.reason, "DIAL_DEADLINE")), {
      once: true,
    });
    const expected = peerId ?? target?.address.split("/p2p/")[1];
    if (target?.host === undefined || (expected !== undefined && target.host.peerId !== expected)) {
      const fail = (): void => reject(hostFailure("DIAL_FAILED", "nobody answers there"));
      this.#network.deliver(this.peerId, this.peerId, SMALL, fail);
      return promise;
    }
    const { address, host } = target;
    if (!this.#gateAllows(host.peerId, address, "outbound"))
      throw hostFailure("GATE_REFUSED", "the gate refuses");
    this.#dials += 1;
    const id = `${this.peerId}-${this.#dials}`;
    this.#network.deliver(this.peerId, host.peerId, SMALL, () => {
      const link = host.#accept(id, this);
      this.#network.deliver(host.peerId, this.peerId, SMALL, () => {
        if (link === undefined || !this.isOpen || signal.aborted) {
          host.#dropId(id);
          reject(hostFailure("DIAL_FAILED", "the other side refused"));
          return;
        }
        const own = this.#links.begin(id, host, "outbound", address);
        this.#keepOne(host.peerId);
        this.#greet(own);
        resolve(own.info());
      });
      if (link !== undefined) host.#greet(link);
    });
    return promise;
  }

  #accept(id: string, dialler: MemoryHost): Link | undefined {
    const options = this.#options;
    if (options === undefined) return undefined;
    const isReserved = this.#protected.has(dialler.peerId);
    const remoteAddress = `/memory/${dialler.peerId}`;
    if (!this.#gateAllows(dialler.peerId, remoteAddress, "inbound")) return undefined;
    if (!this.#links.hasRoom(options.connectionsMax, isReserved, 0)) {
      this.#gateRefused += 1;
      return undefined;
    }
    const link = this.#links.begin(id, dialler, "inbound", remoteAddress);
    this.#keepOne(dialler.peerId);
    return link;
  }

  #keepOne(peerId: string): void {
    this.#links.keepOne(peerId, (link) => this.#drop(link, "CONNECTION_LOST"));
  }

  #greet({ id, remote }: Link): void {
    const greeting = greetingOf(this.peerId, this.#need(), this.#addresses);
    this.#network.deliver(this.peerId, remote.peerId, SMALL, () => remote.#greeted(id, greeting));
  }

  /** A link that we do not know was dropped meanwhile. */
  #greeted(id: string, greeting: Greeting): void {
    if (this.#links.get(id) !== undefined && this.#options !== undefined) {
      this.#acquaintances.greeted(greeting, this.#options.genesisHash);
    }
  }

  async hangUp(peerId: string): Promise<void> {
    this.#need();
    for (const link of this.#links.all()) {
      if (link.remote.peerId === peerId) this.#drop(link, "CONNECTION_LOST");
    }
  }

  /** Ends a link here at once and at the other end when the news arrives. */
  #drop(link: Link, reason: "CONNECTION_LOST" | "HOST_CLOSED"): void {
    this.#end(link, reason);
    const { remote, id } = link;
    this.#network.deliver(this.peerId, remote.peerId, SMALL, () => remote.#dropId(id));
  }

  #end(link: Link, reason: "CONNECTION_LOST" | "HOST_CLOSED"): void {
    this.#links.end(link, reason);
    const { peerId } = link.remote;
    if (this.#links.to(peerId) === undefined) this.#admitted.delete(peerId);
  }

  #dropId(id: string): void {
    const link = this.#links.get(id);
    if (link !== undefined) this.#end(link, "CONNECTION_LOST");
  }

  async ping(peerId: string, options: DialOptions): Promise<number> {
    const link = this.#needLink(peerId);
    const { clock } = this.#network;
    const startMs = clock.monotonicMs();
    const deadline = deadlineAfter(clock, options.deadlineMs, "FIRST_BYTE_DEADLINE", options.signal);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    deadline.signal.addEventListener("abort", () => reject(deadline.signal.reason), { once: true });
    this.#network.deliver(this.peerId, peerId, SMALL, () => {
      const back = (): void => resolve(clock.monotonicMs() - startMs);
      this.#network.deliver(link.remote.peerId, this.peerId, SMALL, back);
    });
    return promise.finally(() => deadline.dispose());
  }

  async request(
    peerId: string,
    protocol: Protocol,
    payload: Uint8Array,
    options: RequestOptions,
  ): Promise<readonly Uint8Array[]> {
    const { genesisHash } = this.#need();
    if (payload.length > PROTOCOL_LIMITS[protocol].requestBytesMax) {
      throw hostFailure("REQUEST_TOO_LARGE", `${payload.length} bytes are too many for ${protocol}`);
    }
    const link = this.#needLink(peerId);
    const exchange = new MemoryExchange(this.#network.clock, options);
    link.exchanges.add(exchange);
    const { remote } = link;
    const name = protocolId(genesisHash, protocol);
    this.#links.count(link, protocol, 0, payload.length);
    exchange.onCancel = () => {
      this.#network.deliver(this.peerId, peerId, SMALL, () => exchange.onCancelled());
    };
    // A copy: nobody may change what is on its way.
    const frame = encodeRequest(payload);
    sendRequest(this.#network, { from: this.peerId, to: peerId, frame, exchange }, (bytes) => {
      remote.#serve(link.id, this, name, bytes, exchange);
    });
    try {
      return await exchange.outcome;
    } finally {
      link.exchanges.delete(exchange);
    }
  }

  #serve(id: string, asker: MemoryHost, name: string, bytes: Uint8Array, exchange: MemoryExchange): void {
    const link = this.#links.get(id);
    const options = this.#options;
    const back = (bytes: number, arrive: () => void): void => {
      this.#network.deliver(this.peerId, asker.peerId, bytes, arrive);
    };
    if (link === undefined || options === undefined) {
      back(SMALL, () => asker.#dropId(id));
      return;
    }
    const protocol = options.protocols.find((own) => protocolId(options.genesisHash, own) === name);
    if (protocol === undefined) {
      back(SMALL, () => exchange.failFor("PROTOCOL_UNSUPPORTED"));
      return;
    }
    this.#links.count(link, protocol, bytes.length, 0);
    const cancel = (): void => exchange.onCancelled();
    link.cancels.add(cancel);
    const incoming = this.#responder.accept(asker.peerId, protocol, {
      send: (bytes) => {
        this.#links.count(link, protocol, 0, bytes.length);
        const { promise, resolve } = Promise.withResolvers<void>();
        back(bytes.length, () => {
          asker.#links.countIn(id, protocol, bytes.length);
          exchange.receive(bytes);
          resolve();
        });
        return promise;
      },
      fail: (reason) => back(SMALL, () => exchange.failFor(reason)),
      ended: () => link.cancels.delete(cancel),
    });
    exchange.onCancelled = () => incoming.ended();
    exchange.onMore = (more) => {
      this.#links.count(link, protocol, more.length, 0);
      incoming.receive(more);
    };
    incoming.receive(bytes);
  }

  respond(
    handle: RequestHandle,
    answer: Iterable<Uint8Array> | AsyncIterable<Uint8Array> | ResponseError,
  ): void {
    this.#responder.respond(handle, answer);
  }

  async publish(topic: TopicName, data: Uint8Array): Promise<{ readonly recipients: number }> {
    this.#need();
    return this.#gossip.publish(topic, data.slice());
  }

  #sendGossip(peerId: string, topic: TopicName, data: Uint8Array): void {
    const link = this.#links.to(peerId);
    if (link === undefined || this.#network.losesGossip()) return;
    this.#links.count(link, "gossip", 0, data.length);
    const { remote } = link;
    this.#network.deliver(this.peerId, peerId, data.length, () => {
      if (remote.#links.get(link.id) === undefined || !remote.isOpen) return;
      remote.#links.countIn(link.id, "gossip", data.length);
      if (!remote.#admitted.has(this.peerId)) return;
      void remote.#gossip.receive(this.peerId, topic, data);
    });
  }

  admitPeer(peerId: string, _isMember: boolean): void {
    if (this.#links.to(peerId) !== undefined) this.#admitted.add(peerId);
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
    return [...this.#addresses];
  }

  connections(): readonly ConnectionInfo[] {
    return this.#links.infos();
  }

  stats(): HostStats {
    const connections = this.connections();
    const traffic = this.#links.traffic();
    return {
      epoch: this.#events.epoch,
      connectionsIn: connections.filter((connection) => connection.direction === "inbound").length,
      connectionsOut: connections.filter((connection) => connection.direction === "outbound").length,
      dialsPending: this.#dialling,
      requestsServing: this.#admission.serving,
      requestsWaiting: this.#responder.waiting,
      messagesWaiting: this.#pending.waiting,
      rateLimited: this.#admission.refused,
      gateRefused: this.#gateRefused,
      trafficByProtocol: traffic.byLabel,
      trafficByTransport: { memory: traffic.total },
      gossip: this.#pending.stats((topic) => {
        const peers = this.#acquaintances.subscribers(topic);
        return { subscribers: peers.length, meshPeers: peers };
      }),
      // Gossip in memory needs no streams that could be lost.
      discoveryFailures: [],
      deafPeers: [],
      gossipRenewals: 0,
      reachability: NOBODY_DIALLED,
      gossipScores: Object.fromEntries(connections.map(({ peerId }) => [peerId, this.#gossip.score(peerId)])),
    };
  }

  protectPeers(peerIds: ReadonlySet<string>): void {
    this.#protected = new Set(peerIds);
  }

  async findPeers(limit: number, _options: DialOptions): Promise<readonly FoundPeer[]> {
    const { kadDht, genesisHash } = this.#need();
    if (!kadDht) throw hostFailure("LOOKUP_DISABLED", "the DHT is off");
    return this.#network
      .listeners()
      .filter((listener) => listener instanceof MemoryHost)
      .filter(
        (host) =>
          host !== this && host.#isOf(genesisHash) && this.#network.isReachable(this.peerId, host.peerId),
      )
      .slice(0, limit)
      .map((host) => ({ peerId: host.peerId, addresses: host.addresses() }));
  }

  async findPeer(peerId: string, options: DialOptions): Promise<FoundPeer | undefined> {
    return (await this.findPeers(Number.POSITIVE_INFINITY, options)).find((peer) => peer.peerId === peerId);
  }

  #isOf(genesisHash: Uint8Array): boolean {
    return this.#options?.kadDht === true && Buffer.compare(this.#options.genesisHash, genesisHash) === 0;
  }

  #need(): HostOptions {
    if (this.#options === undefined) throw hostFailure("HOST_CLOSED", "the host is not open");
    return this.#options;
  }

  #needLink(peerId: string): Link {
    this.#need();
    const link = this.#links.to(peerId);
    if (link !== undefined) return link;
    throw hostFailure("NOT_CONNECTED", `no connection to ${peerId}`);
  }

  #gateAllows(peerId: string | undefined, address: string | undefined, direction: Direction): boolean {
    const isAllowed = this.#parts.gate.allows(peerId, address, direction);
    if (!isAllowed) this.#gateRefused += 1;
    return isAllowed;
  }
}

function hostAt(network: MemoryNetwork, address: string): MemoryHost | undefined {
  const listener = network.at(address);
  return listener instanceof MemoryHost ? listener : undefined;
}
