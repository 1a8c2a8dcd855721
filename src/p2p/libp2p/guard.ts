/**
 * Stands below every protocol: counts what each peer does there, and lets nothing but identify and our own request protocols
 * through before the peer is admitted, that is, has greeted. Services of libp2p get a registrar whose handlers ask here
 * first. Who exceeds a budget is reported and, a moment later, cut: in between nothing of it is read, and its actor may tell it why.
 */

import type { Connection, Stream, StreamHandler, StreamHandlerOptions } from "@libp2p/interface";
import { assert } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import { hostFailure } from "../failures.ts";
import { encodeError } from "../framing.ts";
import { type Measure, PeerMeter } from "../peer-meter.ts";
import { trafficLabel } from "../traffic.ts";

/** From the report of an overrun to the cut. Meanwhile new streams of the peer are reset unheard. */
const FAREWELL_MS = 300;

/**
 * How long a stream waits for its peer to be admitted. Both sides greet at once and one of them is done first, by a round trip
 * or two; who has not greeted by then is not in the middle of it.
 */
const ADMISSION_WAIT_MS = 5_000;

/** Streams that wait for the admission of their peer: one of gossip, ping and the DHT, and one to spare. More are reset. */
const WAITING_STREAMS_MAX = 4;

/** Bytes that one of them holds; past it the stream is reset. An honest peer sends its subscriptions or a question. */
const EARLY_BYTES_MAX = 256 * 1024;

/** A frame with less payload than this counts as one that carries little. */
const SMALL_FRAME_BYTES = 512;

export interface GuardParts {
  readonly clock: Clock;
  readonly onOverrun: (peerId: string, measure: Measure) => void;
}

interface Guarded {
  readonly meter: PeerMeter;
  readonly connections: Set<Connection>;
  isAdmitted: boolean;
  isMember: boolean;
  isCut: boolean;
  readonly waiting: Set<(isAdmitted: boolean) => void>;
}

/** The part of a registrar by which a service offers its protocol. */
export interface HandlerRegistry {
  handle(protocol: string, handler: StreamHandler, options?: StreamHandlerOptions): Promise<void>;
}

/** What libp2p's connections and yamux have beyond their published interfaces. */
interface Muxer {
  /** What it reads from; QUIC, whose streams are native, has none. */
  readonly maConn?: { readonly status: string; pause(): void };
  addEventListener(type: "stream", listener: (event: { readonly detail: Stream }) => void): void;
  handleFrame?: (frame: { readonly header: { readonly type: number; readonly length: number } }) => void;
}

export class Guard {
  readonly #parts: GuardParts;
  /** One entry a connected peer; connections are the gate's to bound. */
  readonly #peers = new Map<string, Guarded>();

  constructor(parts: GuardParts) {
    this.#parts = parts;
  }

  opened(connection: Connection): void {
    if (connection.status !== "open") return;
    const peerId = connection.remotePeer.toString();
    const peer = this.#peers.get(peerId) ?? newlyGuarded();
    this.#peers.set(peerId, peer);
    peer.connections.add(connection);
    this.#watchMuxer(peerId, peer, connection);
  }

  closed(connection: Connection): void {
    const peerId = connection.remotePeer.toString();
    const peer = this.#peers.get(peerId);
    peer?.connections.delete(connection);
    if (peer === undefined || peer.connections.size > 0) return;
    this.#peers.delete(peerId);
    for (const settle of [...peer.waiting]) settle(false);
  }

  /** The peer has greeted: until its last connection closes it is served on every protocol that is not for members alone. */
  admit(peerId: string, isMember: boolean): void {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return;
    peer.isAdmitted = true;
    peer.isMember = isMember;
    for (const settle of [...peer.waiting]) settle(true);
  }

  /** Closes all connections to a peer, without blame. */
  cut(peerId: string, why: string): void {
    for (const connection of [...(this.#peers.get(peerId)?.connections ?? [])]) {
      connection.abort(hostFailure("CONNECTION_LOST", why));
    }
  }

  isAdmitted(peerId: string): boolean {
    return this.#peers.get(peerId)?.isAdmitted === true;
  }

  /** Counts; past the budget the peer is cut, and false is answered from then on. */
  take(peerId: string, measure: Measure, amount: number): boolean {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return true;
    return this.#take(peerId, peer, measure, amount);
  }

  /** Counts bytes of libp2p's own protocols by their full name. Request protocols of ours have limits of their own. */
  received(peerId: string, protocol: string, bytes: number): void {
    const measure = measureOf(protocol);
    if (measure !== undefined) this.take(peerId, measure, bytes);
  }

  /** A registrar whose handlers run for admitted peers only; everything else of it is as it was. */
  admitting<R extends HandlerRegistry>(registrar: R): R {
    const handle: HandlerRegistry["handle"] = (protocol, handler, options) =>
      registrar.handle(protocol, this.whenAdmitted(handler), options);
    return new Proxy(registrar, {
      get: (target, name) => {
        if (name === "handle") return handle;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  /** The handler, for streams of admitted peers; those of others wait a little and are reset. */
  whenAdmitted(handler: StreamHandler): StreamHandler {
    return (stream, connection) => this.#whenAdmitted(stream, connection, handler);
  }

  /** The handler, for streams of members; those of others are reset before anything is read of them. */
  forMembers(handler: StreamHandler): StreamHandler {
    return this.whenAdmitted((stream, connection) => {
      const peerId = connection.remotePeer.toString();
      if (this.#peers.get(peerId)?.isMember === true) return handler(stream, connection);
      stream.send(encodeError("invalid-request"));
      stream.abort(hostFailure("GATE_REFUSED", "for members alone"));
      this.take(peerId, "refusals", 1);
    });
  }

  async #whenAdmitted(stream: Stream, connection: Connection, handler: StreamHandler): Promise<void> {
    const peer = this.#peers.get(connection.remotePeer.toString());
    if (peer !== undefined && !peer.isCut && (peer.isAdmitted || (await this.#admissionOf(peer, stream)))) {
      if (stream.status === "open") await handler(stream, connection);
      return;
    }
    stream.abort(hostFailure("GATE_REFUSED", "nothing is served before the handshake"));
  }

  /** Meanwhile the stream holds little, or is reset: whoever floods before it has greeted opens the next one, which counts. */
  async #admissionOf(peer: Guarded, stream: Stream): Promise<boolean> {
    const { maxReadBufferLength } = stream;
    stream.maxReadBufferLength = EARLY_BYTES_MAX;
    const isAdmitted = await this.#admission(peer);
    stream.maxReadBufferLength = maxReadBufferLength;
    return isAdmitted;
  }

  #admission(peer: Guarded): Promise<boolean> {
    if (peer.waiting.size >= WAITING_STREAMS_MAX) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (isAdmitted: boolean): void => {
        timer.cancel();
        peer.waiting.delete(settle);
        resolve(isAdmitted);
      };
      const timer = this.#parts.clock.setTimer(ADMISSION_WAIT_MS, () => settle(false));
      peer.waiting.add(settle);
    });
  }

  /** Streams count before they name a protocol; of yamux each frame that carries little counts, too. */
  #watchMuxer(peerId: string, peer: Guarded, connection: Connection): void {
    const { muxer } = connection as unknown as { readonly muxer?: Muxer };
    assert(typeof muxer?.addEventListener === "function", "a connection has a muxer that tells its streams");
    muxer.addEventListener("stream", ({ detail: stream }) => {
      if (!peer.isAdmitted) this.#take(peerId, peer, "earlyStreams", 1);
      this.#take(peerId, peer, "streams", 1);
      stream.addEventListener("close", () => {
        // When the connection ends, its streams end wherever they are.
        if (stream.protocol === "" && connection.status === "open")
          this.#take(peerId, peer, "namelessStreams", 1);
      });
    });
    if (connection.multiplexer !== "/yamux/1.0.0") return;
    const handleFrame = muxer.handleFrame?.bind(muxer);
    assert(handleFrame !== undefined, "yamux handles frame by frame");
    muxer.handleFrame = (frame) => {
      const { type, length } = frame.header;
      const isSmall = type !== 0 || length < SMALL_FRAME_BYTES;
      if (peer.isCut || (isSmall && !this.#take(peerId, peer, "frames", 1))) return;
      handleFrame(frame);
    };
  }

  #take(peerId: string, peer: Guarded, measure: Measure, amount: number): boolean {
    if (peer.isCut) return false;
    if (peer.meter.take(measure, amount, this.#parts.clock.monotonicMs())) return true;
    peer.isCut = true;
    for (const { muxer } of [...peer.connections] as unknown as { readonly muxer?: Muxer }[])
      if (muxer?.maConn?.status === "open") muxer.maConn.pause();
    this.#parts.onOverrun(peerId, measure);
    this.#parts.clock.setTimer(FAREWELL_MS, () => {
      for (const connection of [...peer.connections]) {
        connection.abort(hostFailure("CONNECTION_LOST", `more ${measure} than a peer may have`));
      }
    });
    return false;
  }
}

const MEASURES: Readonly<Record<string, Measure>> = {
  gossip: "gossipBytes",
  identify: "identifyBytes",
  ping: "pingBytes",
  dht: "dhtBytes",
  other: "otherBytes",
};

function measureOf(protocol: string): Measure | undefined {
  return protocol.startsWith("/ipfs/id/push/") ? "pushBytes" : MEASURES[trafficLabel(protocol)];
}

function newlyGuarded(): Guarded {
  return {
    meter: new PeerMeter(),
    connections: new Set(),
    isAdmitted: false,
    isMember: false,
    isCut: false,
    waiting: new Set(),
  };
}
