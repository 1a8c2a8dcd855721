/** A sentry's delegation from its file: read again when it was replaced, and never given up for one that is of no use. */

import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Role } from "../../../gen/alys/wire/v1/wire_pb.ts";
import { encodeDelegation, ROLE_MEMBER, ROLE_SENTRY, signDelegation } from "../../../src/chain/delegation.ts";
import { encodeDelegationFile } from "../../../src/chain/delegation-file.ts";
import { forgeSecretKeys } from "../../../src/chain/forge.ts";
import { toHex } from "../../../src/chain/hex.ts";
import { Failure } from "../../../src/kernel/errors.ts";
import { SentryDelegation } from "../../../src/node/sentry-delegation.ts";

const [key, other] = forgeSecretKeys(2, 1);
const GENESIS = new Uint8Array(32).fill(1);
const PEER = new Uint8Array(38).fill(2);
const NOW_MS = 1_710_000_000_000;

function fileOf(t: TestContext): { readonly file: string; put(text: string): void } {
  const folder = mkdtempSync(join(tmpdir(), "alys-sentry-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "sentry.json");
  return {
    file,
    put: (text) => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    },
  };
}

async function refusal(promise: Promise<unknown>): Promise<Failure> {
  const thrown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(thrown instanceof Failure, String(thrown));
  return thrown;
}

test("SentryDelegation reads a replaced file once, and keeps what it has while the new one is of no use", async (t) => {
  const { file, put } = fileOf(t);
  put(encodeDelegationFile(key!, PEER, NOW_MS, GENESIS));
  const source = await SentryDelegation.open(file, PEER, GENESIS);
  assert.equal(source.current.role, Role.SENTRY);
  assert.equal(source.delegation.expiryMs, NOW_MS);
  assert.equal(source.nextMs, undefined);
  assert.equal(await source.renew(), false);

  put(encodeDelegationFile(key!, PEER, NOW_MS + 5_000, GENESIS));
  assert.equal(await source.renew(), true);
  assert.equal(await source.renew(), false);
  assert.deepEqual([source.delegation.expiryMs, source.renewals], [NOW_MS + 5_000, 1]);

  put("half of a fi");
  assert.equal((await refusal(source.renew())).reason, "DELEGATION_FILE_INVALID");
  assert.equal((await refusal(source.renew())).reason, "DELEGATION_FILE_INVALID", "until it is replaced");
  rmSync(file);
  assert.equal((await refusal(source.renew())).reason, "FILE_UNREADABLE");
  assert.deepEqual([source.delegation.expiryMs, source.renewals], [NOW_MS + 5_000, 1]);
  put(encodeDelegationFile(key!, PEER, NOW_MS + 9_000, GENESIS));
  assert.equal(await source.renew(), true);
  assert.equal(source.delegation.expiryMs, NOW_MS + 9_000);
});

test("SentryDelegation refuses what is for another chain or peer, forged, a member's, or no delegation", async (t) => {
  const { file, put } = fileOf(t);
  const good = JSON.parse(encodeDelegationFile(key!, PEER, NOW_MS, GENESIS)) as Record<string, string>;
  const foreign = JSON.parse(encodeDelegationFile(other!, PEER, NOW_MS, GENESIS)) as Record<string, string>;
  const signed = (role: typeof ROLE_MEMBER | typeof ROLE_SENTRY) => {
    const delegation = { publicKey: key!.publicKey, peerId: PEER, role, expiryMs: NOW_MS };
    return {
      ...good,
      delegation: toHex(encodeDelegation(delegation)),
      signature: toHex(signDelegation(key!, delegation, GENESIS)),
    };
  };
  const cases: [string, RegExp][] = [
    [encodeDelegationFile(key!, PEER, NOW_MS, new Uint8Array(32)), /for chain 00/],
    [encodeDelegationFile(key!, new Uint8Array(38), NOW_MS, GENESIS), /another peer id/],
    [JSON.stringify({ ...good, signature: foreign["signature"] }), /signature is bad/],
    [JSON.stringify(signed(ROLE_MEMBER)), /makes this node a member/],
    [JSON.stringify({ ...good, delegation: "0x00" }), /a delegation of 1 bytes/],
    [JSON.stringify({ ...good, delegation: "nothing" }), /in hex/],
    ["[]", /in hex/],
    ["", /in hex/],
  ];
  for (const [text, message] of cases) {
    put(text);
    const failed = await refusal(SentryDelegation.open(file, PEER, GENESIS));
    assert.equal(failed.reason, "DELEGATION_FILE_INVALID");
    assert.match(failed.message, message);
  }
  put(" ".repeat(10_000));
  assert.equal((await refusal(SentryDelegation.open(file, PEER, GENESIS))).reason, "FILE_TOO_LARGE");
  put(JSON.stringify(signed(ROLE_SENTRY)));
  assert.ok(await SentryDelegation.open(file, PEER, GENESIS));
});
