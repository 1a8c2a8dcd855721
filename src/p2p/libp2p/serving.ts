/** Which protocols the node serves, and to whom: some at once, most to peers that have greeted, one to members alone. */

import type { Connection, Stream } from "@libp2p/interface";
import type { Clock } from "../../kernel/ports/clock.ts";
import { publicAddressOf } from "../address.ts";
import type { FoundPeer, HostOptions } from "../port.ts";
import { PROTOCOL_LIMITS, type Protocol, protocolId } from "../protocols.ts";
import type { Connections } from "./connections.ts";
import type { Guard } from "./guard.ts";
import { KadServer } from "./kad-server.ts";
import { kadProtocol, type Node } from "./node.ts";
import type { Responder } from "./responder.ts";

/** What a peer must have shown before a stream of the protocol is read; of those that are not here, its status. */
const CONDITIONS: Partial<Record<Protocol, "none" | "membership">> = {
  status: "none",
  goodbye: "none",
  federation: "membership",
};

/** Streams of one protocol that a peer may hold open on one connection; what waits beyond is reset by the muxer. */
const INBOUND_STREAMS_EXTRA = 8;

/** Questions in the DHT that a peer may have open on one connection. */
const KAD_STREAMS_MAX = 4;

export async function serveRequests(
  node: Node,
  options: HostOptions,
  { guard, responder }: { readonly guard: Guard; readonly responder: Responder },
): Promise<void> {
  for (const protocol of options.protocols) {
    const accept = (stream: Stream, connection: Connection): void =>
      responder.accept(stream, connection.remotePeer.toString(), protocol);
    const guarded = {
      none: accept,
      greeting: guard.whenAdmitted(accept),
      membership: guard.forMembers(accept),
    };
    const handler = guarded[CONDITIONS[protocol] ?? "greeting"];
    const maxInboundStreams = PROTOCOL_LIMITS[protocol].concurrentMax + INBOUND_STREAMS_EXTRA;
    await node.handle(protocolId(options.genesisHash, protocol), handler, { maxInboundStreams });
  }
}

/** Answers questions in the DHT. Only after the start: as a client the library takes the handler away when it starts. */
export async function serveKad(
  node: Node,
  options: HostOptions,
  {
    clock,
    guard,
    connections,
  }: { readonly clock: Clock; readonly guard: Guard; readonly connections: Connections },
): Promise<void> {
  if (!options.kadDht || options.listenAddresses.length === 0) return;
  const server = new KadServer({
    clock,
    tellable: () => tellable(options, guard, connections),
    onRefused: (peerId) => guard.take(peerId, "refusals", 1),
  });
  await node.handle(
    kadProtocol(options.genesisHash),
    guard.whenAdmitted((stream, connection) => server.accept(stream, connection.remotePeer.toString())),
    { maxInboundStreams: KAD_STREAMS_MAX },
  );
}

/** Connected peers that greeted, with the addresses that they may be dialled at by others. */
function tellable({ privateNetwork }: HostOptions, guard: Guard, connections: Connections): FoundPeer[] {
  return connections.identities().flatMap(({ peerId, listenAddresses }) => {
    const addresses = privateNetwork
      ? listenAddresses
      : listenAddresses.filter((address) => publicAddressOf(address) !== undefined);
    return addresses.length > 0 && guard.isAdmitted(peerId) ? [{ peerId, addresses }] : [];
  });
}
