/** Streams through a real listener: nobody takes the places of the others, of the node itself, or of those who are known. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { type Connection, connect } from "../../src/cli/client.ts";
import { attenuateToken } from "../../src/control/auth/token.ts";
import { openTokenStore } from "../../src/control/auth/token-store.ts";
import type { Failure } from "../../src/kernel/errors.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { folder, until, type World, type WorldOptions, world } from "./control-world.ts";

interface Place extends World {
  readonly token: string;
  readonly other: string;
  client(token?: string): Connection;
}

async function place(t: TestContext, options: WorldOptions): Promise<Place> {
  const tokens = openTokenStore({
    directory: folder(t),
    clock: realClock,
    random: realRandom,
    isNeeded: true,
  });
  const all = await world(t, { tokens, ...options });
  const order = { scope: "read", methods: [], lifetimeMs: undefined } as const;
  const [token, other] = await Promise.all(
    ["ci", "ops"].map(async (principal) => (await tokens.create({ principal, ...order })).token),
  );
  const client = (shown?: string): Connection => {
    const connection = connect(all.control.address ?? "", { token: shown });
    t.after(() => connection.close());
    return connection;
  };
  return { ...all, client, token: token ?? "", other: other ?? "" };
}

/** Opens streams of the status; answers how many gave their first message, and why the others did not. */
async function fill(
  connection: Connection,
  streams: number,
  signal?: AbortSignal,
): Promise<[number, string[]]> {
  const reasons = new Set<string>();
  let open = 0;
  await Promise.all(
    Array.from({ length: streams }, async () => {
      const messages = connection.client(SyncService).watchSyncStatus({}, { signal })[Symbol.asyncIterator]();
      try {
        await messages.next();
        open += 1;
      } catch (thrown) {
        reasons.add((thrown as Failure).reason);
      }
    }),
  );
  return [open, [...reasons]];
}

test("a token that fills a topic leaves room to others, to the owner, and to the node's own actors after a crash", async (t) => {
  const { client, token, other, connection, cell, child } = await place(t, { readersMax: 16 });
  assert.deepEqual(await fill(client(token), 40), [4, ["TOO_MANY_READERS_OF_PRINCIPAL"]]);
  const narrowed = attenuateToken(token, [{ kind: "principal", name: "ci/another" }]) ?? "";
  assert.deepEqual(await fill(client(narrowed), 4), [0, ["TOO_MANY_READERS_OF_PRINCIPAL"]]);
  assert.deepEqual(await fill(client(), 40), [4, ["TOO_MANY_READERS_OF_PRINCIPAL"]]);
  assert.deepEqual(await fill(client(other), 2), [2, []]);
  // The owner is held to no share, and has sixteen places beyond those of the others.
  assert.deepEqual(await fill(connection, 40), [22, ["TOO_MANY_READERS"]]);
  const readOwn = (): Promise<boolean> =>
    new Promise((resolve) => {
      const reader = { onMessage: () => resolve(true), onEnd: () => resolve(false) };
      cell.ref.watch(SyncService.method.watchSyncStatus, {}, reader);
    });
  assert.equal(await readOwn(), true);
  // A restart of the actor ends every stream; whoever is quicker fills the topic again.
  await child.stop();
  const again = cell.child.start();
  t.after(() => again.stop());
  assert.equal((await fill(client(other), 40))[0], 4);
  assert.equal(await readOwn(), true);
});

test("a token's streams are a quarter of all calls; its other calls and those of others go on", async (t) => {
  const { client, token, other } = await place(t, { liveCallsMax: 16 });
  const greedy = client(token);
  assert.deepEqual(await fill(greedy, 20), [4, ["TOO_MANY_CALLS_OF_PRINCIPAL"]]);
  assert.ok((await greedy.client(SyncService).getSyncStatus({})).status);
  assert.deepEqual(await fill(client(other), 4), [4, []]);
});

test("callers who are not known have few streams together, and take none of those who are", async (t) => {
  const { client, token } = await place(t, { requireTokens: true });
  const nobody = client();
  const watches = Array.from({ length: 60 }, async () => {
    const messages = nobody.client(Health).watch({ service: "" })[Symbol.asyncIterator]();
    return messages.next().then(
      () => undefined,
      (thrown: Failure) => thrown.reason,
    );
  });
  const reasons = await Promise.all(watches);
  assert.equal(reasons.filter((reason) => reason === undefined).length, 32);
  assert.equal(reasons.filter((reason) => reason === "TOO_MANY_ANONYMOUS_CALLS").length, 28);
  // Checks are no streams, and have their own few.
  assert.equal((await nobody.client(Health).check({ service: "" })).status, 1);
  assert.deepEqual(await fill(client(token), 8), [8, []]);
});

test("what a stream took is given back when it ends", async (t) => {
  const { client, token, probe } = await place(t, { readersMax: 16 });
  const leaving = new AbortController();
  assert.equal((await fill(client(token), 10, leaving.signal))[0], 4);
  leaving.abort();
  await until(() => probe.readers() === 0);
  assert.equal((await fill(client(token), 10))[0], 4);
});
