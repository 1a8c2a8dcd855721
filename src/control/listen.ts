/**
 * Where the control plane listens: without encryption on loopback addresses and unix sockets only, because whoever
 * can connect there may command the node; anywhere with TLS. Turns errors into failures that name the address.
 */
import { chmodSync, mkdirSync, statSync, unlinkSync } from "node:fs";
import { connect, isIP, isIPv4 } from "node:net";
import { dirname, isAbsolute, resolve } from "node:path";
import { asError, type Failure, failure } from "../kernel/errors.ts";
import { type Acceptor, type AcceptorParts, acceptOnSocket, acceptOnTcp } from "./acceptor.ts";

/** Bytes of a socket path that Linux takes, the final zero not counted; macOS takes 103. */
const SOCKET_PATH_BYTES_MAX = 103;
/** Rights of anyone but the owner. */
const OTHERS = 0o077;

/** Setting that an address comes from, for its errors. */
type AddressField = "listen_address" | "tls.listen_address" | "tls.mutual_listen_address";

/** Host and port of "127.0.0.1:50051" or "[::1]:0"; refuses what is malformed or, without TLS, not loopback. */
function parseListenAddress(text: string, setting: AddressField): { host: string; port: number } | Failure {
  const field = `control.${setting}`;
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) {
    return failure("INVALID_ARGUMENT", "BAD_LISTEN_ADDRESS", `${field}: "${text}" is no HOST:PORT`, {
      field,
    });
  }
  if (setting !== "listen_address" || isLoopback(host)) return { host, port };
  const why =
    "it is not loopback, and other machines reach the control plane by TLS only; set control.tls.listen_address " +
    "(tokens) or control.tls.mutual_listen_address (certificates); alysctl keys init makes the files";
  return failure("FAILED_PRECONDITION", "NOT_LOOPBACK", `refusing to listen on ${text}: ${why}`, { field });
}

function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isIPv4(host) && host.startsWith("127.");
}

/** Host as it stands before a port. */
function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}

/** Where to listen on TCP; `listen_address` is unencrypted, and on loopback only. */
export interface TcpListener {
  readonly address: string;
  readonly setting: AddressField;
}

/** What listens, and at which address for clients. */
export interface Bound {
  readonly address: string;
  readonly acceptor: Acceptor;
}

/** Binds to an address; answers it with the port that it really got. Rejects with Failure. */
export async function listenOnTcp(parts: AcceptorParts, listener: TcpListener): Promise<Bound> {
  const { address, setting } = listener;
  const parsed = parseListenAddress(address, setting);
  if (parsed instanceof Error) throw parsed;
  const field = `control.${setting}`;
  const host = bracketed(parsed.host);
  try {
    const acceptor = await acceptOnTcp(parts, parsed.host, parsed.port);
    return { address: `${host}:${acceptor.port}`, acceptor };
  } catch (thrown) {
    const text = asError(thrown).message;
    if (!text.includes("EADDRINUSE")) {
      throw failure("UNAVAILABLE", "CANNOT_LISTEN", `cannot listen on ${address}: ${text}`, { field });
    }
    const advice = `another program listens there; stop it or set ${field} to another port`;
    throw failure("ALREADY_EXISTS", "ADDRESS_TAKEN", `cannot listen on ${address}: ${advice}`, { field });
  }
}

/**
 * Binds to a socket file that only its owner can reach; answers its address for clients. Rejects with
 * Failure.
 */
export async function listenOnSocket(parts: AcceptorParts, path: string): Promise<Bound> {
  const whole = isAbsolute(path) ? path : resolve(path);
  const refusal = prepareFolder(whole) ?? (await clearStale(whole));
  if (refusal !== undefined) throw refusal;
  try {
    const acceptor = await acceptOnSocket(parts, whole);
    chmodSync(whole, 0o600);
    return { address: `unix:${whole}`, acceptor };
  } catch (thrown) {
    throw socketFailure("UNAVAILABLE", "CANNOT_LISTEN", whole, asError(thrown).message);
  }
}

function socketFailure(
  code: "UNAVAILABLE" | "ALREADY_EXISTS" | "FAILED_PRECONDITION" | "INVALID_ARGUMENT",
  reason: string,
  path: string,
  why: string,
): Failure {
  return failure(code, reason, `cannot listen on ${path}: ${why}`, { field: "control.unix_socket" });
}

/** The socket's own mode follows the umask and is not checked everywhere: the folder is the wall. */
function prepareFolder(path: string): Failure | undefined {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    const why = `a socket's path has at most ${SOCKET_PATH_BYTES_MAX} bytes`;
    return socketFailure("INVALID_ARGUMENT", "SOCKET_PATH_TOO_LONG", path, why);
  }
  const folder = dirname(path);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if ((statSync(folder).mode & OTHERS) === 0) return undefined;
  } catch (thrown) {
    return socketFailure("FAILED_PRECONDITION", "SOCKET_FOLDER", path, asError(thrown).message);
  }
  const why = `others can enter its folder; run: chmod 700 ${folder}`;
  return socketFailure("FAILED_PRECONDITION", "SOCKET_FOLDER_TOO_OPEN", path, why);
}

/** A killed process leaves its socket behind: remove it when nobody answers, and only then. */
async function clearStale(path: string): Promise<Failure | undefined> {
  const answer = await probe(path);
  if (answer === "ENOENT") return undefined;
  if (answer === "connected") {
    return socketFailure("ALREADY_EXISTS", "ADDRESS_TAKEN", path, "another program listens there");
  }
  try {
    if (!statSync(path).isSocket()) {
      return socketFailure("ALREADY_EXISTS", "NOT_A_SOCKET", path, "the file is no socket");
    }
    unlinkSync(path);
    return undefined;
  } catch (thrown) {
    return socketFailure("UNAVAILABLE", "CANNOT_LISTEN", path, asError(thrown).message);
  }
}

function probe(path: string): Promise<string> {
  return new Promise((settle) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      settle("connected");
    });
    socket.once("error", (error: NodeJS.ErrnoException) => settle(error.code ?? "unknown"));
  });
}
