/**
 * The control plane's listener: serves actors' services, health and reflection on loopback and a unix
 * socket, and goes down in order. The composition root starts it with the refs that it holds; it knows
 * nothing of what the services do.
 */
import type { DescService } from "@bufbuild/protobuf";
import { logVerbosity, Server, type ServerOptions, setLogger, setLogVerbosity } from "@grpc/grpc-js";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { CorrelationIds } from "../kernel/call.ts";
import type { Clock } from "../kernel/clock.ts";
import { assert } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { type Random, realRandom } from "../kernel/random.ts";
import { bindService, type ServedService, servedMethods } from "./bind.ts";
import type { CallHost } from "./calls.ts";
import { rawDefinition } from "./codec.ts";
import { HealthBoard, healthHandlers } from "./health.ts";
import { listenOnLoopback, listenOnSocket } from "./listen.ts";
import { LIVE_CALLS_MAX, LiveCalls } from "./live-calls.ts";
import { addReflection } from "./reflection.ts";

export interface ControlOptions {
  readonly services: readonly ServedService[];
  /** HOST:PORT, loopback only; port 0 takes a free one. Undefined or empty for none. */
  readonly listenAddress?: string | undefined;
  /** Path of a socket in a folder that only its owner can enter. Undefined or empty for none. */
  readonly unixSocket?: string | undefined;
  readonly reflection: boolean;
  readonly log: Log;
  readonly clock: Clock;
  /** One that is shared with others; a new one, all serving, without it. */
  readonly health?: HealthBoard | undefined;
  /** A quiet topic sends a heartbeat this often; 10 s without it. */
  readonly heartbeatMs?: number | undefined;
  /** Calls at a time; LIVE_CALLS_MAX without it. */
  readonly liveCallsMax?: number | undefined;
  readonly random?: Random | undefined;
}

export interface RunningControl {
  /** HOST:PORT that clients reach; undefined without one. */
  readonly address: string | undefined;
  /** unix:PATH that clients reach; undefined without one. */
  readonly unixAddress: string | undefined;
  /** Full names of the services that are served, health and reflection aside. */
  readonly services: readonly string[];
  /** Number of calls that run. */
  readonly liveCalls: number;
  /** Says in the health service whether a service, or "" for all, takes calls. */
  setServing(service: string, isServing: boolean): void;
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
const HEARTBEAT_MS = 10_000;
/** Of the 5 s that the node has for its shutdown. */
const CLOSE_MS_MAX = 2_000;

const SERVER_OPTIONS: ServerOptions = {
  "grpc.max_receive_message_length": REQUEST_BYTES_MAX,
  "grpc.max_concurrent_streams": CONNECTION_CALLS_MAX,
  "grpc-node.max_session_memory": CONNECTION_MEMORY_MB_MAX,
  "grpc.keepalive_time_ms": KEEPALIVE_MS,
  "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
  // grpc.enable_channelz stays on: without it grpc-js 1.14 does not remember its sessions, and
  // forceShutdown ends none.
};

/**
 * Binds the services and listens. Rejects with Failure: INVALID_ARGUMENT/BAD_LISTEN_ADDRESS or
 * SOCKET_PATH_TOO_LONG, FAILED_PRECONDITION/NOT_LOOPBACK or SOCKET_FOLDER_TOO_OPEN,
 * ALREADY_EXISTS/ADDRESS_TAKEN, UNAVAILABLE/CANNOT_LISTEN; with AssertionError when a method has no policy.
 */
export async function startControl(options: ControlOptions): Promise<RunningControl> {
  const { log, clock } = options;
  quietTransport(log);
  const live = new LiveCalls(options.liveCallsMax ?? LIVE_CALLS_MAX);
  const correlationIds = new CorrelationIds(options.random ?? realRandom);
  const host: CallHost = { log, clock, live, correlationIds };
  const health = options.health ?? new HealthBoard();
  const server = new Server(SERVER_OPTIONS);
  const services = addServices(server, options, host, health);
  const control = new Control(server, live, health, clock, services);
  try {
    await control.listen(options);
  } catch (thrown) {
    server.forceShutdown();
    throw thrown;
  }
  log.info("control plane listens", { address: control.address, unixAddress: control.unixAddress });
  return control;
}

/** Adds the services that have a served method, health and reflection; answers the former's names. */
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
  if (options.reflection) addReflection(server, [...served, Health], host);
  return served.map(({ typeName }) => typeName);
}

class Control implements RunningControl {
  readonly services: readonly string[];
  readonly #server: Server;
  readonly #live: LiveCalls;
  readonly #health: HealthBoard;
  readonly #clock: Clock;
  #address: string | undefined;
  #unixAddress: string | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    server: Server,
    live: LiveCalls,
    health: HealthBoard,
    clock: Clock,
    services: readonly string[],
  ) {
    this.#server = server;
    this.#live = live;
    this.#health = health;
    this.#clock = clock;
    this.services = services;
  }

  get address(): string | undefined {
    return this.#address;
  }

  get unixAddress(): string | undefined {
    return this.#unixAddress;
  }

  get liveCalls(): number {
    return this.#live.size;
  }

  async listen({ listenAddress = "", unixSocket = "" }: ControlOptions): Promise<void> {
    // One after the other, the refusals that need no port first.
    if (unixSocket !== "") this.#unixAddress = await listenOnSocket(this.#server, unixSocket);
    if (listenAddress !== "") this.#address = await listenOnLoopback(this.#server, listenAddress);
  }

  setServing(service: string, isServing: boolean): void {
    this.#health.set(service, isServing);
  }

  drain(): void {
    this.#health.shutDown();
    this.#live.drain();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.drain();
    await new Promise<void>((resolve) => {
      const force = this.#clock.setTimer(CLOSE_MS_MAX, () => {
        this.#server.forceShutdown();
        resolve();
      });
      this.#server.tryShutdown(() => {
        force.cancel();
        resolve();
      });
    });
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
