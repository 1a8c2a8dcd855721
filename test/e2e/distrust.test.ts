/**
 * A member against whom there is evidence, in a real local network: it has no federation channel from the start of a node
 * on, until an administrator trusts it again, which holds over a kill.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BridgeService } from "../../gen/alys/integration/v1/integration_pb.ts";
import { PeerService, PeerType } from "../../gen/alys/peer/v1/peer_pb.ts";
import { EvidenceStore } from "../../src/actors/sync/equivocation/evidence-store.ts";
import { authoritySet } from "../../src/chain/authorities.ts";
import { splitBlock } from "../../src/chain/block.ts";
import { loadChain } from "../../src/chain/chain-file.ts";
import { ChainForge } from "../../src/chain/forge.ts";
import { toHex } from "../../src/chain/hex.ts";
import { loadAuthorityKey } from "../../src/chain/keys.ts";
import type { Connection } from "../../src/cli/client.ts";
import { authorityKeyFile, chainFolder, type NodePlan } from "../../src/cli/localnet/plan.ts";
import { runAlysctl } from "../../src/cli/program.ts";
import { MemoryTerminal } from "../../src/cli/terminal.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { openLmdbStore } from "../../src/storage/lmdb-store.ts";
import { connectTo, eventually, prepareNetwork } from "./local-network.ts";

const BLOCKS = 20;
const DEADLINE_MS = 120_000;
const SLOT = 7;
const REASON = "its operator showed that the key was moved";

/** What a node would have kept, had it seen the member approve two blocks of one slot. */
async function keepEvidence(folder: string, genesisHash: Uint8Array, memberKey: Uint8Array): Promise<void> {
  const forge = new ChainForge({ members: 3 });
  const authorities = authoritySet(forge.secretKeys.map(({ publicKey }) => publicKey));
  const [first, second] = [1, 2].map((mark) => {
    const { header, approval } = splitBlock(forge.fork().next({ transactions: [Uint8Array.of(mark)] }));
    return { header, approval, authorities };
  });
  const store = await openLmdbStore({ folder, genesisHash });
  const book = new EvidenceStore(store.table("equivocations"));
  await book.keep({ slot: SLOT, guiltyKeys: [memberKey], first: first!, second: second! });
  await store.close();
}

async function alysctl(...args: readonly string[]) {
  const terminal = new MemoryTerminal();
  const status = await runAlysctl(args, terminal, new AbortController().signal);
  return { status, text: terminal.text, errors: terminal.errors.join("\n") };
}

/** Undefined while the peer is not known. */
async function typeOf(connection: Connection, { peerId }: NodePlan): Promise<PeerType | undefined> {
  try {
    const { peer } = await connection.client(PeerService).getPeerStatus({ peerId });
    return peer?.head === undefined ? undefined : peer.peerType;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

test("distrust holds from the start of a node on, until it is lifted, which a kill does not undo", async (t) => {
  const network = await prepareNetwork(t, 3, BLOCKS);
  const { folder, specificationFile, proofsFile } = network.plan;
  const [own, guilty, other] = network.members as readonly [NodePlan, NodePlan, NodePlan];
  const loaded = loadChain(specificationFile, { proofs: proofsFile });
  const key = loadAuthorityKey(authorityKeyFile(folder, guilty.name));
  assert.ok(!(loaded instanceof Failure) && !(key instanceof Failure));
  const memberKey = key.publicKey;
  await keepEvidence(chainFolder(folder, own.name), loaded.genesis.hash, memberKey);
  await network.startMembers();
  const before = connectTo(t, own);
  const becomes = (connection: Connection, node: NodePlan, type: PeerType) => async () =>
    (await typeOf(connection, node)) === type;

  await eventually("members are met", DEADLINE_MS, becomes(before, other, PeerType.FEDERATION));
  await eventually("the guilty one is met", DEADLINE_MS, becomes(before, guilty, PeerType.REGULAR));
  const { members } = await before.client(PeerService).listDistrustedMembers({});
  assert.equal(members.length, 1);
  assert.deepEqual(
    [members[0]?.memberKey, members[0]?.slots, members[0]?.isCutOff],
    [memberKey, [BigInt(SLOT)], true],
  );
  const send = (connection: Connection) =>
    connection.client(BridgeService).sendFederationMessage({ memberKey, label: "hello" });
  await assert.rejects(send(before), { reason: "MEMBER_NOT_CONNECTED" });

  const at = ["--node", own.folder, "peers"] as const;
  const shown = await alysctl(...at, "distrusted");
  assert.match(shown.text, new RegExp(`0x${toHex(memberKey)} +channel closed +two blocks in slot ${SLOT}`));
  assert.equal((await alysctl(...at, "trust", toHex(memberKey))).status, 64, "a reason is needed");
  const trusted = await alysctl(...at, "trust", toHex(memberKey), "--reason", REASON);
  assert.equal(trusted.status, 0, trusted.errors);
  await eventually("it is a member again", DEADLINE_MS, becomes(before, guilty, PeerType.FEDERATION));
  await eventually("the channel is open", DEADLINE_MS, async () => {
    const { receipts } = await send(before).catch(() => ({ receipts: [] }));
    return receipts.some(({ isDelivered }) => isDelivered);
  });
  const lift = (connection: Connection, reason: string) =>
    connection.client(PeerService).liftDistrust({ memberKey, reason });
  await assert.rejects(lift(before, REASON), { code: "NOT_FOUND", reason: "MEMBER_NOT_DISTRUSTED" });
  await assert.rejects(lift(before, ""), { code: "INVALID_ARGUMENT", reason: "FIELD_INVALID" });
  const audited = readFileSync(join(own.folder, "audit.jsonl"), "utf8")
    .split("\n")
    .filter((line) => line.includes("PeerService/LiftDistrust"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual([audited[0]?.["code"], audited[0]?.["statedReason"]], ["OK", REASON]);
  assert.equal(audited[1]?.["reason"], "MEMBER_NOT_DISTRUSTED");

  await network.process(own.name).kill();
  await network.start(own.name);
  const after = connectTo(t, own);
  await eventually("still a member", DEADLINE_MS, becomes(after, guilty, PeerType.FEDERATION));
  const listed = await after.client(PeerService).listDistrustedMembers({});
  assert.deepEqual([listed.members, listed.restored.map(({ reason }) => reason)], [[], [REASON]]);
});
