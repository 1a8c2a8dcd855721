/** Certificates of the control plane's listeners: shown, warned of before they end, and watched anew when they are renewed. */

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { issue } from "../../../../src/cli/certificate.ts";
import { CertificateEnds, endsOf } from "../../../../src/control/auth/certificate-ends.ts";
import { openCredentials } from "../../../../src/control/auth/credentials.ts";
import { Gate } from "../../../../src/control/auth/gate.ts";
import type { Failure } from "../../../../src/kernel/errors.ts";
import { type Clock, FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { MemoryLog, silentLog } from "../../../../src/kernel/ports/log.ts";
import { realRandom } from "../../../../src/kernel/ports/random.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

function make(clock: Clock, days: number, use: "server" | "authority") {
  const notBeforeMs = clock.nowMs();
  const dates = { notBeforeMs, notAfterMs: notBeforeMs + days * DAY_MS };
  return issue({ commonName: "alysd", use, hosts: ["localhost"], ...dates }, undefined, realRandom);
}

test("CertificateEnds warns in the last 30 days, again at each half, and no more of one that was renewed", () => {
  const clock = new FakeClock(1_710_000_000_000);
  const log = new MemoryLog();
  const ends = new CertificateEnds(clock, log);
  const server = (days: number) => endsOf(Buffer.from(make(clock, days, "server").certificate), "server");
  // Two authorities in one file, as while one replaces the other.
  const authorities = [3_650, 100].map((days) => make(clock, days, "authority").certificate);
  const both = endsOf(Buffer.from(authorities.join("\n")), "client authority");
  assert.equal(both.length, 2);
  ends.watch([...server(365), ...both]);
  const told = (level: "warn" | "error", use: string) =>
    log.records.filter((record) => record.level === level && record.fields["use"] === use).length;

  clock.advance(69 * DAY_MS);
  assert.deepEqual([told("warn", "server"), told("warn", "client authority")], [0, 0]);
  clock.advance(2 * DAY_MS);
  assert.deepEqual([told("warn", "server"), told("warn", "client authority")], [0, 1]);
  clock.advance(266 * DAY_MS);
  assert.equal(told("warn", "server"), 1, "28 days are left");
  clock.advance(28 * DAY_MS + HOUR_MS);
  assert.ok(told("warn", "server") >= 5 && told("warn", "server") < 20, "again at each half");
  assert.ok(told("error", "server") >= 1, "it has ended");

  ends.watch(server(90));
  const [warned, failed] = [told("warn", "server"), told("error", "server")];
  clock.advance(50 * DAY_MS);
  assert.deepEqual([told("warn", "server"), told("error", "server")], [warned, failed]);
  ends.close();
  assert.equal(clock.pendingTimers, 0);
});

test("RotatingCredentials tells the ends of what it uses, and those of new files after it took them", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alys-certificates-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const clock = new FakeClock(1_710_000_000_000);
  const certificateFile = join(folder, "server.crt");
  const keyFile = join(folder, "server.key");
  const clientCaFile = join(folder, "ca.crt");
  const put = (days: number) => {
    const { certificate, key } = make(clock, days, "server");
    writeFileSync(keyFile, key);
    chmodSync(keyFile, 0o600);
    writeFileSync(certificateFile, certificate);
  };
  put(365);
  writeFileSync(clientCaFile, make(clock, 3_650, "authority").certificate);
  const opened = openCredentials({ certificateFile, keyFile, clientCaFile }, clock, silentLog);
  t.after(() => opened.close());
  const days = () =>
    opened.ends.map(({ use, expiresMs }) => [use, Math.round((expiresMs - clock.nowMs()) / DAY_MS)]);
  assert.deepEqual(days(), [
    ["server", 365],
    ["client authority", 3_650],
  ]);
  put(90);
  opened.refresh();
  assert.deepEqual(days()[0], ["server", 90]);
});

test("a stream ends when its caller's certificate or token does, also after more than 2^31 ms", () => {
  const clock = new FakeClock(1_710_000_000_000);
  const parts = { trust: "certificate", tokens: undefined, rates: undefined, trustDomain: "alys" } as const;
  const gate = new Gate({ ...parts, clock });
  const ended: string[] = [];
  const expiresMs = clock.nowMs() + 40 * DAY_MS;
  const caller = { principal: "x", holder: "x", isAnonymous: false, isAdministrator: false };
  const admission = { ...caller, expiresMs, refusal: undefined };
  const end = (reason: Failure): void => void ended.push(reason.reason);
  gate.watch({ ...admission, tokenId: undefined, fingerprint: "AA" }, end);
  gate.watch({ ...admission, tokenId: "t" }, end);
  clock.advance(40 * DAY_MS - 1);
  assert.deepEqual(ended, []);
  clock.advance(1);
  assert.deepEqual(ended, ["CERTIFICATE_EXPIRED", "TOKEN_EXPIRED"]);
  gate.close();
});
