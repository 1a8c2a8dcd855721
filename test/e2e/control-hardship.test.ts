/**
 * Every method of every service, from its descriptor, in bad company and at bad times: callers of another authority, calls
 * before the start, during the stop and twice, readers that stop reading, clients that are gone without a word. Each
 * gets a documented status, nothing is left behind, and others do not notice.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { DescMethod } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { runAlysctl } from "../../src/cli/program.ts";
import { MemoryTerminal } from "../../src/cli/terminal.ts";
import { scopeOf } from "../../src/control/auth/gate.ts";
import { pathOf } from "../../src/control/codec.ts";
import { REQUEST_ID_KEY } from "../../src/control/request-ids.ts";
import { startControl } from "../../src/control/server.ts";
import { actorCell } from "../../src/kernel/actor/cell.ts";
import { environment } from "../../src/kernel/actor/environment.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { folder, until } from "./control-world.ts";
import {
  call,
  expect,
  FIELD_INVALID,
  isClean,
  METHODS,
  type Place,
  place,
  SERVICES,
} from "./every-method.ts";

const EMPTY = new Uint8Array();
const STREAMS = METHODS.filter(({ methodKind }) => methodKind === "server_streaming");
const through = (bytes: Buffer): Buffer => bytes;

const isUnary = ({ methodKind }: DescMethod): boolean => methodKind === "unary";
const asked = ({ stubs }: Place): number => stubs.reduce((sum, one) => sum + one.asked, 0);

/** A caller that does nothing wrong gets its answer, soon. */
async function othersGoOn(all: Place): Promise<void> {
  for (const stub of all.stubs) stub.mode = "answer";
  const beganMs = performance.now();
  const answer = await call(all, SyncService.method.getSyncStatus, EMPTY, { token: all.tokens.read });
  assert.equal(answer.code, "OK", answer.text);
  assert.ok(performance.now() - beganMs < 2_000);
}

/** Methods that no rule of their request keeps an empty one from. */
async function takingNothing(all: Place): Promise<DescMethod[]> {
  const taking: DescMethod[] = [];
  for (const method of METHODS) {
    const { code } = await call(all, method, EMPTY, { token: all.tokens.admin });
    if (code === "OK") taking.push(method);
  }
  return taking;
}

test("a certificate of another authority calls no method", async (t) => {
  const folders = [join(folder(t), "keys"), join(folder(t), "keys")] as const;
  for (const directory of folders) {
    const never = new AbortController().signal;
    assert.equal(await runAlysctl(["keys", "init", "--dir", directory], new MemoryTerminal(), never), 0);
  }
  const [ours, theirs] = folders;
  const read = (directory: string, name: string): Buffer => readFileSync(join(directory, name));
  const all = await place(t, {
    tls: {
      mutualListenAddress: "127.0.0.1:0",
      certificateFile: join(ours, "server.crt"),
      keyFile: join(ours, "server.key"),
      clientCaFile: join(ours, "ca.crt"),
      trustDomain: "alys",
    },
  });
  const address = all.control.mutualTlsAddress ?? "";
  const clientOf = (directory: string): Client => {
    const key = read(directory, "client-admin-alysctl.key");
    const certificate = read(directory, "client-admin-alysctl.crt");
    const client = new Client(address, credentials.createSsl(read(ours, "ca.crt"), key, certificate), {
      "grpc.ssl_target_name_override": "localhost",
      "grpc.use_local_subchannel_pool": 1,
    });
    t.after(() => client.close());
    return client;
  };
  const [known, stranger] = [clientOf(ours), clientOf(theirs)];
  const before = asked(all);
  for (const method of METHODS) {
    const refused = await call({ ...all, client: stranger }, method, EMPTY, {});
    expect(method, "another authority", refused, "UNAVAILABLE");
  }
  assert.equal(asked(all), before);
  for (const method of METHODS) {
    expect(
      method,
      "our authority",
      await call({ ...all, client: known }, method, EMPTY, {}),
      "OK",
      FIELD_INVALID,
    );
  }
  await isClean(all);
});

test("before its actor started a method is UNAVAILABLE, or refuses the request", async (t) => {
  const never = () => {
    throw new Error("it is not started");
  };
  const run = environment({ log: silentLog });
  const cells = SERVICES.map((service) =>
    actorCell({ name: "down", service, internal: service, create: never }, run),
  );
  const control = await startControl({
    services: cells.map(({ ref }) => ({ service: ref.service, ref })),
    unixSocket: join(folder(t), "control.sock"),
    reflection: false,
    log: silentLog,
    clock: realClock,
  });
  const client = new Client(control.unixAddress ?? "", credentials.createInsecure());
  t.after(async () => {
    client.close();
    await control.close();
  });
  for (const method of METHODS) {
    const answer = await call({ client } as Place, method, EMPTY, {});
    const attach = "UNIMPLEMENTED/ATTACH_NOT_OFFERED";
    const expected = method.methodKind === "bidi_streaming" ? attach : "UNAVAILABLE/ACTOR_DOWN";
    expect(method, "before its start", answer, expected, FIELD_INVALID);
  }
  await until(() => control.liveCalls === 0);
});

test("while the node stops unary calls go on and streams are refused; afterwards nobody is there", async (t) => {
  const all = await place(t);
  const { admin: token } = all.tokens;
  all.control.drain();
  for (const method of METHODS) {
    const answer = await call(all, method, EMPTY, { token });
    if (isUnary(method)) expect(method, "while it drains", answer, "OK", FIELD_INVALID);
    else expect(method, "while it drains", answer, "UNAVAILABLE/DRAINING");
  }
  await isClean(all);
  await all.control.close();
  for (const method of METHODS) {
    expect(method, "after the stop", await call(all, method, EMPTY, { token }), "UNAVAILABLE");
  }
});

test("a call of every method that runs when the node stops ends within its time", async (t) => {
  const all = await place(t);
  const { admin: token } = all.tokens;
  const methods = await takingNothing(all);
  for (const stub of all.stubs) stub.mode = "pending";
  const before = asked(all);
  const running = methods.map(async (method) => ({
    method,
    answer: await call(all, method, EMPTY, { token, deadlineMs: 20_000 }),
  }));
  await until(() => asked(all) >= before + methods.length);
  const beganMs = performance.now();
  await all.control.close();
  for (const { method, answer } of await Promise.all(running)) {
    const isStream = method.methodKind === "server_streaming";
    // What is unary may finish; what does not is cut off. An attachment had ended by itself.
    const allowed = isStream ? ["UNAVAILABLE/DRAINING"] : ["UNAVAILABLE", "CANCELLED", "OK"];
    expect(method, "at the stop", answer, ...allowed);
  }
  assert.ok(performance.now() - beganMs < 4_000);
  await isClean(all);
});

test("twice is twice, and once with a request id for what changes state", async (t) => {
  const all = await place(t);
  const { admin: token } = all.tokens;
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  metadata.set(REQUEST_ID_KEY, "the-same");
  for (const method of await takingNothing(all)) {
    const start = asked(all);
    for (const time of ["first", "second"]) {
      expect(method, `the ${time} time`, await call(all, method, EMPTY, { token }), "OK");
    }
    assert.ok(asked(all) >= start + 2, method.name);
    if (!isUnary(method)) continue;
    const named = asked(all);
    for (let time = 0; time < 2; time++) {
      await new Promise<void>((resolve, reject) => {
        const frame = Buffer.from(EMPTY);
        all.client.makeUnaryRequest(pathOf(method), through, through, frame, metadata, (error) =>
          error === null ? resolve() : reject(error),
        );
      });
    }
    const changesState = ["operate", "admin"].includes(scopeOf(method));
    assert.equal(asked(all) - named, changesState ? 1 : 2, method.name);
  }
  await isClean(all);
});

test("a reader of any stream that stops reading is held back and slows nobody", async (t) => {
  const all = await place(t);
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${all.tokens.admin}`);
  const taking = new Set(await takingNothing(all));
  for (const method of STREAMS) {
    if (!taking.has(method)) continue;
    const stub = all.stubs.find(({ service }) => service === method.parent);
    assert.ok(stub !== undefined);
    stub.mode = "flood";
    stub.sent = 0;
    const frame = Buffer.from(EMPTY);
    const reader = all.client.makeServerStreamRequest(pathOf(method), through, through, frame, metadata);
    reader.on("error", () => {});
    // It stops after the first one; grpc-js reads ahead for a reader that never began. Once the windows are full the stub
    // is told to pause.
    reader.once("data", () => reader.pause());
    let before = -1;
    await until(() => stub.watching === 1 && reader.isPaused());
    while (stub.sent !== before) {
      before = stub.sent;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    // A window of 64 KiB and some frames on either side, of 40 MB.
    assert.ok(stub.sent < 200, `${method.name} gave ${stub.sent} messages to nobody`);
    await othersGoOn(all);
    reader.cancel();
    await isClean(all);
  }
});

test("a client of any method that is gone without a word leaves nothing", async (t) => {
  const all = await place(t);
  const { admin: token } = all.tokens;
  const methods = await takingNothing(all);
  for (const method of methods) {
    for (const stub of all.stubs) stub.mode = "pending";
    const before = asked(all);
    const [host = "", port] = (all.control.address ?? "").split(":");
    const socket = connectSocket(Number(port), host);
    socket.on("error", () => {});
    const session = connectHttp2(`http://${host}:${port}`, { createConnection: () => socket });
    session.on("error", () => {});
    const stream = session.request({
      ":method": "POST",
      ":path": pathOf(method),
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${token}`,
    });
    stream.on("error", () => {});
    // An empty message; the stream stays open, so that an attachment goes on.
    stream.write(Buffer.alloc(5));
    if (isUnary(method) || method.methodKind === "server_streaming") stream.end();
    await until(() => asked(all) > before);
    const closed = once(socket, "close");
    socket.resetAndDestroy();
    await closed;
    await isClean(all);
    session.destroy();
  }
  await othersGoOn(all);
});
