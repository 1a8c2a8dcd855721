/**
 * What `alysd localnet` prints for people: where its nodes are reached, and whom the observer got its blocks from. Pure:
 * facts in, text out.
 */

import type { NetworkStatus, TrafficCount } from "../../../gen/alys/network/v1/network_pb.ts";
import type { PeerInfo } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { grouped } from "../format.ts";
import type { NetworkPlan } from "./plan.ts";

/** Methods that show a node at work, by the name that grpcurl takes. */
const SHOWN_METHODS = [
  "alys.sync.v1.SyncService/GetSyncStatus",
  "alys.sync.v1.SyncService/WatchSyncStatus",
  "alys.peer.v1.PeerService/GetConnectedPeers",
];

/** Rows of the table of traffic; what comes after the largest is summed up. */
const TRAFFIC_ROWS_MAX = 8;

/** A method that changes something, harmless here. */
const CHANGING_METHOD = "alys.sync.v1.SyncService/PauseSync";

/** How to look at each node with grpcurl, and how to command it. */
export function nodesReport(plan: NetworkPlan): string {
  const nodes = plan.nodes.flatMap(({ name, address, folder, controlAddress, tokenFile, socketAddress }) => [
    `${name}  ${address}`,
    ...["list", ...SHOWN_METHODS].map((what) => `  grpcurl -plaintext ${controlAddress} ${what}`),
    `  what changes something asks for the token of ${tokenFile}, or goes by the socket:`,
    `  grpcurl -plaintext -H "authorization: Bearer $(cat ${tokenFile})" ${controlAddress} ${CHANGING_METHOD}`,
    `  grpcurl -plaintext -unix ${socketAddress.slice("unix:".length)} ${CHANGING_METHOD}`,
    `  bin/alysctl --node ${folder} sync pause`,
  ]);
  return [...nodes, `Data, configuration and logs: ${plan.folder}`].join("\n");
}

/** Blocks and bytes by peer, by transport, and bytes by protocol. `nameOf` names a peer id of this network. */
export function trafficReport(
  peers: readonly PeerInfo[],
  network: NetworkStatus | undefined,
  nameOf: (peerId: string) => string,
): string {
  const byPeer = peers.map((peer) => [nameOf(peer.peerId), ...figuresOf([peer]), peer.transport]);
  const transports = [...new Set(peers.map(({ transport }) => transport))].sort();
  const byTransport = transports.map((transport) => [
    `all over ${encryptedName(transport)}`,
    ...figuresOf(peers.filter((peer) => peer.transport === transport)),
    transport,
  ]);
  const traffic = topTraffic(network?.traffic ?? []).map(({ protocol, bytesReceived, bytesSent }) => [
    protocol,
    grouped(bytesReceived),
    grouped(bytesSent),
  ]);
  return [
    table([["from", "blocks", "bytes received", "bytes sent", "transport"], ...byPeer, ...byTransport]),
    "",
    table([["protocol", "bytes received", "bytes sent"], ...traffic]),
  ].join("\n");
}

function figuresOf(peers: readonly PeerInfo[]): string[] {
  const sum = (of: (metrics: NonNullable<PeerInfo["metrics"]>) => bigint): bigint =>
    peers.reduce((total, { metrics }) => total + (metrics === undefined ? 0n : of(metrics)), 0n);
  return [
    grouped(sum(({ blocksServed }) => blocksServed)),
    grouped(sum(({ bytesReceived }) => bytesReceived)),
    grouped(sum(({ bytesSent }) => bytesSent)),
  ];
}

/** A local network's nodes accept TLS alone on TCP, and QUIC has it built in. */
function encryptedName(transport: string): string {
  return transport === "tcp" ? "TCP + TLS 1.3" : transport.toUpperCase();
}

/** The largest first; the rest as one line. */
function topTraffic(
  traffic: readonly TrafficCount[],
): Pick<TrafficCount, "protocol" | "bytesReceived" | "bytesSent">[] {
  const sorted = [...traffic].sort((left, right) => Number(totalOf(right) - totalOf(left)));
  const shown = sorted.slice(0, TRAFFIC_ROWS_MAX);
  const rest = sorted.slice(TRAFFIC_ROWS_MAX);
  if (rest.length === 0) return shown;
  const sum = (of: (each: TrafficCount) => bigint): bigint =>
    rest.reduce((total, each) => total + of(each), 0n);
  const others = {
    protocol: `${rest.length} others`,
    bytesReceived: sum((each) => each.bytesReceived),
    bytesSent: sum((each) => each.bytesSent),
  };
  return [...shown, others];
}

function totalOf({ bytesReceived, bytesSent }: TrafficCount): bigint {
  return bytesReceived + bytesSent;
}

/** Columns aligned: text to the left, figures to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 || !/^[\d,]+$|bytes|blocks/.test(cell)
            ? cell.padEnd(widths[column] ?? 0)
            : cell.padStart(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
