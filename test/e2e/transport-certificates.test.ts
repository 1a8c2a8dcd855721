/**
 * The certificates that libp2p makes for its transports outlive any process: a node that runs for decades still accepts
 * connections. Over TCP a new one is made for each connection; over QUIC one is made when the host opens.
 */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { Libp2pHost } from "../../src/p2p/libp2p/host.ts";
import { type HostHarness, options, Watched } from "../contract/host-harness.ts";

const YEAR_S = 365 * 86_400;
const YEAR_MS = YEAR_S * 1_000;
const DECADES = 30;

async function opened(t: TestContext, transport: "tcp" | "quic"): Promise<Watched> {
  const harness: HostHarness = {
    create: (identity, gate) =>
      new Libp2pHost({ identity, gate, clock: realClock, random: realRandom, log: silentLog }),
    listenAddresses: [transport === "tcp" ? "/ip4/127.0.0.1/tcp/0" : "/ip4/127.0.0.1/udp/0/quic-v1"],
    transports: { tcp: transport === "tcp", quic: transport === "quic" },
    deafAddress: "/ip4/127.0.0.1/tcp/9",
  };
  const watched = new Watched(harness);
  await watched.host.open(options(harness));
  t.after(() => watched.host.close());
  return watched;
}

/** A line of multistream-select: its length, then the text. */
const line = (text: string): Buffer => Buffer.concat([Buffer.of(text.length + 1), Buffer.from(`${text}\n`)]);

async function agreeOn(socket: Socket, protocol: string): Promise<void> {
  let heard = "";
  socket.on("data", (bytes) => (heard += bytes.toString("latin1")));
  socket.write(Buffer.concat([line("/multistream/1.0.0"), line(protocol)]));
  while (!heard.includes(`${protocol}\n`)) await new Promise((resolve) => socket.once("data", resolve));
  socket.removeAllListeners("data");
}

async function certificateOf(port: number): Promise<{ readonly from: number; readonly to: number }> {
  const socket = connect(port, "127.0.0.1");
  await agreeOn(socket, "/tls/1.0.0");
  const secure = connectTls({ socket, rejectUnauthorized: false, ALPNProtocols: ["libp2p"] });
  await new Promise((resolve, reject) => secure.once("secureConnect", resolve).once("error", reject));
  const { valid_from: from, valid_to: to } = secure.getPeerCertificate();
  secure.destroy();
  return { from: Date.parse(from), to: Date.parse(to) };
}

test("over TCP each connection has a new certificate that is valid for decades", async (t) => {
  const { host } = await opened(t, "tcp");
  const port = Number(/tcp\/(\d+)/.exec(host.addresses()[0] ?? "")?.[1]);
  const { from, to } = await certificateOf(port);
  assert.ok(to > Date.now() + DECADES * YEAR_MS, `until ${new Date(to).toISOString()}`);
  assert.ok(from < Date.now() - 60_000, "a clock that is a minute behind believes it");
  const beganMs = Date.now();
  let later = from;
  while (later === from && Date.now() - beganMs < 10_000) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    later = (await certificateOf(port)).from;
  }
  assert.ok(later > from, "it is made anew, not once at the start");
});

/** The library that sets a process's wall clock ahead; undefined where it cannot be made. */
function makeShim(t: TestContext): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "alys-far-clock-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const library = join(folder, "far-clock.so");
  const source = fileURLToPath(new URL("far-clock.c", import.meta.url));
  try {
    execFileSync("cc", ["-shared", "-fPIC", "-o", library, source, "-ldl"], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  return existsSync(library) ? library : undefined;
}

async function dialFromYears(library: string, years: number, { host }: Watched) {
  const script = fileURLToPath(new URL("far-clock-child.ts", import.meta.url));
  const address = host.addresses()[0] ?? "";
  const env = { ...process.env, LD_PRELOAD: library, FAR_CLOCK_SECONDS: String(years * YEAR_S) };
  const child = spawn(process.execPath, [script, host.peerId, address], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (bytes) => (text += String(bytes)));
  await new Promise((resolve) => child.once("close", resolve));
  return JSON.parse(text) as { readonly said: string; readonly nowMs: number };
}

test("over QUIC a peer whose clock is decades later believes the certificate made now, and is believed", async (t) => {
  const library = process.platform === "linux" ? makeShim(t) : undefined;
  if (library === undefined)
    return t.skip("no C compiler (cc) for Linux: the wall clock of another process cannot be set");
  const watched = await opened(t, "quic");
  const later = await dialFromYears(library, DECADES, watched);
  assert.ok(later.nowMs > Date.now() + (DECADES - 1) * YEAR_MS, "its clock is ahead");
  assert.equal(later.said, "quic");
  // The clock does count: far beyond what the certificate says nobody is believed.
  const never = await dialFromYears(library, 2_500, watched);
  assert.match(never.said, /not connected/);
});
