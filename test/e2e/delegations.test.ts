/**
 * A real federation whose delegations live for twenty seconds: over several renewals nobody loses sight of anybody and no
 * connection is opened anew. Its observer is a sentry by a file that is replaced while it runs.
 */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { parse, stringify, type TomlTable } from "smol-toml";
import { NetworkService, type OwnDelegation } from "../../gen/alys/network/v1/network_pb.ts";
import { type PeerInfo, PeerService, PeerType } from "../../gen/alys/peer/v1/peer_pb.ts";
import type { Connection } from "../../src/cli/client.ts";
import type { LocalNetwork } from "../../src/cli/localnet/network.ts";
import { authorityKeyFile, type NodePlan } from "../../src/cli/localnet/plan.ts";
import { runAlysctl } from "../../src/cli/program.ts";
import { MemoryTerminal } from "../../src/cli/terminal.ts";
import { connectTo, eventually, heightOf, linesOf, prepareNetwork } from "./local-network.ts";

const BLOCKS = 20;
const LIFETIME_MS = 20_000;
const RENEWALS = 4;
/** Renewals take half a lifetime each; the rest is for a machine with other work. */
const DEADLINE_MS = 180_000;
const SENTRY_ROLE = 2;
const DAY_MS = 86_400_000;

/** Puts settings into `network.federation` of a node's configuration. */
function configure({ configFile }: NodePlan, settings: TomlTable): void {
  const whole = parse(readFileSync(configFile, "utf8"));
  const network = whole["network"] as TomlTable;
  network["federation"] = { ...(network["federation"] as TomlTable), ...settings };
  writeFileSync(configFile, stringify(whole));
}

async function delegate(network: LocalNetwork, member: NodePlan, days: number, out: string): Promise<void> {
  const { folder, specificationFile } = network.plan;
  const terminal = new MemoryTerminal();
  const args = [
    ...["keys", "delegation", "--file", authorityKeyFile(folder, member.name)],
    ...["--chain", specificationFile, "--peer-id", network.observer.peerId],
    ...["--days", String(days), "--out", out],
  ];
  const status = await runAlysctl(args, terminal, new AbortController().signal);
  assert.equal(status, 0, terminal.errors.join("\n"));
}

async function ownOf(connection: Connection): Promise<OwnDelegation | undefined> {
  return (await connection.client(NetworkService).getNetworkStatus({})).status?.ownDelegation;
}

/** The peer as this node sees it; undefined when it never saw it. */
async function peerOf(connection: Connection, { peerId }: NodePlan): Promise<PeerInfo | undefined> {
  const { peers } = await connection.client(PeerService).getConnectedPeers({ pageSize: 100 });
  return peers.find((peer) => peer.peerId === peerId);
}

interface Watched {
  readonly own: NodePlan;
  readonly connection: Connection;
}

function watch(t: TestContext, nodes: readonly NodePlan[]): Watched[] {
  return nodes.map((own) => ({ own, connection: connectTo(t, own) }));
}

/** Everybody sees every other member as one. */
async function areAllSeen(watched: readonly Watched[], members: readonly NodePlan[]): Promise<boolean> {
  for (const { own, connection } of watched) {
    for (const other of members) {
      if (other === own) continue;
      const peer = await peerOf(connection, other);
      if (peer?.peerType !== PeerType.FEDERATION || peer.memberKey.length === 0) return false;
    }
  }
  return true;
}

test("a federation goes on over four renewals of its delegations, and a sentry's file is read again", async (t) => {
  const network = await prepareNetwork(t, 3, BLOCKS);
  const { members, observer } = network;
  for (const member of members) configure(member, { delegation_lifetime_ms: LIFETIME_MS });
  const file = join(network.plan.folder, "sentry.json");
  await delegate(network, members[0]!, 1, file);
  configure(observer, { delegation_file: file });
  await network.startMembers();
  await network.start(observer.name);
  const all = watch(t, [...members, observer]);
  const [first] = all as [Watched, ...Watched[]];
  await eventually("all are met", DEADLINE_MS, () => areAllSeen(all, members));

  const renewed = async (): Promise<boolean> => {
    // Between two looks nobody was a stranger to anybody, or this look sees it.
    assert.ok(await areAllSeen(all, members), "somebody takes a member for a stranger");
    for (const { connection } of all.slice(0, members.length)) {
      const own = await ownOf(connection);
      assert.ok(own !== undefined && own.remainingMs > 0n, "it never ends");
      if (own.renewals < BigInt(RENEWALS)) return false;
    }
    return true;
  };
  await eventually("everybody has renewed four times", DEADLINE_MS, renewed);
  // How many slots this machine's load costs is not asked; to an ended delegation all would be lost.
  const height = await heightOf(first.connection);
  await eventually("blocks under the renewed delegations", DEADLINE_MS, async () => {
    return (await heightOf(first.connection)) > height + 1;
  });

  for (const member of members) {
    assert.ok(linesOf(member, "delegation renewed").length >= RENEWALS);
    const empty = linesOf(member, "our slot stays empty").map(({ reason }) => String(reason));
    const lost = empty.slice(1).filter((reason) => reason.includes("in sight"));
    assert.deepEqual(lost, [], "a quorum was out of sight");
    const met = linesOf(member, "peer connected").map(({ peer }) => peer);
    assert.equal(new Set(met).size, met.length, "nobody connected twice");
  }

  const sentry = all.at(-1)!;
  const before = await ownOf(sentry.connection);
  assert.equal(before?.role, SENTRY_ROLE);
  assert.equal(before?.nextRenewal, undefined);
  const warned = linesOf(observer, "the delegation ends soon and is not renewed");
  assert.ok(warned.length >= 1, "with a day left a sentry has warned");
  await delegate(network, members[0]!, 90, file);
  await eventually("the members know the new delegation", DEADLINE_MS, async () => {
    const peer = await peerOf(first.connection, observer);
    if (peer?.memberRole !== SENTRY_ROLE || peer.memberExpires === undefined) return false;
    return timestampMs(peer.memberExpires) > Date.now() + 80 * DAY_MS;
  });
  assert.equal((await ownOf(sentry.connection))?.renewals, 1n);
  writeFileSync(file, "{}");
  await eventually("a bad file is told", DEADLINE_MS, async () => {
    return ((await ownOf(sentry.connection))?.lastFailure ?? "") !== "";
  });
  assert.equal((await peerOf(first.connection, observer))?.memberRole, SENTRY_ROLE);
});
