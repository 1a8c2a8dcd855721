/** `alysctl network`: the libp2p host, its traffic, and publishing. */
import { type Command, InvalidArgumentError } from "commander";
import {
  BroadcastTransactionResponseSchema,
  GetNetworkStatusResponseSchema,
  NetworkService,
  type NetworkState,
  NetworkStateSchema,
  type NetworkStatus,
  type OwnDelegation,
  ReachabilityBasisSchema,
  ReachabilitySchema,
  StartNetworkResponseSchema,
  type WatchNetworkEventsResponse,
  WatchNetworkEventsResponseSchema,
} from "../../gen/alys/network/v1/network_pb.ts";
import { duration, enumName, grouped, hash, shortHash, size, time } from "./format.ts";
import { parseHex } from "./options.ts";
import type { Run, Session } from "./session.ts";
import { type FieldRow, renderFields, renderTable } from "./table.ts";
import { rewatch } from "./watch.ts";

/** Of a Delegation; 1 is a member. */
const ROLE_SENTRY = 2;

export function addNetworkCommands(program: Command, run: Run): void {
  const network = program.command("network").description("the peer-to-peer host");
  network
    .command("status")
    .description("addresses, connections, topics and traffic")
    .action(() => run(showStatus));
  network
    .command("start")
    .description("open the host")
    .option("--listen <multiaddr...>", "listen here; default: as configured")
    .option("--bootstrap <multiaddr...>", "first peers; default: as configured")
    .action((options: { listen?: string[]; bootstrap?: string[] }) =>
      run((session) => start(session, options.listen ?? [], options.bootstrap ?? [])),
    );
  network
    .command("stop")
    .description("say goodbye to all peers and close the host; the node stays up")
    .action(() =>
      run(async (session) => {
        await session.client(NetworkService).stopNetwork({}, session.call);
        session.say("the network is stopped");
      }),
    );
  network
    .command("send-transaction")
    .description("publish a transaction")
    .argument("<hex>", "its bytes", parseTransaction)
    .action((transaction: Uint8Array) => run((session) => sendTransaction(session, transaction)));
  network
    .command("watch")
    .description("follow connections, blocks and transactions")
    .action(() => run(watchNetwork));
}

function parseTransaction(text: string): Uint8Array {
  const bytes = parseHex(text);
  if (bytes.length === 0) throw new InvalidArgumentError("A transaction has at least one byte.");
  return bytes;
}

async function showStatus(session: Session): Promise<void> {
  const answer = await session.client(NetworkService).getNetworkStatus({}, session.call);
  session.show(GetNetworkStatusResponseSchema, answer, ({ status }) => {
    if (status === undefined) return "the node tells no status";
    return [
      renderFields([...networkFields(status), ["protocols", status.protocols]]),
      ...tables(status),
    ].join("\n\n");
  });
}

/** The fields that `alysctl status` shows too. */
export function networkFields(status: NetworkStatus): FieldRow[] {
  const directions = `${status.inboundConnections} inbound, ${status.outboundConnections} outbound`;
  return [
    ["state", enumName(NetworkStateSchema, status.state)],
    ["peer id", status.peerId],
    ["listening on", status.listenAddresses],
    ["reachable", reachable(status)],
    ["peers", `${status.connectedPeers} (connections: ${directions})`],
    ["deaf peers", grouped(status.deafPeers)],
    ["open since", time(status.started)],
    ...delegationFields(status.ownDelegation),
  ];
}

function reachable({ reachability, reachabilityBasis }: NetworkStatus): string {
  const state = enumName(ReachabilitySchema, reachability);
  return `${state} (${enumName(ReachabilityBasisSchema, reachabilityBasis)})`;
}

function delegationFields(own: OwnDelegation | undefined): FieldRow[] {
  if (own === undefined) return [];
  const role = own.role === ROLE_SENTRY ? "sentry" : "member";
  const left = own.remainingMs === 0n ? "has ended" : `${duration(own.remainingMs)} left`;
  const renewed = own.renewals === 0n ? "" : `, renewed ${grouped(own.renewals)} times`;
  const rows: FieldRow[] = [["delegation", `${role} until ${time(own.expires)}, ${left}${renewed}`]];
  if (own.nextRenewal !== undefined) rows.push(["next delegation", time(own.nextRenewal)]);
  if (own.lastFailure !== "") rows.push(["delegation failed", own.lastFailure]);
  return rows;
}

function tables(status: NetworkStatus): string[] {
  const topics = status.topics.map((topic) => [
    topic.name,
    ...[topic.subscribedPeers, topic.meshPeers, topic.accepted, topic.ignored, topic.rejected].map(grouped),
  ]);
  const traffic = [...status.traffic]
    .sort((left, right) =>
      Number(right.bytesReceived + right.bytesSent - left.bytesReceived - left.bytesSent),
    )
    .map(({ protocol, bytesReceived, bytesSent }) => [protocol, size(bytesReceived), size(bytesSent)]);
  return [
    renderTable(["TOPIC", "SUBSCRIBED", "MESH", "ACCEPTED", "IGNORED", "REJECTED"], topics),
    renderTable(["PROTOCOL", "RECEIVED", "SENT"], traffic),
  ];
}

async function start(session: Session, listenAddresses: string[], bootstrapPeers: string[]): Promise<void> {
  const request = { listenAddresses, bootstrapPeers };
  const answer = await session.client(NetworkService).startNetwork(request, session.call);
  session.show(StartNetworkResponseSchema, answer, (shown) =>
    renderFields([
      ["peer id", shown.peerId],
      ["listening on", shown.listenAddresses],
    ]),
  );
}

async function sendTransaction(session: Session, transaction: Uint8Array): Promise<void> {
  const answer = await session.client(NetworkService).broadcastTransaction({ transaction }, session.call);
  session.show(BroadcastTransactionResponseSchema, answer, (shown) =>
    renderFields([
      ["hash", hash(shown.transactionHash)],
      ["peers reached", grouped(shown.peersReached)],
    ]),
  );
}

async function watchNetwork(session: Session): Promise<void> {
  const client = session.client(NetworkService);
  for await (const response of rewatch(session, (resumeToken) =>
    client.watchNetworkEvents({ resumeToken }, session.call),
  )) {
    session.showEvent(WatchNetworkEventsResponseSchema, response, networkEvent(response.event));
  }
}

function networkEvent(event: WatchNetworkEventsResponse["event"]): string | undefined {
  switch (event.case) {
    case "snapshot":
      return `${stateText(event.value.state)}, ${event.value.connectedPeers} peers`;
    case "state":
      return stateText(event.value);
    case "connectionOpened":
    case "connectionClosed": {
      const { peerId, remoteAddress, isOutbound } = event.value;
      const what = event.case === "connectionOpened" ? "opened" : "closed";
      return `connection ${what}  ${peerId}  ${isOutbound ? "to" : "from"} ${remoteAddress}`;
    }
    case "blockReceived":
      return `block ${grouped(event.value.height)}  ${shortHash(event.value.hash)}`;
    case "transactionReceived":
      return `transaction ${hash(event.value)}`;
    case "skipped":
      return `${event.value.count} events were skipped`;
    default:
      return undefined;
  }
}

function stateText(state: NetworkState): string {
  return `network ${enumName(NetworkStateSchema, state)}`;
}
