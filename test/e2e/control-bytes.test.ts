/** What callers can hold before, and while, they are let in: unfinished messages, idle connections, descriptors. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Scope } from "../../gen/alys/actor/v1/options_pb.ts";
import { NodeService } from "../../gen/alys/node/v1/node_pb.ts";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { connect } from "../../src/cli/client.ts";
import { CONNECTION_LIMITS } from "../../src/control/connections.ts";
import { bearer, frameHeader, idleSocket, isUp, rawCall, rawSession } from "./raw-calls.ts";
import { credentialsOf, makeToken, secured, tlsFiles } from "./secured-world.ts";
import { startTlsNode } from "./tls-node.ts";

const STATUS = "/alys.sync.v1.SyncService/GetSyncStatus";
const CHECK = "/grpc.health.v1.Health/Check";
const UNAUTHENTICATED = 16;
const RESOURCE_EXHAUSTED = 8;
const DEADLINE_EXCEEDED = 4;
const MIB = 1024 * 1024;

const rssBytes = (): number => process.memoryUsage.rss();

function child(t: TestContext, script: string, ...args: string[]): ChildProcess {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const process_ = spawn(process.execPath, [path, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => process_.kill("SIGKILL"));
  return process_;
}

test("messages of callers without a token are not taken: no memory, an answer at once, others served", async (t) => {
  const { dir, tls } = await tlsFiles(t);
  const { control, client, tokens } = await secured(t, { tls });
  const { tlsAddress = "" } = control;
  const { token } = await makeToken(tokens, "read");
  const honest = client({ tls: credentialsOf(dir), token }, tlsAddress).client(SyncService);
  await honest.getSyncStatus({});
  let mostBytes = 0;
  const beforeBytes = rssBytes();
  const attack = child(t, "unfinished-child.ts", tlsAddress, STATUS, "16", "15");
  const line = once(createInterface({ input: attack.stdout ?? process.stdin }), "line");
  let isDone = false;
  const served = (async () => {
    let calls = 0;
    while (!isDone) {
      assert.ok((await honest.getSyncStatus({})).status);
      mostBytes = Math.max(mostBytes, rssBytes());
      calls += 1;
    }
    return calls;
  })();
  const told = JSON.parse(String((await line)[0])) as { taken: number; answers: Record<string, number> };
  isDone = true;
  assert.ok((await served) > 0);
  assert.deepEqual(told.answers, { [UNAUTHENTICATED]: 16 * 15 });
  assert.ok(mostBytes - beforeBytes < 50 * MIB, `${(mostBytes - beforeBytes) / MIB} MiB more`);
});

test("a token's unfinished messages are bounded in bytes, and others are served meanwhile", async (t) => {
  const { dir, tls } = await tlsFiles(t);
  const { control, client, tokens } = await secured(t, { tls });
  const { tlsAddress = "" } = control;
  const { token } = await makeToken(tokens, "read");
  const sessions = [rawSession(tlsAddress), rawSession(tlsAddress)];
  t.after(() => sessions.map((session) => session.destroy()));
  const calls = sessions.flatMap((session) =>
    Array.from({ length: 8 }, () => rawCall(session, STATUS, bearer(token))),
  );
  const chunk = Buffer.alloc(3_900_000);
  for (const { stream } of calls) {
    stream.write(frameHeader(4 * MIB - 1));
    stream.write(chunk);
  }
  const { status, message } = await Promise.race(calls.map(({ answer }) => answer));
  assert.ok(
    calls.some(({ stream }) => !stream.closed),
    "all were refused",
  );
  assert.deepEqual([status, message.startsWith("too many requests")], [RESOURCE_EXHAUSTED, true]);
  const other = await makeToken(tokens, "read", { principal: "other" });
  const honest = client({ tls: credentialsOf(dir), token: other.token }, tlsAddress).client(SyncService);
  assert.ok((await honest.getSyncStatus({})).status);
});

test("a message that is not finished in time ends its call, and a public one is small", async (t) => {
  const { tls } = await tlsFiles(t);
  const { control } = await secured(t, { tls });
  const session = rawSession(control.tlsAddress ?? "");
  t.after(() => session.destroy());
  const late = rawCall(session, CHECK);
  late.stream.write(frameHeader(1_000));
  const large = rawCall(session, CHECK);
  large.stream.write(frameHeader(MIB));
  large.stream.write(Buffer.alloc(64 * 1024));
  assert.equal((await large.answer).status, RESOURCE_EXHAUSTED);
  assert.equal((await late.answer).status, DEADLINE_EXCEEDED);
  const check = rawCall(session, CHECK);
  check.stream.end(frameHeader(0));
  assert.equal((await check.answer).status, 0);
});

test("a stream that is no call, or one of no method, is reset with its answer, and what it sends is not held", async (t) => {
  const { tls } = await tlsFiles(t);
  const { control } = await secured(t, { tls });
  const session = rawSession(control.tlsAddress ?? "");
  t.after(() => session.destroy());
  const calls = [
    rawCall(session, "/alys.sync.v1.SyncService/Nothing"),
    rawCall(session, "/", {}),
    rawCall(session, STATUS, { "content-type": "text/plain" }),
  ];
  // None of them ends by itself.
  for (const { stream } of calls) stream.write(Buffer.alloc(32 * 1024));
  const answers = await Promise.all(calls.map(({ answer }) => answer));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [12, 12, undefined],
  );
  assert.ok(calls.every(({ stream }) => stream.rstCode === 0));
});

test("a connection is told how little it may send ahead, and headers beyond that end its call alone", async (t) => {
  const { tls } = await tlsFiles(t);
  const { control } = await secured(t, { tls });
  const session = rawSession(control.tlsAddress ?? "");
  t.after(() => session.destroy());
  await once(session, "remoteSettings");
  const { maxConcurrentStreams, initialWindowSize, maxHeaderListSize } = session.remoteSettings;
  assert.deepEqual([maxConcurrentStreams, initialWindowSize, maxHeaderListSize], [256, 65_535, 16_384]);
  const heavy = rawCall(session, CHECK, { "x-much": "a".repeat(20_000) });
  heavy.stream.end(frameHeader(0));
  assert.notEqual((await heavy.answer).status, 0);
  const check = rawCall(session, CHECK);
  check.stream.end(frameHeader(0));
  assert.equal((await check.answer).status, 0);
});

test("idle connections that nobody vouches for give way to newer ones; those with a token stay", async (t) => {
  const { dir, tls } = await tlsFiles(t);
  const { control, client, tokens } = await secured(t, {
    tls,
    connectionLimits: { ...CONNECTION_LIMITS, unknown: 8, perAddress: 1_000 },
  });
  const { tlsAddress = "" } = control;
  const { token } = await makeToken(tokens, "read");
  const standing = rawSession(tlsAddress);
  const call = async (): Promise<number | undefined> => {
    const { stream, answer } = rawCall(standing, STATUS, bearer(token));
    stream.end(frameHeader(0));
    return (await answer).status;
  };
  assert.equal(await call(), 0);
  const idle = await Promise.all(Array.from({ length: 40 }, () => idleSocket(tlsAddress)));
  t.after(() => idle.map((socket) => socket.destroy()));
  const open = (): number =>
    idle.filter(({ destroyed, readyState }) => !destroyed && readyState === "open").length;
  const honest = client({ tls: credentialsOf(dir), token }, tlsAddress).client(SyncService);
  assert.ok((await honest.getSyncStatus({})).status);
  assert.equal(await call(), 0, "the standing one was cut");
  while (open() > 8)
    await Promise.race(idle.filter(({ destroyed }) => !destroyed).map((socket) => once(socket, "close")));
  standing.destroy();
});

test("idle connections cannot take a node's descriptors: it still writes its files and takes honest callers", async (t) => {
  // Descriptors are counted and limited by /proc, there alone.
  if (process.platform !== "linux") {
    t.skip("it needs /proc");
    return;
  }
  const { address, token, dir, open } = await startTlsNode(t, 220);
  const sessions = Array.from({ length: 250 }, () => rawSession(address));
  t.after(() => sessions.map((session) => session.destroy()));
  await Promise.all(sessions.map(isUp));
  const honest = connect(address, { tls: credentialsOf(dir), token });
  t.after(() => honest.close());
  const made = await honest
    .client(NodeService)
    .createToken({ principal: "ci", scope: Scope.READ, methods: [], lifetimeMs: 0n });
  assert.equal(made.info?.principal, "ci");
  assert.ok(open() <= 220 - CONNECTION_LIMITS.reservedDescriptors / 2, `${open()} descriptors are open`);
});
