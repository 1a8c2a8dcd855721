/** The node's key: its file, its peer id as libp2p makes it, its signatures. */

import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { generateKeyPairFromSeed, privateKeyFromProtobuf } from "@libp2p/crypto/keys";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import fc from "fast-check";
import { Failure } from "../../../src/kernel/errors.ts";
import { seededRandom } from "../../../src/kernel/ports/random.ts";
import {
  identityFromSeed,
  loadOrCreateIdentity,
  serializeIdentity,
  verifyPeerSignature,
} from "../../../src/p2p/identity.ts";
import { publicKeyOfPeer } from "../../../src/p2p/peer-id.ts";

const folder = await mkdtemp(join(tmpdir(), "alys-identity-"));
after(() => rm(folder, { recursive: true }));

test("peer id, key and serialization are those of libp2p", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (seed) => {
      const ours = identityFromSeed(seed);
      const theirs = await generateKeyPairFromSeed("Ed25519", seed);
      assert.equal(ours.peerId, peerIdFromPrivateKey(theirs).toString());
      assert.deepEqual(publicKeyOfPeer(ours.peerId), ours.publicKey);
      const parsed = privateKeyFromProtobuf(Buffer.from(serializeIdentity(ours), "base64"));
      assert.ok(parsed.equals(theirs));
      const bytes = seed.subarray(0, 7);
      const signature = ours.sign(bytes);
      assert.equal(await theirs.publicKey.verify(bytes, signature), true);
      assert.equal(verifyPeerSignature(ours.peerId, bytes, await theirs.sign(bytes)), true);
    }),
    { numRuns: 20 },
  );
});

test("publicKeyOfPeer refuses what is no ed25519 peer id", () => {
  for (const text of ["", "1", "0OIl", "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "z".repeat(5000)]) {
    assert.equal(publicKeyOfPeer(text), undefined);
  }
});

test("loadOrCreateIdentity makes a private file once and reads it again", async () => {
  const path = join(folder, "node", "key");
  const made = await loadOrCreateIdentity(path, seededRandom(1));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const again = await loadOrCreateIdentity(path, seededRandom(2));
  assert.equal(again.peerId, made.peerId);
});

test("loadOrCreateIdentity refuses a file that others can read, or that is no key", async () => {
  const path = join(folder, "exposed");
  await loadOrCreateIdentity(path, seededRandom(3));
  await chmod(path, 0o644);
  const refusal = (reason: string) => (thrown: unknown) =>
    thrown instanceof Failure && thrown.reason === reason;
  await assert.rejects(loadOrCreateIdentity(path, seededRandom(3)), refusal("IDENTITY_EXPOSED"));
  const text = await readFile(path, "utf8");
  for (const [name, content] of [
    ["short", text.slice(0, 40)],
    ["other", `${text.slice(0, 40)}AAAA${text.slice(44)}`],
  ] as const) {
    const bad = join(folder, name);
    await writeFile(bad, content, { mode: 0o600 });
    await assert.rejects(loadOrCreateIdentity(bad, seededRandom(3)), refusal("IDENTITY_MALFORMED"));
  }
});
