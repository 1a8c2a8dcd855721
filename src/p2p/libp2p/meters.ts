/**
 * Counts bytes by connection, transport and protocol. It takes the place of libp2p's metrics, which announce every
 * connection and stream. It watches `send` and `dispatchEvent` and adds no listener: a stream with a listener stops buffering,
 * and what arrives before its true reader does would be lost.
 */

import type { Metrics, MultiaddrConnection, Stream } from "@libp2p/interface";
import type { Transport } from "../port.ts";
import { TrafficMeter, trafficLabel } from "../traffic.ts";

export interface ConnectionTraffic {
  readonly protocols: TrafficMeter;
  readonly wire: TrafficMeter;
}

export interface StreamOwner {
  readonly peerId: string;
  readonly traffic: ConnectionTraffic;
  readonly transport: Transport;
}

interface Watchable {
  send(data: Uint8Array | { byteLength: number }): boolean;
  dispatchEvent(event: Event): boolean;
}

function watch(target: Watchable, count: (bytesIn: number, bytesOut: number) => void): void {
  const send = target.send.bind(target);
  const dispatchEvent = target.dispatchEvent.bind(target);
  target.send = (data) => {
    count(0, data.byteLength);
    return send(data);
  };
  target.dispatchEvent = (event) => {
    if (event.type === "message" && "data" in event) {
      const { data } = event;
      if (typeof data === "object" && data !== null && "byteLength" in data)
        count(Number(data.byteLength), 0);
    }
    return dispatchEvent(event);
  };
}

export class Meters {
  readonly byProtocol = new TrafficMeter();
  readonly byTransport = new TrafficMeter();
  /** By the timeline object that a transport's connection shares with the connection made of it. */
  readonly #wires = new Map<object, TrafficMeter>();
  readonly #ownerOf: (stream: Stream) => StreamOwner | undefined;
  readonly #onReceived: (peerId: string, protocol: string, bytes: number) => void;

  /** `onReceived` is told the full protocol name of each piece that arrives. */
  constructor(
    ownerOf: (stream: Stream) => StreamOwner | undefined,
    onReceived: (peerId: string, protocol: string, bytes: number) => void,
  ) {
    this.#ownerOf = ownerOf;
    this.#onReceived = onReceived;
  }

  /** The meter of the wire under a connection; QUIC's is filled by its streams. */
  takeWire(timeline: object): TrafficMeter {
    return this.#wires.get(timeline) ?? new TrafficMeter();
  }

  trackWire(connection: MultiaddrConnection): void {
    const { timeline } = connection;
    const wire = new TrafficMeter();
    this.#wires.set(timeline, wire);
    connection.addEventListener("close", () => this.#wires.delete(timeline), { once: true });
    watch(connection as Watchable, (bytesIn, bytesOut) => {
      wire.add("wire", bytesIn, bytesOut);
      this.byTransport.add("tcp", bytesIn, bytesOut);
    });
  }

  trackStream(stream: Stream): void {
    const label = trafficLabel(stream.protocol);
    const owner = this.#ownerOf(stream);
    watch(stream as Watchable, (bytesIn, bytesOut) => {
      this.byProtocol.add(label, bytesIn, bytesOut);
      owner?.traffic.protocols.add(label, bytesIn, bytesOut);
      if (owner !== undefined && bytesIn > 0) this.#onReceived(owner.peerId, stream.protocol, bytesIn);
      if (owner?.transport !== "quic") return;
      owner.traffic.wire.add("wire", bytesIn, bytesOut);
      this.byTransport.add("quic", bytesIn, bytesOut);
    });
  }

  /** What libp2p takes for its metrics; the metrics it registers itself are not kept. */
  asMetrics(): Metrics {
    const nothing = (): void => {};
    const metric = {
      update: nothing,
      increment: nothing,
      decrement: nothing,
      reset: nothing,
      observe: nothing,
      timer: () => nothing,
    };
    const register = () => metric;
    return {
      trackMultiaddrConnection: (connection: MultiaddrConnection) => this.trackWire(connection),
      trackProtocolStream: (stream: Stream) => this.trackStream(stream),
      registerMetric: register,
      registerMetricGroup: register,
      registerCounter: register,
      registerCounterGroup: register,
      registerHistogram: register,
      registerHistogramGroup: register,
      registerSummary: register,
      registerSummaryGroup: register,
      traceFunction: <F>(_name: string, traced: F): F => traced,
      createTrace: nothing,
    } as unknown as Metrics;
  }
}
