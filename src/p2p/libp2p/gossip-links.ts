/**
 * Gossip belongs to the peer and not to a connection. Gossipsub ties a peer to the first connection that it hears of: when that one
 * closes while another lives, it sends nothing to the peer any more, or forgets it. So gossipsub is given this in place of
 * libp2p's registrar: it hears of a peer once, gets streams of the connection that is used, and new ones as soon as
 * those end. Every heartbeat each peer is looked at: one that lacks a stream is deaf, and its streams are renewed.
 *
 * A peer's outbound stream: none → opening → open → (moved | ended) → opening …
 */

import type {
  Connection,
  IdentifyResult,
  PeerId,
  Stream,
  StreamHandler,
  StreamHandlerOptions,
  Topology,
} from "@libp2p/interface";
import { asError } from "../../kernel/errors.ts";
import type { Clock, TimerHandle } from "../../kernel/ports/clock.ts";
import type { Log } from "../../kernel/ports/log.ts";
import type { Scheduler } from "../../kernel/ports/scheduler.ts";
import { deadlineAfter } from "../deadline.ts";
import { hostFailure } from "../failures.ts";
import type { Connections } from "./connections.ts";
import { InboundView, OutboundView } from "./gossip-streams.ts";
import type { StreamDrain } from "./stream-drain.ts";

/** Two round trips of negotiation. */
const OPEN_MS_MAX = 5000;

/** Gossip streams that a peer may have open on one connection: the one in use, and those that it replaced and that end. */
const GOSSIP_STREAMS_MAX = 4;

/** A deaf peer is tried again after 1, 2, 4 … heartbeats, at last every 64 (45 s): it may be of another make. */
const TRY_EVERY_TICKS_MAX = 64;

/** What gossipsub needs of a registrar. */
export interface RegistrarLike {
  handle(protocol: string, handler: StreamHandler, options?: StreamHandlerOptions): Promise<void>;
  unhandle(protocol: string): Promise<void>;
}

export interface GossipLinksParts {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly log: Log;
  readonly connections: Connections;
  readonly streamDrain: StreamDrain;
}

interface Linked {
  readonly id: string;
  readonly peerId: PeerId;
  /** Stands for all connections of the peer. */
  readonly view: Connection;
  isOpening: boolean;
  outbound: OutboundView | undefined;
  /** Opened and not yet taken by gossipsub. */
  offered: OutboundView | undefined;
  inbound: InboundView | undefined;
  /** Heartbeats in a row at which it lacked a stream, the first after the peer came not counted. */
  deafTicks: number;
  /** At which of them its streams are renewed next. */
  nextTryTick: number;
  /** A lost stream is replaced at once, but once a heartbeat: the remote could reset each new one. */
  mayRenewAtOnce: boolean;
}

export class GossipLinks {
  readonly #parts: GossipLinksParts;
  readonly #heartbeatMs: number;
  /** One entry a connected peer. */
  readonly #linked = new Map<string, Linked>();
  readonly #protocols: string[] = [];
  #topology: Topology | undefined;
  #timer: TimerHandle | undefined;
  #renewed = 0;

  constructor(parts: GossipLinksParts, heartbeatMs: number) {
    this.#parts = parts;
    this.#heartbeatMs = heartbeatMs;
  }

  /** Streams that were opened anew because one was lost or had to move. */
  get renewed(): number {
    return this.#renewed;
  }

  /** Connected peers to which or from which no gossip flows, as of the last heartbeat. */
  deafPeers(): string[] {
    return [...this.#linked.values()].filter(({ deafTicks }) => deafTicks > 0).map(({ id }) => id);
  }

  /** What gossipsub gets in place of libp2p's registrar. */
  registrarOver(registrar: RegistrarLike) {
    return {
      handle: (protocol: string, handler: StreamHandler, options?: StreamHandlerOptions) =>
        registrar.handle(protocol, this.#accepting(handler), {
          ...options,
          maxInboundStreams: GOSSIP_STREAMS_MAX,
          maxOutboundStreams: GOSSIP_STREAMS_MAX,
        }),
      unhandle: (protocol: string) => registrar.unhandle(protocol),
      register: async (protocol: string, topology: Topology): Promise<string> => {
        this.#protocols.push(protocol);
        this.#topology = topology;
        this.#timer ??= this.#parts.clock.setTimer(this.#heartbeatMs, this.#tick);
        return protocol;
      },
      unregister: (): void => this.close(),
      getTopologies: (): Topology[] => (this.#topology === undefined ? [] : [this.#topology]),
    };
  }

  identified(result: IdentifyResult): void {
    if (!result.protocols.some((protocol) => this.#protocols.includes(protocol))) return;
    if (this.#parts.connections.ofPeer(result.peerId.toString()) === undefined) return;
    this.#settle(this.#ensure(result.peerId));
  }

  /** A connection of the peer has closed, or another is the one to use. */
  changed(peerId: string): void {
    const linked = this.#linked.get(peerId);
    if (linked !== undefined) this.#settle(linked);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#topology = undefined;
    this.#linked.clear();
  }

  #ensure(peerId: PeerId): Linked {
    const id = peerId.toString();
    const known = this.#linked.get(id);
    if (known !== undefined) return known;
    const linked: Linked = {
      id,
      peerId,
      view: this.#viewOf(peerId),
      isOpening: false,
      outbound: undefined,
      offered: undefined,
      inbound: undefined,
      deafTicks: -1,
      nextTryTick: 1,
      mayRenewAtOnce: true,
    };
    this.#linked.set(id, linked);
    return linked;
  }

  /** What gossipsub reads of a connection. Its stream is ready before it is asked for: gossipsub waits for one after the other. */
  #viewOf(peerId: PeerId): Connection {
    const id = peerId.toString();
    const { connections } = this.#parts;
    const first = connections.ofPeer(id);
    const view = {
      remotePeer: peerId,
      direction: first?.direction ?? "inbound",
      remoteAddr: first?.remoteAddr,
      get status() {
        return connections.ofPeer(id)?.status ?? "closed";
      },
      newStream: async (): Promise<Stream> => {
        const linked = this.#linked.get(id);
        const offered = linked?.offered;
        if (linked === undefined || offered === undefined) {
          throw hostFailure("CONNECTION_LOST", "no gossip stream is ready");
        }
        linked.offered = undefined;
        return offered as unknown as Stream;
      },
    };
    return view as unknown as Connection;
  }

  #accepting(handler: StreamHandler): StreamHandler {
    return (stream, connection) => {
      if (this.#parts.connections.openOf(connection.remotePeer.toString()).length === 0) {
        stream.abort(hostFailure("CONNECTION_LOST", "its connection has closed"));
        return;
      }
      const linked = this.#ensure(connection.remotePeer);
      const inbound = new InboundView(stream, this.#parts, (ended) => {
        if (linked.inbound === ended) linked.inbound = undefined;
      });
      linked.inbound = inbound.isOpen ? inbound : undefined;
      // Gossipsub closes the one before it.
      void handler(inbound as unknown as Stream, linked.view);
      this.#settle(linked);
    };
  }

  /** Brings the outbound stream to the connection that is used, and lets a peer go that has none. */
  #settle(linked: Linked): void {
    if (this.#linked.get(linked.id) !== linked) return;
    const connection = this.#parts.connections.ofPeer(linked.id);
    if (connection === undefined) {
      this.#linked.delete(linked.id);
      this.#topology?.onDisconnect?.(linked.peerId);
      return;
    }
    if (linked.outbound?.connectionId !== connection.id) void this.#open(linked, connection);
  }

  /** Opens a new outbound stream; the one before it ends when the new one is ready. */
  async #open(linked: Linked, connection: Connection): Promise<void> {
    if (linked.isOpening || this.#topology === undefined) return;
    linked.isOpening = true;
    const deadline = deadlineAfter(this.#parts.clock, OPEN_MS_MAX, "FIRST_BYTE_DEADLINE");
    try {
      const stream = await connection.newStream([...this.#protocols], { signal: deadline.signal });
      linked.isOpening = false;
      this.#attach(linked, stream, connection);
    } catch (thrown) {
      linked.isOpening = false;
      this.#parts.log.debug("no gossip stream", { peer: linked.id, error: asError(thrown) });
      // The connection may have closed meanwhile: then another one is used, at once. Else the next heartbeat tries again.
      if (this.#parts.connections.ofPeer(linked.id) !== connection) this.#settle(linked);
    } finally {
      deadline.dispose();
    }
  }

  #attach(linked: Linked, stream: Stream, connection: Connection): void {
    if (this.#linked.get(linked.id) !== linked) {
      stream.abort(hostFailure("CONNECTION_LOST", "the peer has gone"));
      return;
    }
    const outbound = new OutboundView(stream, connection.id, this.#parts.streamDrain, (ended) => {
      if (linked.outbound !== ended) return;
      linked.outbound = undefined;
      // In its own turn: the connection below may be about to close with the stream.
      this.#parts.scheduler.defer(() => {
        if (linked.outbound !== undefined || !linked.mayRenewAtOnce) return;
        linked.mayRenewAtOnce = false;
        this.#settle(linked);
      });
    });
    const before = linked.outbound;
    linked.outbound = outbound;
    linked.offered = outbound;
    if (before !== undefined) {
      this.#renewed += 1;
      before.retire();
    }
    if (outbound.isOpen) this.#topology?.onConnect?.(linked.peerId, linked.view);
    else linked.outbound = undefined;
    // The connection to use may have changed while the stream was opened.
    this.#settle(linked);
  }

  readonly #tick = (): void => {
    this.#timer = this.#parts.clock.setTimer(this.#heartbeatMs, this.#tick);
    // One whose identify failed has told nobody that it speaks gossip.
    for (const { connection } of this.#parts.connections.onePerPeer()) this.#ensure(connection.remotePeer);
    for (const linked of [...this.#linked.values()]) this.#lookAfter(linked);
  };

  #lookAfter(linked: Linked): void {
    const { outbound, inbound } = linked;
    linked.mayRenewAtOnce = true;
    if (outbound !== undefined && !outbound.isGivenUp && inbound !== undefined) {
      linked.deafTicks = 0;
      linked.nextTryTick = 1;
      return;
    }
    linked.deafTicks += 1;
    if (linked.deafTicks < linked.nextTryTick) return;
    linked.nextTryTick += Math.min(linked.nextTryTick, TRY_EVERY_TICKS_MAX);
    const connection = this.#parts.connections.ofPeer(linked.id);
    // A new stream of ours makes a peer that lost its own to us open one: the one thing that can be done about it from here.
    if (connection !== undefined) void this.#open(linked, connection);
  }
}
