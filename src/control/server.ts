/**
 * The control plane: serves actors' services, health and reflection on loopback and a unix socket, by TLS elsewhere, and
 * goes down in order. The composition root starts it with the refs that it holds; it knows nothing of what the
 * services do. Each kind of listener is a server of its own, because only so it is known how much a caller is trusted.
 */
import type { DescService } from "@bufbuild/protobuf";
import { logVerbosity, type Server, type ServerOptions, setLogger, setLogVerbosity } from "@grpc/grpc-js";
import { Channelz } from "../../gen/grpc/channelz/v1/channelz_pb.ts";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { CorrelationIds } from "../kernel/correlation.ts";
import { assert } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { type Random, realRandom } from "../kernel/ports/random.ts";
import { type Acceptor, ControlServer } from "./acceptor.ts";
import type { AuditSink } from "./audit.ts";
import { type RateLimit, RateLimiter } from "./auth/buckets.ts";
import type { CertificateEnd } from "./auth/certificate-ends.ts";
import { openCredentials, type RotatingCredentials } from "./auth/credentials.ts";
import { Gate, type Trust } from "./auth/gate.ts";
import { openRevocations, type Revocations } from "./auth/revocations.ts";
import type { TokenStore } from "./auth/token-store.ts";
import { bindService, type ServedService, servedMethods } from "./bind.ts";
import type { CallHost } from "./calls.ts";
import { addChannelz } from "./channelz.ts";
import { rawDefinition } from "./codec.ts";
import { CONNECTION_LIMITS, type ConnectionLimits, Connections } from "./connections.ts";
import { processDescriptors } from "./descriptors.ts";
import { Doorway } from "./doorway.ts";
import { HealthBoard, healthHandlers } from "./health.ts";
import { type Bound, listenOnTcp } from "./listen.ts";
import { LIVE_CALLS_MAX, LiveCalls } from "./live-calls.ts";
import { takeLongDeadlines } from "./long-deadlines.ts";
import { addReflection } from "./reflection.ts";
import { RefusalLines } from "./refusals.ts";
import { RequestIds } from "./request-ids.ts";
import { listenOnSocket } from "./socket.ts";
import { Unfinished } from "./unfinished.ts";

export interface ControlOptions {
  readonly services: readonly ServedService[];
  /** HOST:PORT, loopback only; port 0 takes a free one. Undefined or empty for none. */
  readonly listenAddress?: string | undefined;
  /** Path of a socket in a folder that only its owner can enter. Undefined or empty for none. */
  readonly unixSocket?: string | undefined;
  /** Whether reading on loopback needs a token; open without it. What changes something always needs one there. */
  readonly loopbackReads?: "open" | "token" | undefined;
  /** Ask for a token for everything on loopback and on the unix socket, too. */
  readonly requireTokens?: boolean | undefined;
  readonly tls?: TlsOptions | undefined;
  /** Tokens that are taken; required where a listener asks for them. */
  readonly tokens?: TokenStore | undefined;
  /** Rate of each holder of a token or certificate; no limit without it. */
  readonly rateLimit?: RateLimit | undefined;
  /** Where audited calls are written; the log without it. */
  readonly audit?: AuditSink | undefined;
  readonly reflection: boolean;
  /** Serve channelz, to callers with the scope admin. */
  readonly channelz?: boolean | undefined;
  readonly log: Log;
  readonly clock: Clock;
  /** One that is shared with others; a new one, all serving, without it. */
  readonly health?: HealthBoard | undefined;
  /** A quiet topic sends a heartbeat this often; 10 s without it. */
  readonly heartbeatMs?: number | undefined;
  /** Calls at a time; LIVE_CALLS_MAX without it. */
  readonly liveCallsMax?: number | undefined;
  /** How many may be connected; CONNECTION_LIMITS without it. */
  readonly connectionLimits?: ConnectionLimits | undefined;
  readonly random?: Random | undefined;
}

/** Listeners for other machines. */
export interface TlsOptions {
  /** HOST:PORT for callers with tokens. Undefined or empty for none. */
  readonly listenAddress?: string | undefined;
  /** HOST:PORT for callers with certificates. Undefined or empty for none. */
  readonly mutualListenAddress?: string | undefined;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** For the second listener. */
  readonly clientCaFile: string;
  /** Certificates that are not taken any more, for the second listener. Undefined or empty for none. */
  readonly revokedFile?: string | undefined;
  /** Callers' certificates name spiffe://TRUST_DOMAIN/KIND/NAME. */
  readonly trustDomain: string;
}

export interface RunningControl {
  /** HOST:PORT that clients reach without TLS; undefined without one. */
  readonly address: string | undefined;
  /** HOST:PORT for callers with tokens; undefined without one. */
  readonly tlsAddress: string | undefined;
  /** HOST:PORT for callers with certificates; undefined without one. */
  readonly mutualTlsAddress: string | undefined;
  /** unix:PATH that clients reach; undefined without one. */
  readonly unixAddress: string | undefined;
  /** Full names of the services that are served, health and reflection aside. */
  readonly services: readonly string[];
  /** Certificates of the TLS listeners, each once. */
  readonly certificates: readonly CertificateEnd[];
  /** Number of calls that run. */
  readonly liveCalls: number;
  /** Says in the health service whether a service, or "" for all, takes calls. */
  setServing(service: string, isServing: boolean): void;
  /** Another rate for each holder of a token or certificate, from now on. */
  setRateLimit(limit: RateLimit): void;
  /**
   * Health says NOT_SERVING, streams end UNAVAILABLE, new streams are refused; unary calls go on.
   * Idempotent.
   */
  drain(): void;
  /** Drains, lets unary calls finish, and closes, by force after 2 s. Idempotent. */
  close(): Promise<void>;
}

/** A request larger than this is refused by grpc-js with RESOURCE_EXHAUSTED; a block has at most 2 MiB. */
const REQUEST_BYTES_MAX = 4 * 1024 * 1024;
/** Calls at a time on one connection; further ones wait at the client. */
const CONNECTION_CALLS_MAX = 256;
/**
 * Buffers of one connection in MB; at the bound its streams are reset. Room for 16 requests of the largest
 * size.
 */
const CONNECTION_MEMORY_MB_MAX = 64;
/** A dead path is found out within 40 s, so that no watcher hangs on it for ever. */
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
/** A connection without a call for so long is closed; clients connect again by themselves when they call. */
const CONNECTION_IDLE_MS_MAX = 300_000;
const HEARTBEAT_MS = 10_000;
/** Of the 5 s that the node has for its shutdown. */
const CLOSE_MS_MAX = 2_000;

const SERVER_OPTIONS: ServerOptions = {
  "grpc.max_receive_message_length": REQUEST_BYTES_MAX,
  "grpc.max_concurrent_streams": CONNECTION_CALLS_MAX,
  "grpc-node.max_session_memory": CONNECTION_MEMORY_MB_MAX,
  "grpc.keepalive_time_ms": KEEPALIVE_MS,
  "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
  "grpc.max_connection_idle_ms": CONNECTION_IDLE_MS_MAX,
  // grpc.enable_channelz stays on: without it grpc-js 1.14 does not remember its sessions, and
  // forceShutdown ends none.
};

/**
 * Binds the services and listens. Rejects with Failure: INVALID_ARGUMENT/BAD_LISTEN_ADDRESS or
 * SOCKET_PATH_TOO_LONG, FAILED_PRECONDITION/NOT_LOOPBACK, SOCKET_FOLDER_TOO_OPEN or TLS_FILES,
 * ALREADY_EXISTS/ADDRESS_TAKEN, UNAVAILABLE/CANNOT_LISTEN; with AssertionError when a method has no policy.
 */
export async function startControl(options: ControlOptions): Promise<RunningControl> {
  const { log } = options;
  quietTransport(log);
  takeLongDeadlines();
  const control = new Control(options);
  try {
    await control.listen();
  } catch (thrown) {
    control.abandon();
    throw thrown;
  }
  const { address, unixAddress, tlsAddress, mutualTlsAddress } = control;
  log.info("control plane listens", { address, unixAddress, tlsAddress, mutualTlsAddress });
  return control;
}

/** Adds the services that have a served method, health, reflection and channelz; answers the former's names. */
function addServices(
  server: Server,
  options: ControlOptions,
  host: CallHost,
  health: HealthBoard,
): readonly string[] {
  const served: DescService[] = [];
  for (const one of options.services) {
    const methods = servedMethods(one.service);
    if (methods.length === 0) continue;
    assert(!served.includes(one.service), `${one.service.typeName} is served twice`);
    const handlers = bindService(one, host, { heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS });
    server.addService(rawDefinition(methods), handlers);
    served.push(one.service);
    health.add(one.service.typeName);
  }
  server.addService(rawDefinition(Health.methods), healthHandlers(health, host));
  const standard = options.channelz === true ? [Health, Channelz] : [Health];
  if (options.channelz === true) addChannelz(server, host);
  if (options.reflection) addReflection(server, [...served, ...standard], host);
  return served.map(({ typeName }) => typeName);
}

/** A server with its way to trust callers. */
interface Listener {
  readonly server: ControlServer;
  readonly gate: Gate;
}

class Control implements RunningControl {
  services: readonly string[] = [];
  readonly #options: ControlOptions;
  readonly #live: LiveCalls;
  readonly #health: HealthBoard;
  readonly #correlationIds: CorrelationIds;
  readonly #rates: RateLimiter | undefined;
  readonly #requestIds: RequestIds;
  readonly #refusals: RefusalLines;
  readonly #connections: Connections;
  readonly #unfinished = new Unfinished();
  readonly #listeners: Listener[] = [];
  readonly #acceptors: Acceptor[] = [];
  readonly #credentials: RotatingCredentials[] = [];
  #revocations: Revocations | undefined;
  #address: string | undefined;
  #unixAddress: string | undefined;
  #tlsAddress: string | undefined;
  #mutualTlsAddress: string | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#live = new LiveCalls(options.liveCallsMax ?? LIVE_CALLS_MAX);
    this.#health = options.health ?? new HealthBoard();
    this.#correlationIds = new CorrelationIds(options.random ?? realRandom);
    const { rateLimit, clock, connectionLimits = CONNECTION_LIMITS, log } = options;
    this.#connections = new Connections(connectionLimits, clock, log, processDescriptors(clock));
    this.#requestIds = new RequestIds(clock);
    this.#refusals = new RefusalLines(log, clock);
    this.#rates = rateLimit === undefined ? undefined : new RateLimiter(rateLimit, clock);
  }

  get address(): string | undefined {
    return this.#address;
  }

  get unixAddress(): string | undefined {
    return this.#unixAddress;
  }

  get tlsAddress(): string | undefined {
    return this.#tlsAddress;
  }

  get mutualTlsAddress(): string | undefined {
    return this.#mutualTlsAddress;
  }

  get certificates(): readonly CertificateEnd[] {
    const all = this.#credentials.flatMap(({ ends }) => ends);
    return [...new Map(all.map((end) => [`${end.use} ${end.fingerprint}`, end])).values()];
  }

  get liveCalls(): number {
    return this.#live.size;
  }

  /** One after the other, the refusals that need no port first. */
  async listen(): Promise<void> {
    const { listenAddress = "", unixSocket = "", requireTokens = false, tls } = this.#options;
    // A method that nobody decided about is found before anybody can call it.
    for (const { service } of this.#options.services) servedMethods(service);
    if (unixSocket !== "") {
      const local = this.#serve(requireTokens ? "token" : "owner", true);
      this.#unixAddress = this.#bound(await listenOnSocket(this.#acceptorParts(local), unixSocket));
    }
    if (listenAddress !== "") {
      const isOpen = this.#options.loopbackReads !== "token" && !requireTokens;
      const local = this.#serve(isOpen ? "reader" : "token", true);
      const listener = { address: listenAddress, setting: "listen_address" } as const;
      this.#address = this.#bound(await listenOnTcp(this.#acceptorParts(local), listener));
    }
    if (tls === undefined) return;
    const { listenAddress: address = "", mutualListenAddress: mutualAddress = "" } = tls;
    if (address !== "") {
      const credentials = this.#openCredentials(tls, undefined);
      const parts = this.#acceptorParts(this.#serve("token"), credentials);
      this.#tlsAddress = this.#bound(await listenOnTcp(parts, { address, setting: "tls.listen_address" }));
    }
    if (mutualAddress !== "") {
      const credentials = this.#openCredentials(tls, tls.clientCaFile);
      const { clock, log } = this.#options;
      if (tls.revokedFile) this.#revocations = openRevocations(tls.revokedFile, clock, log);
      const listener = { address: mutualAddress, setting: "tls.mutual_listen_address" } as const;
      const parts = this.#acceptorParts(this.#serve("certificate"), credentials);
      this.#mutualTlsAddress = this.#bound(await listenOnTcp(parts, listener));
    }
  }

  #acceptorParts(server: ControlServer, credentials?: RotatingCredentials) {
    return { server, connections: this.#connections, credentials };
  }

  #bound({ address, acceptor }: Bound): string {
    this.#acceptors.push(acceptor);
    return address;
  }

  #openCredentials(tls: TlsOptions, clientCaFile: string | undefined): RotatingCredentials {
    const { certificateFile, keyFile } = tls;
    const { clock, log } = this.#options;
    const credentials = openCredentials({ certificateFile, keyFile, clientCaFile }, clock, log);
    this.#credentials.push(credentials);
    return credentials;
  }

  /** A server of all services, for callers that are trusted in this way. */
  #serve(trust: Trust, isLoopback = false): ControlServer {
    const { log, clock, audit, tokens, tls } = this.#options;
    assert(
      trust !== "token" || tokens !== undefined,
      "a listener that asks for tokens needs a store of them",
    );
    const trustDomain = tls?.trustDomain ?? "";
    const rates = this.#rates;
    const revocations = trust === "certificate" ? this.#revocations : undefined;
    const gate = new Gate({ trust, isLoopback, clock, tokens, rates, trustDomain, revocations });
    const correlationIds = this.#correlationIds;
    const requestIds = this.#requestIds;
    const refusals = this.#refusals;
    const live = this.#live;
    const shared = { log, clock, correlationIds, gate, audit, refusals };
    const doorway = new Doorway({ ...shared, connections: this.#connections, unfinished: this.#unfinished });
    const server = new ControlServer({ ...SERVER_OPTIONS, interceptors: [doorway.interceptor] });
    this.#listeners.push({ server, gate });
    const host: CallHost = { ...shared, live, doorway, requestIds };
    this.services = addServices(server, this.#options, host, this.#health);
    return server;
  }

  setServing(service: string, isServing: boolean): void {
    this.#health.set(service, isServing);
  }

  setRateLimit(limit: RateLimit): void {
    assert(this.#rates !== undefined, "a control plane without a rate limit was given another one");
    this.#rates.setLimit(limit);
  }

  drain(): void {
    this.#health.shutDown();
    this.#live.drain();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Gives up what `listen` began. */
  abandon(): void {
    for (const acceptor of this.#acceptors) void acceptor.close();
    this.#cutOff();
    this.#letGo();
  }

  async #close(): Promise<void> {
    this.drain();
    const ended = Promise.all(this.#acceptors.map((acceptor) => acceptor.close()));
    for (const { server } of this.#listeners) server.tryShutdown(() => {});
    await new Promise<void>((resolve) => {
      const force = this.#options.clock.setTimer(CLOSE_MS_MAX, () => {
        this.#cutOff();
        resolve();
      });
      void ended.then(() => {
        force.cancel();
        resolve();
      });
    });
    this.#letGo();
  }

  #cutOff(): void {
    for (const { server } of this.#listeners) server.forceShutdown();
    for (const acceptor of this.#acceptors) acceptor.destroy();
  }

  #letGo(): void {
    for (const { gate } of this.#listeners) gate.close();
    for (const credentials of this.#credentials) credentials.close();
    this.#revocations?.close();
  }
}

/**
 * grpc-js writes to standard error by itself; what it says there is said again by the errors that it gives
 * us.
 */
function quietTransport(log: Log): void {
  const say = (...words: unknown[]): void => log.debug("grpc-js", { words: words.map(String).join(" ") });
  setLogger({ error: say, info: say, debug: say });
  setLogVerbosity(logVerbosity.ERROR);
}
