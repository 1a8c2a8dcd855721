/**
 * The connections of a libp2p node as the port tells of them: opened and closed as events, described as values, found by
 * peer or by stream.
 */

import type { Connection, IdentifyResult, Stream } from "@libp2p/interface";
import type { Clock } from "../../kernel/clock.ts";
import type { EventHub } from "../event-hub.ts";
import type { ConnectionInfo, PeerIdentity, Transport } from "../port.ts";
import { TrafficMeter } from "../traffic.ts";
import type { ConnectionTraffic, Meters } from "./meters.ts";

/** What identify may claim is cut to these. */
const PROTOCOLS_MAX = 64;
const ADDRESSES_MAX = 16;
const TEXT_MAX = 128;

interface Known {
  readonly connection: Connection;
  readonly openedMs: number;
  readonly traffic: ConnectionTraffic;
  readonly transport: Transport;
}

function transportOf(connection: Connection): Transport {
  return connection.multiplexer === "quic" ? "quic" : "tcp";
}

export class Connections {
  readonly #clock: Clock;
  readonly #events: EventHub;
  readonly #byId = new Map<string, Known>();
  readonly #identities = new Map<string, PeerIdentity>();

  constructor(clock: Clock, events: EventHub) {
    this.#clock = clock;
    this.#events = events;
  }

  get size(): number {
    return this.#byId.size;
  }

  opened(connection: Connection, meters: Meters): void {
    // It may have been closed by the remote before we heard that it opened.
    if (connection.status !== "open" || this.#byId.has(connection.id)) return;
    const known: Known = {
      connection,
      openedMs: this.#clock.nowMs(),
      traffic: { protocols: new TrafficMeter(), wire: meters.takeWire(connection.timeline) },
      transport: transportOf(connection),
    };
    this.#byId.set(connection.id, known);
    this.#events.emit({ type: "connectionOpened", connection: describe(known) });
  }

  closed(connection: Connection): void {
    const known = this.#byId.get(connection.id);
    if (known === undefined) return;
    this.#byId.delete(connection.id);
    const peerId = connection.remotePeer.toString();
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

  /** An open connection to that peer: the oldest, so that requests and answers share it. */
  ofPeer(peerId: string): Connection | undefined {
    for (const { connection } of this.#byId.values()) {
      if (connection.status === "open" && connection.remotePeer.toString() === peerId) return connection;
    }
    return undefined;
  }

  ownerOf(stream: Stream): Known | undefined {
    for (const known of this.#byId.values()) if (known.connection.streams.includes(stream)) return known;
    return undefined;
  }

  info(connection: Connection): ConnectionInfo | undefined {
    const known = this.#byId.get(connection.id);
    return known === undefined ? undefined : describe(known);
  }

  list(): ConnectionInfo[] {
    return [...this.#byId.values()].map(describe);
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
    peerId: connection.remotePeer.toString(),
    direction: connection.direction,
    transport,
    encryption: connection.encryption ?? "none",
    remoteAddress: connection.remoteAddr.toString(),
    openedMs,
    ...traffic.wire.total(),
    traffic: traffic.protocols.byLabel(),
  };
}
