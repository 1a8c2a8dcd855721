/**
 * Accepts the connections of one listener, finishes their TLS handshake and hands them to grpc-js: it stands in front of
 * grpc-js's own listener so that a connection can be refused before it costs anything, and so that those whose authority
 * is not trusted any more can be found and closed. Made by `listen.ts`; `connections.ts` says who may come in.
 */
import type { X509Certificate } from "node:crypto";
import { lookup } from "node:dns/promises";
import { constants, type Http2Server } from "node:http2";
import { createServer, isIP, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import { Server, ServerCredentials, type ServerOptions } from "@grpc/grpc-js";
import { assert } from "../kernel/errors.ts";
import type { RotatingCredentials } from "./auth/credentials.ts";
import type { Connections } from "./connections.ts";

/** Connections that wait to be accepted, in the operating system. */
const BACKLOG = 128;

/** Bytes of a call's headers; a token has at most 4 KiB. Longer ones end the stream. */
const HEADER_BYTES_MAX = 16 * 1024;
/** Bytes of one stream that wait unread. */
const STREAM_WINDOW_BYTES = 64 * 1024 - 1;

type Injector = ReturnType<Server["createConnectionInjector"]>;

/** grpc-js's server with listeners of ours. */
export class ControlServer extends Server {
  constructor(options: ServerOptions) {
    super(options);
    // grpc-js passes one of HTTP/2's settings on; these bound what a connection holds before anybody asks who it is.
    const { commonServerOptions: http2 } = this as unknown as { commonServerOptions: { settings?: object } };
    http2.settings = {
      ...http2.settings,
      enablePush: false,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: HEADER_BYTES_MAX,
    };
  }

  /** Takes connections that were accepted at this address, which channelz shows. */
  injectorAt(
    address: { readonly host: string; readonly port: number } | { readonly path: string },
  ): Injector {
    const ref = this.experimentalRegisterListenerToChannelz(address);
    const insecure = ServerCredentials.createInsecure();
    const injector = this.experimentalCreateConnectionInjectorWithChannelzRef(insecure, ref, true);
    const { http2Servers } = this as unknown as { http2Servers: ReadonlyMap<Http2Server, unknown> };
    const made = [...http2Servers.keys()].at(-1);
    assert(made !== undefined, "grpc-js keeps its HTTP/2 servers");
    made.on("stream", (stream) => {
      // grpc-js answers what is no call, or one of no method, at once, and then holds what else is sent on the stream. Where
      // trailers are still to come, as when a handler refused at once, a reset would cut them off.
      const { sentHeaders = {} } = stream;
      const isAnswered = sentHeaders["grpc-status"] !== undefined || sentHeaders[":status"] !== 200;
      if (stream.writableEnded && isAnswered) stream.close(constants.NGHTTP2_NO_ERROR);
    });
    return injector;
  }
}

/** What is bound: one socket, or one for each address of a name. */
export interface Acceptor {
  readonly port: number;
  /**
   * Accepts nobody any more; resolves when all that were accepted are gone, which is grpc-js's business: its own shutdown
   * does not wait for connections that it was handed.
   */
  close(): Promise<void>;
  /** Cuts off those that are left. */
  destroy(): void;
}

export interface AcceptorParts {
  readonly server: ControlServer;
  readonly connections: Connections;
  readonly credentials: RotatingCredentials | undefined;
}

/** Binds to a host's addresses, at least one of them, all at one port. Rejects with the system's error. */
export async function acceptOnTcp(parts: AcceptorParts, host: string, port: number): Promise<Acceptor> {
  const found = isIP(host) === 0 ? await lookup(host, { all: true }) : [{ address: host }];
  const listeners: Listener[] = [];
  let bound = port;
  let refused: unknown;
  for (const { address } of found) {
    const listener = new Listener(parts);
    try {
      bound = await listener.bind({ host: address, port: bound });
      listeners.push(listener);
    } catch (thrown) {
      refused ??= thrown;
    }
  }
  if (listeners.length === 0) throw refused;
  return {
    port: bound,
    close: async () => {
      await Promise.all(listeners.map((listener) => listener.close()));
    },
    destroy: () => {
      for (const listener of listeners) listener.destroy();
    },
  };
}

/** Binds to a socket file. Rejects with the system's error. */
export async function acceptOnSocket(parts: AcceptorParts, path: string): Promise<Acceptor> {
  const listener = new Listener(parts);
  await listener.bind({ path });
  return { port: 0, close: () => listener.close(), destroy: () => listener.destroy() };
}

class Listener {
  readonly #parts: AcceptorParts;
  readonly #server: NetServer;
  /** Never listens itself: it is handed what was let in. */
  readonly #tls: TlsServer | undefined;
  readonly #sockets = new Set<Socket>();
  /** Sockets in their handshake, by their other end. */
  readonly #pending = new Map<string, Socket>();
  /** Those that brought a certificate, with what stands behind it. */
  readonly #certified = new Map<TLSSocket, readonly X509Certificate[]>();
  readonly #unfollow: readonly (() => void)[];
  #injector: Injector | undefined;

  constructor(parts: AcceptorParts) {
    this.#parts = parts;
    const { credentials } = parts;
    this.#server = createServer({ noDelay: true }, (socket) => this.#entered(socket));
    if (credentials === undefined) {
      this.#unfollow = [];
      return;
    }
    const tls = createTlsServer({ ...credentials.serverOptions, ALPNProtocols: ["h2"] });
    tls.on("secureConnection", (socket) => this.#secured(socket));
    tls.on("tlsClientError", (_, socket) => socket.destroy());
    this.#unfollow = [
      credentials.onRenewed((context) => tls.setSecureContext(context)),
      credentials.onAuthorities(() => this.#closeUntrusted()),
    ];
    this.#tls = tls;
  }

  bind(at: { host: string; port: number } | { path: string }): Promise<number> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(
        { ...at, backlog: BACKLOG, ...("path" in at ? {} : { ipv6Only: at.host.includes(":") }) },
        () => {
          server.removeListener("error", reject);
          // Failing to accept one connection, for want of a descriptor, concerns that one alone.
          server.on("error", () => {});
          const bound = server.address();
          const port = bound !== null && typeof bound === "object" ? bound.port : 0;
          this.#injector = this.#parts.server.injectorAt("path" in at ? at : { host: at.host, port });
          resolve(port);
        },
      );
    });
  }

  close(): Promise<void> {
    for (const unfollow of this.#unfollow) unfollow();
    for (const socket of [...this.#pending.values()]) socket.destroy();
    // One that is closed already says so by an error.
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  destroy(): void {
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  #entered(socket: Socket): void {
    const isUnix = socket.remotePort === undefined;
    const leave = this.#parts.connections.enter(socket, isUnix);
    // An error is followed by the end, which is all that matters here.
    socket.on("error", () => {});
    if (leave === undefined) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      leave();
    });
    if (this.#tls === undefined) {
      this.#injector?.injectConnection(socket);
      return;
    }
    const end = endOf(socket);
    this.#pending.set(end, socket);
    socket.once("close", () => {
      if (this.#pending.get(end) === socket) this.#pending.delete(end);
    });
    this.#tls.emit("connection", socket);
  }

  #secured(socket: TLSSocket): void {
    socket.on("error", () => {});
    this.#pending.delete(endOf(socket));
    const { credentials } = this.#parts;
    const chain = chainOf(socket.getPeerX509Certificate());
    if (chain.length > 0) {
      // A session that is resumed was checked by the authorities of its day.
      if (credentials?.trusts(chain) !== true) {
        socket.destroy();
        return;
      }
      this.#certified.set(socket, chain);
      socket.once("close", () => this.#certified.delete(socket));
    }
    this.#injector?.injectConnection(socket);
  }

  #closeUntrusted(): void {
    for (const [socket, chain] of [...this.#certified]) {
      if (this.#parts.credentials?.trusts(chain) !== true) socket.destroy();
    }
  }
}

const endOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** Certificates above one another are followed this far. */
const CHAIN_LENGTH_MAX = 8;

/** A certificate and those above it, as the handshake knew them. */
function chainOf(leaf: X509Certificate | undefined): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (
    let next = leaf;
    next !== undefined && chain.length < CHAIN_LENGTH_MAX;
    next = next.issuerCertificate
  ) {
    const { fingerprint256 } = next;
    if (chain.some((one) => one.fingerprint256 === fingerprint256)) break;
    chain.push(next);
  }
  return chain;
}
