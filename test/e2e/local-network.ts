/** A local network for tests that kill its nodes: prepared, asked over gRPC, its votes read from the logs. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { SyncService, type SyncStatus } from "../../gen/alys/sync/v1/sync_pb.ts";
import { type Connection, connect } from "../../src/cli/client.ts";
import { LocalNetwork } from "../../src/cli/localnet/network.ts";
import type { NodePlan } from "../../src/cli/localnet/plan.ts";
import { pause } from "../../src/cli/localnet/processes.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";

const POLL_MS = 100;

/** Prepared, not started; stopped and removed when the test ends. */
export async function prepareNetwork(t: TestContext, members: number, blocks: number): Promise<LocalNetwork> {
  const network = await LocalNetwork.prepare({
    members,
    blocks,
    seed: realRandom.integer(1_000_000),
    dataDirectory: undefined,
    isKept: false,
    // Other tests run beside this one.
    ports: "any",
    clock: realClock,
    random: realRandom,
  });
  t.after(() => network.stop());
  return network;
}

/** A connection as the owner that is closed when the test ends. */
export function connectTo(t: TestContext, node: NodePlan): Connection {
  const connection = connect(node.socketAddress);
  t.after(() => connection.close());
  return connection;
}

/** undefined when the node does not answer. */
export async function statusOf(connection: Connection): Promise<SyncStatus | undefined> {
  try {
    return (await connection.client(SyncService).getSyncStatus({}, { deadlineMs: 2_000 })).status;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

export async function heightOf(connection: Connection): Promise<number> {
  return Number((await statusOf(connection))?.head?.height ?? 0n);
}

/** Polls until the condition holds; fails with `what`, and what `seen` tells by then, when it does not in time. */
export async function eventually(
  what: string,
  withinMs: number,
  holds: () => Promise<boolean>,
  seen: () => Promise<string> = async () => "",
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() >= endMs) assert.fail(`not within ${withinMs} ms: ${what}. ${await seen()}`);
    await pause(POLL_MS);
  }
}

export interface LoggedVote {
  readonly kind: "proposal" | "approval";
  readonly slot: number;
  readonly height: number;
  readonly hash: string;
  readonly authorityIndex: number;
}

/** The lines of a node's log that have this message. A line that a kill cut short is none. */
export function linesOf(node: NodePlan, message: string): Record<string, unknown>[] {
  return readFileSync(node.logFile, "utf8")
    .split("\n")
    .filter((line) => line.includes(`"${message}"`))
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Record<string, unknown>];
      } catch {
        return [];
      }
    })
    .filter(({ msg }) => msg === message);
}

/** Every proposal and approval that any member signed or saw, from all logs. */
export function votesOf(network: LocalNetwork): LoggedVote[] {
  return network.members.flatMap((member) => linesOf(member, "vote") as unknown as LoggedVote[]);
}

/** Fails when a member signed two blocks for one slot; answers how many (member, slot) pairs were looked at. */
export function assertNobodySignedTwice(votes: readonly LoggedVote[]): number {
  const signed = new Map<string, string>();
  for (const { authorityIndex, slot, hash } of votes) {
    const key = `member ${authorityIndex} in slot ${slot}`;
    assert.equal(signed.get(key) ?? hash, hash, `${key} signed two blocks`);
    signed.set(key, hash);
  }
  return signed.size;
}
