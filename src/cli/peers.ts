/** `alysctl peers`: who we know, who is connected, and bans. */
import { type Command, Option } from "commander";
import {
  type Ban,
  BanPeerResponseSchema,
  ConnectionStateSchema,
  ConnectToPeerResponseSchema,
  DirectionSchema,
  DiscoveryMethod,
  GetPeerStatusResponseSchema,
  LiftDistrustResponseSchema,
  ListBansResponseSchema,
  ListDistrustedMembersResponseSchema,
  type MassPenalty,
  OffenceSchema,
  type PeerInfo,
  PeerInfoSchema,
  PeerService,
  PeerType,
  PeerTypeSchema,
  StartDiscoveryResponseSchema,
  type WatchPeersResponse,
  WatchPeersResponseSchema,
} from "../../gen/alys/peer/v1/peer_pb.ts";
import { enumName, grouped, hash, shortHash, size, time } from "./format.ts";
import { parseDuration, parseMemberKey } from "./options.ts";
import { jsonOf, type Run, type Session } from "./session.ts";
import { type FieldRow, renderFields, renderTable } from "./table.ts";
import { rewatch } from "./watch.ts";

const TYPES: Readonly<Record<string, PeerType>> = {
  federation: PeerType.FEDERATION,
  miner: PeerType.MINER,
  regular: PeerType.REGULAR,
};
/** Peers asked for at a time, the most that the node gives. */
const PAGE_SIZE = 1_000;
/** Peers listed at most; a node keeps far fewer. At the bound the list ends and says so. */
const LISTED_MAX = 100_000;

interface ListOptions {
  readonly known?: boolean;
  readonly type?: string;
}

export function addPeersCommands(program: Command, run: Run): void {
  const peers = program.command("peers").description("peers, connections and bans");
  peers
    .command("list")
    .description("connected peers")
    .option("--known", "all known ones, connected or not")
    .addOption(new Option("--type <type>", "only of this class").choices(Object.keys(TYPES)))
    .action((options: ListOptions) => run((session) => list(session, options)));
  peers
    .command("show")
    .description("everything that is known of a peer")
    .argument("<peer-id>")
    .action((peerId: string) => run((session) => show(session, peerId)));
  peers
    .command("connect")
    .description("dial a peer and wait for its handshake")
    .argument("<address...>", "multiaddrs of one peer, one of them ending in /p2p/PEER-ID")
    .action((addresses: string[]) => run((session) => connectTo(session, addresses)));
  peers
    .command("disconnect")
    .description("say goodbye to a peer")
    .argument("<peer-id>")
    .argument("[reason]", "for the log", "")
    .action((peerId: string, reason: string) =>
      run(async (session) => {
        await session.client(PeerService).disconnectFromPeer({ peerId, reason }, session.call);
        session.say(`disconnected from ${peerId}`);
      }),
    );
  addBanCommands(peers, run);
  addDistrustCommands(peers, run);
  addDiscoveryCommands(peers, run);
  peers
    .command("watch")
    .description("follow who comes and goes")
    .action(() => run(watchPeers));
}

function addBanCommands(peers: Command, run: Run): void {
  peers
    .command("ban")
    .description("refuse a peer until a time; a connected one is closed at once")
    .argument("<peer-id>")
    .addOption(new Option("--for <duration>", "12h, 7d; default 12h").argParser(parseDuration))
    .option("--reason <text>", "why", "banned by the operator")
    .action((peerId: string, options: { for?: number; reason: string }) =>
      run((session) => ban(session, peerId, options.for ?? 0, options.reason)),
    );
  peers
    .command("unban")
    .description("lift a ban")
    .argument("<peer-id>")
    .action((peerId: string) =>
      run(async (session) => {
        await session.client(PeerService).unbanPeer({ peerId }, session.call);
        session.say(`${peerId} is banned no longer`);
      }),
    );
  peers
    .command("bans")
    .description("the bans in force")
    .action(() => run(listBans));
}

function addDistrustCommands(peers: Command, run: Run): void {
  peers
    .command("distrusted")
    .description("members that approved two blocks of one slot, and those trusted again")
    .action(() => run(listDistrusted));
  peers
    .command("trust")
    .description("trust a member again that approved two blocks of one slot; until new evidence")
    .argument("<member-key>", "48 bytes of hex", parseMemberKey)
    .requiredOption("--reason <text>", "why, for the audit log")
    .action((memberKey: Uint8Array, { reason }: { reason: string }) =>
      run((session) => trust(session, memberKey, reason)),
    );
}

const METHODS: Readonly<Record<string, DiscoveryMethod>> = {
  bootstrap: DiscoveryMethod.BOOTSTRAP,
  kademlia: DiscoveryMethod.KADEMLIA,
  mdns: DiscoveryMethod.MDNS,
};

function addDiscoveryCommands(peers: Command, run: Run): void {
  peers
    .command("discover")
    .description("look for new peers now")
    .addOption(
      new Option("--method <method...>", "by this means; default: all").choices(Object.keys(METHODS)),
    )
    .option("--stop", "end the search until the next discover")
    .action((options: { method?: readonly string[]; stop?: boolean }) =>
      run((session) =>
        options.stop === true ? stopDiscovery(session) : discover(session, options.method ?? []),
      ),
    );
}

async function discover(session: Session, names: readonly string[]): Promise<void> {
  const methods = names.map((name) => METHODS[name] ?? DiscoveryMethod.UNSPECIFIED);
  const answer = await session.client(PeerService).startDiscovery({ methods }, session.call);
  session.show(
    StartDiscoveryResponseSchema,
    answer,
    ({ knownPeers }) => `looking; ${knownPeers} peers are known`,
  );
}

async function stopDiscovery(session: Session): Promise<void> {
  await session.client(PeerService).stopDiscovery({}, session.call);
  session.say("the search is ended");
}

async function list(session: Session, options: ListOptions): Promise<void> {
  const all = await allPeers(session, options);
  if (session.isJson) {
    for (const peer of all) session.terminal.out(jsonOf(PeerInfoSchema, peer, undefined));
    return;
  }
  const headings = [
    "PEER",
    "TYPE",
    "STATE",
    "DIRECTION",
    "VIA",
    "HEIGHT",
    "SCORE",
    "REPUTATION",
    "LATENCY",
    "RECEIVED",
  ];
  session.terminal.out(renderTable(headings, all.map(peerRow)));
}

/** Page after page. */
async function allPeers(session: Session, { known, type }: ListOptions): Promise<PeerInfo[]> {
  const client = session.client(PeerService);
  const method = known === true ? client.listKnownPeers : client.getConnectedPeers;
  const filter = type === undefined ? {} : { peerTypeFilter: TYPES[type] ?? PeerType.UNSPECIFIED };
  const all: PeerInfo[] = [];
  let pageToken = "";
  do {
    const page = await method({ ...filter, pageSize: PAGE_SIZE, pageToken }, session.call);
    all.push(...page.peers);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && all.length < LISTED_MAX);
  if (pageToken !== "") session.terminal.err(`alysctl: there are more than ${LISTED_MAX} peers`);
  return all;
}

function peerRow(peer: PeerInfo): string[] {
  const { score, metrics } = peer;
  return [
    peer.peerId,
    enumName(PeerTypeSchema, peer.peerType),
    enumName(ConnectionStateSchema, peer.connectionState),
    peer.direction === 0 ? "-" : enumName(DirectionSchema, peer.direction),
    peer.transport === "" ? "-" : peer.transport,
    peer.head === undefined ? "-" : grouped(peer.head.height),
    score === undefined ? "-" : score.overall.toFixed(1),
    score === undefined ? "-" : score.reputation.toFixed(1),
    metrics?.latencyMs === undefined ? "-" : `${Math.round(metrics.latencyMs)} ms`,
    metrics === undefined ? "-" : size(metrics.bytesReceived),
  ];
}

async function show(session: Session, peerId: string): Promise<void> {
  const answer = await session.client(PeerService).getPeerStatus({ peerId }, session.call);
  session.show(GetPeerStatusResponseSchema, answer, (shown) => {
    const banned: FieldRow[] = shown.ban === undefined ? [] : [["banned until", banText(shown.ban)]];
    return renderFields([...(shown.peer === undefined ? [] : peerFields(shown.peer)), ...banned]);
  });
}

function peerFields(peer: PeerInfo): FieldRow[] {
  const { score, metrics, head } = peer;
  const fields: FieldRow[] = [
    ["peer", peer.peerId],
    ["type", enumName(PeerTypeSchema, peer.peerType)],
    ["state", enumName(ConnectionStateSchema, peer.connectionState)],
    ["addresses", peer.addresses],
    ["last seen", time(peer.lastSeen)],
  ];
  if (peer.transport !== "") {
    fields.push(["connection", `${enumName(DirectionSchema, peer.direction)} over ${peer.transport}`]);
  }
  if (head !== undefined) fields.push(["proven head", `${grouped(head.height)}  ${shortHash(head.hash)}`]);
  if (peer.memberKey.length > 0) fields.push(["member key", hash(peer.memberKey)]);
  if (peer.memberExpires !== undefined) fields.push(["delegation ends", time(peer.memberExpires)]);
  if (score !== undefined) {
    const parts = `latency ${score.latency.toFixed(1)}, throughput ${score.throughput.toFixed(1)}`;
    const bonus = score.federationBonus.toFixed(0);
    const more = `reliability ${score.reliability.toFixed(1)}, federation ${bonus}`;
    fields.push(["score", `${score.overall.toFixed(1)} (${parts}, ${more})`]);
    fields.push(["reputation", score.reputation.toFixed(1)]);
  }
  if (metrics !== undefined) {
    fields.push([
      "requests",
      `${grouped(metrics.requestsAnswered)} answered, ${grouped(metrics.requestsFailed)} failed`,
    ]);
    fields.push(["blocks served", grouped(metrics.blocksServed)]);
    fields.push(["traffic", `${size(metrics.bytesReceived)} received, ${size(metrics.bytesSent)} sent`]);
  }
  return fields;
}

async function connectTo(session: Session, addresses: string[]): Promise<void> {
  const answer = await session.client(PeerService).connectToPeer({ addresses }, session.call);
  session.show(ConnectToPeerResponseSchema, answer, ({ peer }) =>
    peer === undefined ? "connected" : renderFields(peerFields(peer)),
  );
}

async function ban(session: Session, peerId: string, durationMs: number, reason: string): Promise<void> {
  const request = { peerId, durationMs: BigInt(durationMs), reason };
  const answer = await session.client(PeerService).banPeer(request, session.call);
  session.show(BanPeerResponseSchema, answer, (shown) =>
    shown.ban === undefined ? "banned" : `${peerId} is banned until ${banText(shown.ban)}`,
  );
}

function banText({ until, reason }: Ban): string {
  return `${time(until)} (${reason})`;
}

async function listBans(session: Session): Promise<void> {
  const client = session.client(PeerService);
  const answer = await client.listBans({ pageSize: PAGE_SIZE }, session.call);
  while (answer.nextPageToken !== "") {
    const page = { pageSize: PAGE_SIZE, pageToken: answer.nextPageToken };
    const { bans, nextPageToken } = await client.listBans(page, session.call);
    answer.bans.push(...bans);
    answer.nextPageToken = nextPageToken;
  }
  session.show(ListBansResponseSchema, answer, ({ bans, massPenalties }) =>
    [...massPenalties.map(alarmText), bansTable(bans)].join("\n"),
  );
}

/** A penalty that was held back. */
function alarmText({ offence, peerIds, raised, digest }: MassPenalty): string {
  const what = `${enumName(OffenceSchema, offence)} for identical bytes (${hash(digest)})`;
  return `ALARM ${time(raised)}: ${peerIds.length} peers would have been punished, none was: ${what}. Is this node up to date?`;
}

function bansTable(bans: readonly Ban[]): string {
  return renderTable(
    ["PEER", "FROM", "UNTIL", "OFFENCE", "REASON"],
    bans.map((one) => [
      one.peerId,
      one.remoteAddress === "" ? "-" : one.remoteAddress.replace(/\/p2p\/.*$/, ""),
      time(one.until),
      one.offence === 0 ? "-" : enumName(OffenceSchema, one.offence),
      one.reason,
    ]),
  );
}

async function listDistrusted(session: Session): Promise<void> {
  const answer = await session.client(PeerService).listDistrustedMembers({}, session.call);
  session.show(ListDistrustedMembersResponseSchema, answer, ({ members, restored }) => {
    const now = members.map(({ memberKey, slots, isCutOff }) => [
      hash(memberKey),
      isCutOff ? "channel closed" : "stays, for the quorum",
      slots.length === 0 ? "-" : `two blocks in slot ${slots.join(", ")}`,
    ]);
    const before = restored.map((one) => [
      hash(one.memberKey),
      `trusted since ${time(one.restored)}`,
      one.reason,
    ]);
    return renderTable(["MEMBER", "STATE", "WHY"], [...now, ...before]);
  });
}

async function trust(session: Session, memberKey: Uint8Array, reason: string): Promise<void> {
  const answer = await session.client(PeerService).liftDistrust({ memberKey, reason }, session.call);
  session.show(LiftDistrustResponseSchema, answer, () => `${hash(memberKey)} is trusted again`);
}

async function watchPeers(session: Session): Promise<void> {
  const client = session.client(PeerService);
  for await (const response of rewatch(session, (resumeToken) =>
    client.watchPeers({ resumeToken }, session.call),
  )) {
    session.showEvent(WatchPeersResponseSchema, response, peerEvent(response.event));
  }
}

/** One line a change; nothing for heartbeats and figures that moved. */
function peerEvent(event: WatchPeersResponse["event"]): string | undefined {
  switch (event.case) {
    case "snapshot":
      return `connected to ${event.value.peers.length} peers`;
    case "connected":
      return `connected     ${peerRow(event.value).slice(0, 6).join("  ")}`;
    case "disconnected":
      return `disconnected  ${event.value.peerId}  ${event.value.reason}`;
    case "banned":
      return `banned        ${event.value.peerId}  until ${banText(event.value)}`;
    case "unbanned":
      return `unbanned      ${event.value}`;
    case "massPenalty":
      return alarmText(event.value);
    case "skipped":
      return `${event.value.count} changes were skipped`;
    default:
      return undefined;
  }
}
