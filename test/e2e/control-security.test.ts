/** Who may call what: tokens, certificates, scopes, rates, and streams that outlive their right to run. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { type ConnectOptions, connect } from "../../src/cli/client.ts";
import { openAuditLog } from "../../src/control/audit-log.ts";
import { openCredentials } from "../../src/control/auth/credentials.ts";
import { attenuateToken } from "../../src/control/auth/token.ts";
import { openTokenStore } from "../../src/control/auth/token-store.ts";
import { startControl, type TlsOptions } from "../../src/control/server.ts";
import type { Failure } from "../../src/kernel/errors.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { folder, until } from "./control-world.ts";
import { alysctl, credentialsOf, fails, makeToken, secured, tlsFiles } from "./secured-world.ts";

const SYNC = "alys.sync.v1.SyncService";

test("the first start makes a token for each scope, readable by the owner alone, and keeps them", async (t) => {
  const { directory, client, tokens } = await secured(t);
  const expected = [
    "admin.token",
    "local.token",
    "operator.token",
    "readonly.token",
    "root.key",
    "tokens.json",
  ];
  assert.deepEqual(readdirSync(directory).sort(), expected);
  for (const file of expected) assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file);
  const read = readFileSync(join(directory, "readonly.token"), "utf8").trim();
  assert.ok((await client({ token: read }).client(SyncService).getSyncStatus({})).status);
  const again = openTokenStore({ directory, clock: realClock, random: realRandom, isNeeded: true });
  assert.deepEqual(again.records(), tokens.records());
  assert.ok(again.verify(read));
});

test("a call without a token, or with none of ours, is UNAUTHENTICATED; health is for all", async (t) => {
  const { client, tokens } = await secured(t);
  const { token } = await makeToken(tokens, "admin");
  await assert.rejects(
    client().client(SyncService).getSyncStatus({}),
    fails("UNAUTHENTICATED", "TOKEN_MISSING"),
  );
  const forged = `${token.slice(0, -4)}AAAA`;
  const widened = token.replace(/\.[^.]+\./, `.${Buffer.from("scope=admin").toString("base64url")}.`);
  for (const bad of ["x", forged, widened, "alys1.0.0", token.slice(6), "a".repeat(5_000)]) {
    await assert.rejects(
      client({ token: bad }).client(SyncService).getSyncStatus({}),
      fails("UNAUTHENTICATED", "TOKEN_INVALID"),
    );
  }
  const { Health } = await import("../../gen/grpc/health/v1/health_pb.ts");
  assert.equal((await client().client(Health).check({ service: "" })).status, 1);
});

test("a scope includes those below it and the refusal names the one that is missing", async (t) => {
  const { client, tokens } = await secured(t);
  const read = client({ token: (await makeToken(tokens, "read")).token }).client(SyncService);
  const operate = client({ token: (await makeToken(tokens, "operate")).token }).client(SyncService);
  assert.ok((await read.getSyncStatus({})).status);
  await assert.rejects(
    read.stopSync({ reason: "x" }),
    fails("PERMISSION_DENIED", "SCOPE_REQUIRED", { scope: "operate" }),
  );
  assert.ok((await operate.getSyncStatus({})).status);
  await operate.stopSync({ reason: "x" });
});

test("a holder narrows its token without asking, and cannot widen it", async (t) => {
  const { client, tokens } = await secured(t);
  const { token } = await makeToken(tokens, "operate");
  const narrow = attenuateToken(token, [
    { kind: "methods", methods: [`${SYNC}/GetSyncStatus`] },
    { kind: "principal", name: "someone/nightly" },
  ]);
  assert.ok(narrow);
  const sync = client({ token: narrow }).client(SyncService);
  assert.ok((await sync.getSyncStatus({})).status);
  await assert.rejects(
    sync.stopSync({}),
    fails("PERMISSION_DENIED", "METHOD_NOT_GRANTED", { method: `${SYNC}/StopSync` }),
  );
  const wider = attenuateToken(narrow, [{ kind: "methods", methods: [`${SYNC}/*`] }]) ?? "";
  await assert.rejects(client({ token: wider }).client(SyncService).stopSync({}), {
    reason: "METHOD_NOT_GRANTED",
  });
  const other = attenuateToken(token, [{ kind: "principal", name: "admin" }]) ?? "";
  await assert.rejects(client({ token: other }).client(SyncService).getSyncStatus({}), {
    reason: "TOKEN_INVALID",
  });
});

test("expiry and revocation refuse calls and end streams that run", async (t) => {
  const { client, tokens, control, probe } = await secured(t);
  const { token, record } = await makeToken(tokens, "read");
  const short = attenuateToken(token, [{ kind: "expires", atMs: Date.now() + 400 }]) ?? "";
  const watching = async (connection: ReturnType<typeof connect>): Promise<Failure> => {
    try {
      for await (const _ of connection.client(SyncService).watchSyncStatus({})) probe.height += 0;
    } catch (thrown) {
      return thrown as Failure;
    }
    throw new Error("the stream ended without a failure");
  };
  const expiring = watching(client({ token: short }));
  const revoked = watching(client({ token }));
  await until(() => probe.readers() === 2);
  assert.equal((await expiring).reason, "TOKEN_EXPIRED");
  await assert.rejects(
    client({ token: short }).client(SyncService).getSyncStatus({}),
    fails("UNAUTHENTICATED", "TOKEN_EXPIRED"),
  );
  await tokens.revoke(record.id);
  assert.equal((await revoked).reason, "TOKEN_REVOKED");
  await assert.rejects(
    client({ token }).client(SyncService).getSyncStatus({}),
    fails("UNAUTHENTICATED", "TOKEN_REVOKED"),
  );
  await until(() => control.liveCalls === 0 && probe.readers() === 0);
  await assert.rejects(tokens.revoke("0".repeat(24)), { reason: "TOKEN_UNKNOWN" });
});

test("a revocation is on disk before it is answered", async (t) => {
  const { tokens, directory } = await secured(t);
  const { token, record } = await makeToken(tokens, "read");
  await tokens.revoke(record.id);
  const again = openTokenStore({ directory, clock: realClock, random: realRandom, isNeeded: true });
  assert.ok(again.verify(token));
  assert.ok(again.isRevoked(record.id));
});

test("a principal beyond its rate waits as long as it is told, others do not", async (t) => {
  const { client, tokens } = await secured(t, { rateLimit: { callsPerSecond: 2, burst: 3 } });
  const one = client({ token: (await makeToken(tokens, "read")).token }).client(SyncService);
  const other = client({ token: (await makeToken(tokens, "read", { principal: "other" })).token });
  for (let call = 0; call < 3; call++) await one.getSyncStatus({});
  await assert.rejects(one.getSyncStatus({}), (thrown: Failure) => {
    fails("RESOURCE_EXHAUSTED", "RATE_LIMITED")(thrown);
    const delayMs = thrown.detail.retryDelayMs ?? 0;
    assert.ok(delayMs > 0 && delayMs <= 500, String(delayMs));
    return true;
  });
  await other.client(SyncService).getSyncStatus({});
});

test("loopback reads without a token and changes nothing; the socket needs none; a token is held to what it grants", async (t) => {
  const { client, tokens, connection } = await secured(t, { requireTokens: false });
  assert.ok((await client().client(SyncService).getSyncStatus({})).status);
  await assert.rejects(client().client(SyncService).stopSync({}), fails("UNAUTHENTICATED", "TOKEN_MISSING"));
  await connection.client(SyncService).stopSync({});
  await client({ token: (await makeToken(tokens, "operate")).token })
    .client(SyncService)
    .stopSync({});
  const read = client({ token: (await makeToken(tokens, "read")).token }).client(SyncService);
  await assert.rejects(read.stopSync({}), { reason: "SCOPE_REQUIRED" });
});

test("loopback_reads = token asks for one to read, too, and leaves the socket its owner's", async (t) => {
  const { client, tokens, connection } = await secured(t, { requireTokens: false, loopbackReads: "token" });
  await assert.rejects(
    client().client(SyncService).getSyncStatus({}),
    fails("UNAUTHENTICATED", "TOKEN_MISSING"),
  );
  const read = client({ token: (await makeToken(tokens, "read")).token }).client(SyncService);
  assert.ok((await read.getSyncStatus({})).status);
  assert.ok((await connection.client(SyncService).getSyncStatus({})).status);
});

test("beyond loopback there is only TLS, and the refusal says what to set", async () => {
  const bare = { services: [], reflection: false, log: silentLog, clock: realClock };
  await assert.rejects(startControl({ ...bare, listenAddress: "0.0.0.0:0" }), {
    reason: "NOT_LOOPBACK",
    message: /control\.tls\.listen_address.*alysctl keys init/,
  });
});

test("TLS callers bring a token; callers with certificates are who these say", async (t) => {
  const { dir, tls } = await tlsFiles(t, "--client", "operator/ops", "reader/eye", "actor/chain");
  const { client, tokens, control } = await secured(t, { tls, requireTokens: false });
  const { tlsAddress = "", mutualTlsAddress = "" } = control;
  const { token } = await makeToken(tokens, "read");
  const withToken = client({ tls: credentialsOf(dir), token }, tlsAddress).client(SyncService);
  assert.ok((await withToken.getSyncStatus({})).status);
  const without = client({ tls: credentialsOf(dir) }, tlsAddress).client(SyncService);
  await assert.rejects(without.getSyncStatus({}), fails("UNAUTHENTICATED", "TOKEN_MISSING"));
  // Without TLS nothing is understood there.
  await assert.rejects(client({ token }, tlsAddress).client(SyncService).getSyncStatus({}), {
    code: "UNAVAILABLE",
    message: `cannot reach a node at ${tlsAddress}: it closed the connection, as a TLS port does; for TLS give --ca FILE`,
  });

  const as = (name: string) =>
    client({ tls: credentialsOf(dir, name) }, mutualTlsAddress).client(SyncService);
  await as("operator-ops").stopSync({});
  assert.ok((await as("reader-eye").getSyncStatus({})).status);
  await assert.rejects(as("reader-eye").stopSync({}), fails("PERMISSION_DENIED", "SCOPE_REQUIRED"));
  assert.ok((await as("actor-chain").getSyncStatus({})).status);
  await assert.rejects(as("actor-chain").stopSync({}), fails("PERMISSION_DENIED", "METHOD_NOT_GRANTED"));
  const nobody = client({ tls: credentialsOf(dir) }, mutualTlsAddress).client(SyncService);
  await assert.rejects(nobody.getSyncStatus({}), {
    code: "UNAVAILABLE",
    message:
      /^cannot reach a node at \S+: it (asks for a certificate|closed the connection); (if it asks for a certificate, )?give --cert FILE and --key FILE$/,
  });
  const plain = client({ tls: credentialsOf(dir) }).client(SyncService);
  await assert.rejects(plain.getSyncStatus({}), { message: /no TLS is spoken there; connect without --ca/ });
});

test("a certificate of another authority or another domain is nobody's", async (t) => {
  const { dir, tls } = await tlsFiles(t);
  const other = await tlsFiles(t);
  const { client, control } = await secured(t, { tls: { ...tls, trustDomain: "elsewhere" } });
  const { mutualTlsAddress = "" } = control;
  const foreign = {
    ...credentialsOf(other.dir, "admin-alysctl"),
    authority: readFileSync(join(dir, "ca.crt")),
  };
  await assert.rejects(client({ tls: foreign }, mutualTlsAddress).client(SyncService).getSyncStatus({}), {
    code: "UNAVAILABLE",
  });
  const stranger = client({ tls: credentialsOf(dir, "admin-alysctl") }, mutualTlsAddress).client(SyncService);
  await assert.rejects(stranger.getSyncStatus({}), fails("UNAUTHENTICATED", "CERTIFICATE_UNNAMED"));
  const deceived = client({ tls: credentialsOf(other.dir) }, control.tlsAddress).client(SyncService);
  await assert.rejects(deceived.getSyncStatus({}), { code: "UNAVAILABLE" });
});

test("a key of another certificate is a failure that says so", async (t) => {
  const { dir } = await tlsFiles(t);
  const { key = Buffer.alloc(0) } = credentialsOf(dir, "operator-alysctl");
  const mixed = { ...credentialsOf(dir, "admin-alysctl"), key };
  assert.throws(() => connect("127.0.0.1:1", { tls: mixed }), {
    name: "Failure",
    reason: "TLS_FILES",
    message: /the certificate and its key cannot be used: .*mismatch/,
  });
});

test("who does not finish the TLS handshake is cut off", async (t) => {
  const { tls } = await tlsFiles(t);
  const opened = openCredentials(tls, realClock, silentLog);
  t.after(() => opened.close());
  // Waiting for it would take the ten seconds.
  assert.equal(opened.serverOptions.handshakeTimeout, 10_000);
});

test("a revoked certificate is refused within seconds, its streams end, and others go on", async (t) => {
  const { dir, tls } = await tlsFiles(t, "--client", "operator/ops", "operator/eve", "reader/eye");
  const revokedFile = join(dir, "revoked.txt");
  const { client, control, tokens, log } = await secured(t, { tls: { ...tls, revokedFile } });
  const as = (name: string, more: ConnectOptions = {}) =>
    client({ ...more, tls: credentialsOf(dir, name) }, control.mutualTlsAddress).client(SyncService);
  const { token } = await makeToken(tokens, "admin");
  const watching = as("operator-eve").watchSyncStatus({})[Symbol.asyncIterator]();
  assert.equal((await watching.next()).done, false);
  await as("operator-ops").stopSync({});

  const { fingerprint256 } = new X509Certificate(readFileSync(join(dir, "client-operator-eve.crt")));
  writeFileSync(revokedFile, `# lost\n${fingerprint256}\nreader/eye # both of them\n`);
  const revoked = fails("UNAUTHENTICATED", "CERTIFICATE_REVOKED");
  await assert.rejects(async () => {
    for (;;) await watching.next();
  }, revoked);
  await assert.rejects(as("operator-eve").stopSync({}), revoked);
  await assert.rejects(as("operator-eve", { token }).stopSync({}), revoked);
  await assert.rejects(as("reader-eye").getSyncStatus({}), revoked);
  await as("operator-ops").stopSync({});

  // A list that cannot be read changes nothing.
  writeFileSync(revokedFile, "nonsense\n");
  await until(() => log.records.some(({ message }) => message.includes("revoked certificates is not used")));
  await assert.rejects(as("reader-eye").getSyncStatus({}), revoked);
  writeFileSync(revokedFile, "");
  await until(
    () => log.records.filter(({ message }) => message.includes("certificates changed")).length === 2,
  );
  assert.ok((await as("reader-eye").getSyncStatus({})).status);
});

test("a list of revoked certificates that is wrong at the start is told by its line", async (t) => {
  const { dir, tls } = await tlsFiles(t);
  const revokedFile = join(dir, "revoked.txt");
  writeFileSync(revokedFile, "# fine\noperator/ops\nops\n");
  const bare = { services: [], reflection: false, log: silentLog, clock: realClock };
  await assert.rejects(
    startControl({ ...bare, tls: { ...tls, listenAddress: "", revokedFile } }),
    (failed: Failure) => {
      assert.equal(failed.reason, "TLS_FILES");
      assert.match(failed.message, /control\.tls\.revoked_file: .*revoked\.txt:3: "ops" is neither/);
      return true;
    },
  );
});

test("a server is taken only at the addresses and names of its certificate", async (t) => {
  const { dir, tls } = await tlsFiles(t, "--host", "localhost", "::1");
  const { client, control, tokens } = await secured(t, { tls });
  const { token } = await makeToken(tokens, "read");
  const port = control.tlsAddress?.split(":").at(-1);
  const at = (address: string) => client({ tls: credentialsOf(dir), token }, address).client(SyncService);
  assert.ok((await at(`localhost:${port}`).getSyncStatus({})).status);
  await assert.rejects(at(`127.0.0.1:${port}`).getSyncStatus({}), { code: "UNAVAILABLE" });
});

test("renewed certificates are used without a restart, half of a pair is not", async (t) => {
  const { dir, tls } = await tlsFiles(t);
  const { client, control, log } = await secured(t, { tls });
  const call = () => {
    const connection = client({ tls: credentialsOf(dir, "admin-alysctl") }, control.mutualTlsAddress);
    return connection.client(SyncService).getSyncStatus({});
  };
  const said = (message: string) => log.records.filter((record) => record.message === message);
  await call();
  writeFileSync(tls.keyFile, readFileSync(join(dir, "client-admin-alysctl.key")));
  await until(() => said("the new TLS files are not used").length >= 2);
  await call();
  const { status, err } = await alysctl("keys", "init", "--dir", dir, "--rotate");
  assert.equal(status, 0, err);
  const renewed = () => said("the server certificate was renewed");
  await until(() => renewed().length >= 2);
  await call();
  const began = said("a server certificate is in use")[0]?.fields?.["fingerprint"];
  assert.notEqual(renewed()[0]?.fields?.["fingerprint"], began);
});

test("keys init never replaces an authority and refuses nonsense", async (t) => {
  const { dir } = await tlsFiles(t);
  const before = readFileSync(join(dir, "ca.crt"), "utf8");
  const again = await alysctl("keys", "init", "--dir", dir);
  assert.equal(again.status, 16);
  assert.match(again.err, /--rotate/);
  assert.equal((await alysctl("keys", "init", "--dir", dir, "--rotate")).status, 0);
  assert.equal(readFileSync(join(dir, "ca.crt"), "utf8"), before);
  assert.equal((await alysctl("keys", "init", "--dir", join(dir, "x"), "--client", "root/me")).status, 13);
  for (const file of readdirSync(dir)) assert.equal(statSync(join(dir, file)).mode & 0o777, 0o600, file);
});

test("TLS files that cannot be used are refused by the setting's name", async (t) => {
  const { dir, tls } = await tlsFiles(t);
  const bare = { services: [], reflection: false, log: silentLog, clock: realClock };
  const tokens = openTokenStore({
    directory: folder(t),
    clock: realClock,
    random: realRandom,
    isNeeded: true,
  });
  const cases: [Partial<TlsOptions>, string][] = [
    [{ certificateFile: "" }, "control.tls.certificate_file"],
    [{ keyFile: join(dir, "none") }, "control.tls.key_file"],
    [{ keyFile: join(dir, "ca.key") }, "control.tls.key_file"],
    [{ certificateFile: join(dir, "ca.key") }, "control.tls.certificate_file"],
    [{ clientCaFile: "" }, "control.tls.client_ca_file"],
  ];
  for (const [wrong, field] of cases) {
    await assert.rejects(startControl({ ...bare, tokens, tls: { ...tls, ...wrong } }), (thrown: Failure) => {
      assert.deepEqual([thrown.reason, thrown.detail.field], ["TLS_FILES", field]);
      return true;
    });
  }
});

test("the audit log has a line for each call that changes state, sums up those refused, and alysctl checks it", async (t) => {
  const path = join(folder(t), "audit.jsonl");
  const headFile = join(dirname(path), "audit.head");
  const options = { path, headFile, bytesMax: 1024 * 1024, filesMax: 2, clock: realClock, log: silentLog };
  const audit = await openAuditLog(options);
  const { client, tokens, connection } = await secured(t, { audit });
  const { token, record } = await makeToken(tokens, "operate");
  const sync = client({ token }).client(SyncService);
  await sync.getSyncStatus({});
  await sync.stopSync({ reason: "audited" }, { correlationId: "c-1" });
  await assert.rejects(connection.client(SyncService).stopSync({}));
  await assert.rejects(connection.client(SyncService).getSyncStatus({}));
  await assert.rejects(sync.stopSync({ reason: "x".repeat(5_000) }), { reason: "FIELD_INVALID" });
  await audit.close();
  const lines = readFileSync(path, "utf8").trim().split("\n");
  const calls = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const told = calls.map(({ event, method, code, reason, principal }) => [
    event,
    String(method).replace(`${SYNC}/`, ""),
    code,
    reason,
    principal,
  ]);
  assert.deepEqual(told.slice(1, -1), [
    ["call", "StopSync", "OK", undefined, "token:someone"],
    ["call", "StopSync", "INVALID_ARGUMENT", "FIELD_INVALID", "token:someone"],
  ]);
  const { token: id, correlationId, requestHash, peer, durationMs, statedReason } = calls[1] ?? {};
  assert.deepEqual([id, correlationId, statedReason], [record.id, "c-1", "audited"]);
  assert.deepEqual(
    calls.slice(2, 3).map((call) => String(call["statedReason"] ?? "").length),
    [512],
  );
  assert.match(String(requestHash), /^[0-9a-f]{64}$/);
  assert.match(String(peer), /^127\.0\.0\.1:\d+$/);
  assert.equal(typeof durationMs, "number");
  assert.ok(!lines.some((line) => line.includes(token)), "the secret is in the log");

  const sound = await alysctl("audit", "verify", path);
  assert.equal(sound.status, 0, sound.err);
  assert.match(sound.out, /^sound: 4 lines, 1 to 4/);
  const refused = readFileSync(join(dirname(path), "audit.refused.jsonl"), "utf8")
    .trim()
    .split("\n");
  const summary = JSON.parse(refused[1] ?? "") as Record<string, unknown>;
  const { reason, source, from, calls: count } = summary;
  assert.deepEqual([reason, source, from, count], ["TOKEN_MISSING", "anonymous", "unix", 2]);
  assert.equal((await alysctl("audit", "verify", join(dirname(path), "audit.refused.jsonl"))).status, 0);
  lines[2] = (lines[2] ?? "").replace("token:someone", "token:anyone");
  writeFileSync(path, `${lines.join("\n")}\n`);
  const broken = await alysctl("audit", "verify", path);
  assert.equal(broken.status, 25);
  assert.match(broken.err, /audit\.jsonl:3: its content does not match its hash/);
});

test("a call that changes state is refused while it cannot be written down, others go on", async (t) => {
  const { connection } = await secured(t, {
    requireTokens: false,
    audit: { append() {}, refuse() {}, isBehind: true },
  });
  const sync = connection.client(SyncService);
  await assert.rejects(sync.stopSync({}), fails("UNAVAILABLE", "AUDIT_BEHIND"));
  assert.ok((await sync.getSyncStatus({})).status);
});
