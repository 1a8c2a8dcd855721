/**
 * One place where every address that comes from outside is judged, whoever names it: identify, the DHT, multicast, the peer
 * store, an operator, the configuration. It says what is to be dialled there, or why nothing is. Pure.
 */

import { isIP } from "node:net";
import { canonicalIp, isDialable, publicAddressOf } from "./address.ts";

/** What this node can reach, and whether it is on a network where private addresses mean the same to everybody. */
export interface Reach {
  readonly privateNetwork: boolean;
  readonly tcp: boolean;
  readonly quic: boolean;
  /** Of the in-memory host, on which simulations run. */
  readonly memory: boolean;
}

/** A private network with every transport, the in-memory one included. */
export const REACH_ALL: Reach = { privateNetwork: true, tcp: true, quic: true, memory: true };

/** Why nothing is dialled there. */
export type AddressFault =
  /** No multiaddr, or longer than one is. */
  | "malformed"
  /** WebSocket, relays, unix sockets, dnsaddr and whatever else no transport of this node dials. */
  | "no-transport"
  /** It ends in the id of somebody else. */
  | "other-peer"
  /** Unspecified, multicast, broadcast and zoned addresses, and port 0: nobody is reached there. */
  | "unroutable"
  /** Loopback, private or link-local, on a public network. */
  | "not-public"
  /** A name that somebody else claims, on a public network: whoever answers for it chooses whom we dial. */
  | "claimed-name";

export interface JudgedAddress {
  /** In its one spelling, ending in the peer's `/p2p/ID` when one is meant. */
  readonly address: string;
  /** What is connected to, whatever peer is expected there: transport, host and port. */
  readonly target: string;
  readonly transport: "tcp" | "quic" | "memory";
  readonly host: string;
  readonly port: number;
  /** Of a name: the family that it is resolved to, 0 for both; undefined for an address. */
  readonly nameFamily: 0 | 4 | 6 | undefined;
}

export type Judgement =
  | { readonly ok: true; readonly value: JudgedAddress }
  | { readonly ok: false; readonly fault: AddressFault };

/** Longest multiaddr: a name of 253 characters, a port and a peer id. */
export const ADDRESS_LENGTH_MAX = 384;

const FORM =
  /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/(?:(tcp)\/(\d{1,5})|udp\/(\d{1,5})\/(quic-v1))(?:\/p2p\/([^/]+))?$/;
const MEMORY_FORM = /^(\/memory\/[^/]+)(?:\/p2p\/([^/]+))?$/;
const MULTIADDR_FORM = /^(?:\/[^/\s]+)+$/;
const NAME =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?)*\.?$/;
/** The largest port; an address with a larger one is not dialled. */
const PORT_MAX = 65_535;

const NAME_FAMILIES: Readonly<Record<string, 0 | 4 | 6>> = { dns: 0, dns4: 4, dns6: 6 };

export const FAULT_TEXTS: Readonly<Record<AddressFault, string>> = {
  malformed: "it is no multiaddr, as /ip4/192.0.2.1/tcp/55444 is one",
  "no-transport":
    "only tcp and udp/quic-v1 at an address or a name are dialled, as far as this node has them",
  "other-peer": "it ends in the id of another peer",
  unroutable: "nobody is reached there",
  "not-public": "it is private, and this network is public",
  "claimed-name": "on a public network names are taken from the operator alone",
};

const refused = (fault: AddressFault): Judgement => ({ ok: false, fault });

/**
 * Judges an address of `peerId`; undefined: of whoever answers. `isTrusted`: the operator named it, or it was reached there
 * before; then it need not be public.
 */
export function judgeAddress(
  text: string,
  peerId: string | undefined,
  isTrusted: boolean,
  reach: Reach,
): Judgement {
  if (text.length > ADDRESS_LENGTH_MAX || !MULTIADDR_FORM.test(text)) return refused("malformed");
  const memory = MEMORY_FORM.exec(text);
  if (memory !== null) return judgeMemory(memory[1] ?? "", memory[2], peerId, reach);
  const match = FORM.exec(text);
  if (match === null) return refused("no-transport");
  const [, family = "", rawHost = "", tcp, tcpPort, udpPort, , named] = match;
  const transport = tcp === undefined ? "quic" : "tcp";
  if (!reach[transport]) return refused("no-transport");
  if (named !== undefined && peerId !== undefined && named !== peerId) return refused("other-peer");
  const nameFamily = NAME_FAMILIES[family];
  const host = nameFamily === undefined ? hostOf(family, rawHost) : rawHost.toLowerCase();
  if (host === undefined || (nameFamily !== undefined && !NAME.test(host))) return refused("malformed");
  const port = Number(tcpPort ?? udpPort);
  if (port > PORT_MAX) return refused("malformed");
  if (port === 0) return refused("unroutable");
  const fault = faultOfPlace(family, host, nameFamily !== undefined, isTrusted || reach.privateNetwork);
  if (fault !== undefined) return refused(fault);
  const rest = transport === "tcp" ? `tcp/${port}` : `udp/${port}/quic-v1`;
  return {
    ok: true,
    value: {
      address: withPeer(`/${family}/${host}/${rest}`, peerId ?? named),
      target: `${transport} ${host} ${port}`,
      ...{ transport, host, port, nameFamily },
    },
  };
}

/** An IP address in its one spelling; undefined when it is none of its family. */
function hostOf(family: string, text: string): string | undefined {
  return isIP(text) === (family === "ip4" ? 4 : 6) ? canonicalIp(text) : undefined;
}

function faultOfPlace(
  family: string,
  host: string,
  isName: boolean,
  mayBePrivate: boolean,
): AddressFault | undefined {
  if (isName) return mayBePrivate ? undefined : "claimed-name";
  if (!isDialable(host)) return "unroutable";
  if (mayBePrivate || publicAddressOf(`/${family}/${host}`) !== undefined) return undefined;
  return "not-public";
}

function judgeMemory(
  address: string,
  named: string | undefined,
  peerId: string | undefined,
  reach: Reach,
): Judgement {
  if (!reach.memory) return refused("no-transport");
  if (named !== undefined && peerId !== undefined && named !== peerId) return refused("other-peer");
  return {
    ok: true,
    value: {
      ...{ address: withPeer(address, peerId ?? named), target: address, transport: "memory" },
      ...{ host: address, port: 0, nameFamily: undefined },
    },
  };
}

const withPeer = (address: string, peerId: string | undefined): string =>
  peerId === undefined ? address : `${address}/p2p/${peerId}`;
