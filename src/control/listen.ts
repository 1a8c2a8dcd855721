/**
/**
 * Where the control plane listens on TCP: without encryption on loopback only, anywhere with TLS. Turns errors into
 * failures that name the address. `socket.ts` has the unix socket.
 */
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { asError, type Failure, failure } from "../kernel/errors.ts";
import { type Acceptor, type AcceptorParts, acceptOnTcp } from "./acceptor.ts";

/** Setting that an address comes from, for its errors. */
type AddressField = "listen_address" | "tls.listen_address" | "tls.mutual_listen_address";

/** Host and port of "127.0.0.1:50051" or "[::1]:0"; refuses what is malformed. */
function parseListenAddress(text: string, setting: AddressField): { host: string; port: number } | Failure {
  const field = `control.${setting}`;
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const host = unmapped(match?.[1] ?? match?.[2]);
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) {
    return failure("INVALID_ARGUMENT", "BAD_LISTEN_ADDRESS", `${field}: "${text}" is no HOST:PORT`, {
      field,
    });
  }
  return { host, port };
}

/** An IPv4 address that is written as an IPv6 one is that address; others stay as they are. */
function unmapped(host: string | undefined): string | undefined {
  if (host === undefined || isIP(host) !== 6) return host;
  const groups = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(new URL(`http://[${host}]`).hostname);
  if (groups === null) return host;
  const [high = 0, low = 0] = groups.slice(1).map((group) => Number.parseInt(group, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** Without TLS we listen on loopback alone, whatever its name or notation. */
async function refuseOthers(text: string, host: string): Promise<Failure | undefined> {
  if (await isLoopback(host)) return undefined;
  const field = "control.listen_address";
  const why =
    "it is not loopback, and other machines reach the control plane by TLS only; set control.tls.listen_address " +
    "(tokens) or control.tls.mutual_listen_address (certificates); alysctl keys init makes the files";
  return failure("FAILED_PRECONDITION", "NOT_LOOPBACK", `refusing to listen on ${text}: ${why}`, { field });
}

/** 127.0.0.0/8, also mapped into IPv6, and ::1. */
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** "localhost" is what this machine's own table says of it; other names are not asked for: they may mean another one later. */
async function isLoopback(host: string): Promise<boolean> {
  if (isIP(host) !== 0) return LOOPBACK.check(host, isIP(host) === 6 ? "ipv6" : "ipv4");
  if (host !== "localhost") return false;
  const addresses = await lookup(host, { all: true }).catch(() => []);
  return addresses.every(({ address, family }) => LOOPBACK.check(address, family === 6 ? "ipv6" : "ipv4"));
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
  const refusal = setting === "listen_address" ? await refuseOthers(address, parsed.host) : undefined;
  if (refusal !== undefined) throw refusal;
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
