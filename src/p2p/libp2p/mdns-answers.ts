/**
 * What a node answers to multicast queries, made whole. The library sends a PTR and a TXT for each address, all as answers. The
 * libp2p specification puts the TXT among the additional records, where alone rust-libp2p looks, and go-libp2p, whose
 * resolver is one of DNS-SD (RFC 6763, section 12), drops a peer without SRV and address record and keeps but one TXT.
 */

import { assert } from "../../kernel/errors.ts";

export interface DnsRecord {
  readonly name: string;
  readonly type: string;
  readonly class?: string;
  readonly ttl?: number;
  readonly data: unknown;
}

export interface DnsResponse {
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

/** The part of the library's service that is reached into. */
interface MulticastService {
  mdns?: {
    respond(response: readonly DnsRecord[] | DnsResponse): void;
    on?(event: "error" | "ready", listener: (error?: Error) => void): void;
  };
  start(): Promise<void> | void;
}

const ADDRESS = /^dnsaddr=\/(ip4|ip6)\/([^/]+)\/(?:tcp|udp)\/(\d+)/;

/** With the records that others look for. Anything but a PTR with its TXTs stays as it is. */
export function completeAnswers(records: readonly DnsRecord[]): DnsResponse {
  const pointer = records.find(({ type }) => type === "PTR");
  const texts = records.filter(({ type }) => type === "TXT").map(({ data }) => String(data));
  const places = texts.map((text) => ADDRESS.exec(text)).filter((place) => place !== null);
  const [first] = places;
  if (pointer === undefined || first === undefined) return { answers: records, additionals: [] };
  const common = { class: "IN", ttl: pointer.ttl ?? 120 };
  const name = String(pointer.data);
  const target = `${name.split(".")[0]}.local`;
  const hosts = new Map(places.map(([, family, address]) => [address, family]));
  return {
    answers: [pointer],
    additionals: [
      { ...common, name, type: "TXT", data: texts },
      { ...common, name, type: "SRV", data: { port: Number(first[3]), target } },
      ...[...hosts].map(([data, family]) => ({
        ...common,
        name: target,
        type: family === "ip4" ? "A" : "AAAA",
        data,
      })),
    ],
  };
}

/**
 * Has the service answer so, from its start on. `onListening` is told whether it can listen: the library would say nothing of
 * a socket that is not bound.
 */
export function answerWhole(
  service: MulticastService,
  onListening: (problem: string | undefined) => void = () => {},
): void {
  const start = service.start.bind(service);
  service.start = async () => {
    await start();
    const { mdns } = service;
    assert(typeof mdns?.respond === "function", "multicast answers are sent by respond");
    mdns.on?.("error", (error) => onListening(error?.message ?? "unknown"));
    mdns.on?.("ready", () => onListening(undefined));
    const respond = mdns.respond.bind(mdns);
    mdns.respond = (response) => respond("answers" in response ? response : completeAnswers(response));
  };
}
