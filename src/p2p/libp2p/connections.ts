/**
 * The connections of a libp2p node as the port tells of them: opened and closed as events, described as values, found by
 * peer or by stream. Of several to one peer it knows which is used: `doubles.ts` tells it which have answered.
 */

import type { Connection, IdentifyResult, Stream } from "@libp2p/interface";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { EventHub } from "../event-hub.ts";
import { type Candidate, keptOf } from "../kept-connection.ts";
import type { ConnectionInfo, PeerIdentity, Transport } from "../port.ts";
import { TrafficMeter } from "../traffic.ts";
import type { ConnectionTraffic, Meters } from "./meters.ts";

/** Protocols that identify may claim; the rest is cut. */
const PROTOCOLS_MAX = 64;
/** Addresses that it may claim; the rest is cut. */
const ADDRESSES_MAX = 16;
/** Characters of an agent or version that it may claim; the rest is cut. */
const TEXT_MAX = 128;

export interface Known extends Candidate {
  readonly connection: Connection;
  readonly peerId: string;
  readonly openedMs: number;
  readonly traffic: ConnectionTraffic;
  readonly transport: Transport;
  /** It answered since the last connection to its peer was opened. One that did not may lead nowhere. */
  hasAnswered: boolean;
}

function transportOf(connection: Connection): Transport {
  return connection.multiplexer === "quic" ? "quic" : "tcp";
}

export class Connections {
  readonly #ownId: string;
  readonly #clock: Clock;
  readonly #events: EventHub;
  readonly #byId = new Map<string, Known>();
  /** In order of opening. */
  readonly #byPeer = new Map<string, Known[]>();
  readonly #identities = new Map<string, PeerIdentity>();
  #opened = 0;

  constructor(ownId: string, clock: Clock, events: EventHub) {
    this.#ownId = ownId;
    this.#clock = clock;
    this.#events = events;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Those that we dialled. */
  get outbound(): number {
    let count = 0;
    for (const { isDialledByUs } of this.#byId.values()) if (isDialledByUs) count += 1;
    return count;
  }

  opened(connection: Connection, meters: Meters): void {
    // It may have been closed by the remote before we heard that it opened.
    if (connection.status !== "open" || this.#byId.has(connection.id)) return;
    this.#opened += 1;
    const peerId = connection.remotePeer.toString();
    const known: Known = {
      connection,
      peerId,
      ordinal: this.#opened,
      isDialledByUs: connection.direction === "outbound",
      openedMs: this.#clock.nowMs(),
      traffic: { protocols: new TrafficMeter(), wire: meters.takeWire(connection.timeline) },
      transport: transportOf(connection),
      hasAnswered: false,
    };
    this.#byId.set(connection.id, known);
    const ofPeer = this.#byPeer.get(peerId) ?? [];
    this.#byPeer.set(peerId, [...ofPeer, known]);
    this.#events.emit({ type: "connectionOpened", connection: describe(known) });
  }

  closed(connection: Connection): void {
    const known = this.#byId.get(connection.id);
    if (known === undefined) return;
    this.#byId.delete(connection.id);
    const { peerId } = known;
    const rest = (this.#byPeer.get(peerId) ?? []).filter((other) => other !== known);
    if (rest.length > 0) this.#byPeer.set(peerId, rest);
    else this.#byPeer.delete(peerId);
    const isLastOfPeer = this.ofPeer(peerId) === undefined;
    if (isLastOfPeer) this.#identities.delete(peerId);
    this.#events.emit({ type: "connectionClosed", connection: describe(known), isLastOfPeer });
  }

  identified(result: IdentifyResult): void {
    const peerId = result.peerId.toString();
    if (this.ofPeer(peerId) === undefined) return;
    const identity: PeerIdentity = {
      peerId,
      agentVersion: result.agentVersion?.slice(0, TEXT_MAX),
      protocols: result.protocols.slice(0, PROTOCOLS_MAX).map((name) => name.slice(0, TEXT_MAX)),
      listenAddresses: result.listenAddrs.slice(0, ADDRESSES_MAX).map((address) => address.toString()),
      observedAddress: result.observedAddr?.toString(),
    };
    this.#identities.set(peerId, identity);
    this.#events.emit({ type: "peerIdentified", identity });
  }

  /**
   * The connection to use: of those that have answered, or, while none has, of all open ones, the one that both sides
   * keep.
   */
  ofPeer(peerId: string): Connection | undefined {
    const open = this.openOf(peerId);
    const answering = open.filter((known) => known.hasAnswered);
    return keptOf(this.#ownId, peerId, answering.length > 0 ? answering : open)?.connection;
  }

  /** All open ones to that peer, in the order in which they opened. */
  openOf(peerId: string): Known[] {
    return (this.#byPeer.get(peerId) ?? []).filter(({ connection }) => connection.status === "open");
  }

  /** One open connection of each peer. */
  onePerPeer(): Known[] {
    return [...this.#byPeer.keys()].flatMap((peerId) => this.openOf(peerId).slice(0, 1));
  }

  ownerOf(stream: Stream): Known | undefined {
    for (const known of this.#byId.values()) if (known.connection.streams.includes(stream)) return known;
    return undefined;
  }

  info(connection: Connection): ConnectionInfo | undefined {
    const known = this.#byId.get(connection.id);
    return known === undefined ? undefined : describe(known);
  }

  /** Peer by peer, of each first the one that is used. */
  list(): ConnectionInfo[] {
    const used = (known: Known): number => (this.ofPeer(known.peerId) === known.connection ? 0 : 1);
    return [...this.#byPeer.values()].flatMap((ofPeer) =>
      (ofPeer.length === 1 ? ofPeer : [...ofPeer].sort((a, b) => used(a) - used(b))).map(describe),
    );
  }

  identities(): PeerIdentity[] {
    return [...this.#identities.values()];
  }

  /** Reports what is left as closed, when the node is gone. */
  close(): void {
    for (const { connection } of [...this.#byId.values()]) this.closed(connection);
    this.#identities.clear();
  }
}

function describe(known: Known): ConnectionInfo {
  const { connection, traffic, transport, openedMs } = known;
  return {
    id: connection.id,
    peerId: known.peerId,
    direction: connection.direction,
    transport,
    encryption: connection.encryption ?? "none",
    remoteAddress: connection.remoteAddr.toString(),
    openedMs,
    ...traffic.wire.total(),
    traffic: traffic.protocols.byLabel(),
  };
}
