/** The precheck at a block of gossip: what it tells without a signature being verified. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { glanceFor } from "../../../../src/actors/network/precheck.ts";
import { encodeApproval } from "../../../../src/chain/approval.ts";
import { joinBlock, splitBlock } from "../../../../src/chain/block.ts";
import { ChainForge } from "../../../../src/chain/forge.ts";
import { decodeHeader, headerHash, readHeader } from "../../../../src/chain/header.ts";
import type { ChainSnapshot } from "../../../../src/integrations/chain/port.ts";

function rig() {
  const forge = new ChainForge({ members: 3 });
  const known = new Map<string, number>();
  const at = { finalHeight: 0, nowMs: 0 };
  const keyOf = (hash: Uint8Array): string => Buffer.from(hash).toString("hex");
  const precheck = glanceFor(
    {
      facts: forge.facts(),
      snapshot: () => ({ final: { height: at.finalHeight, hash: new Uint8Array(32) } }) as ChainSnapshot,
      heightOf: (hash) => known.get(keyOf(hash)),
      readBlockByHash: () => undefined,
      authoritiesAt: () => forge.authorities,
    },
    { nowMs: () => at.nowMs },
  );
  const next = (signers?: number) => {
    const block = forge.next(signers === undefined ? {} : { signers });
    const header = splitBlock(block).header;
    at.nowMs = decodeHeader(header).timestampMs;
    return { block, header, hash: headerHash(header), ...decodeHeader(header) };
  };
  const learn = (hash: Uint8Array, height: number): void => void known.set(keyOf(hash), height);
  return { forge, precheck, at, next, learn };
}

test("a block of the present is new; under another approval it is one of the same header", () => {
  const { forge, precheck, next } = rig();
  const { block, header, hash } = next();
  const seen = precheck(block);
  assert.equal(seen.kind, "fresh");
  assert.deepEqual("header" in seen && seen.header, readHeader(block), "its header comes with it");
  const { body } = splitBlock(block);
  const other = joinBlock(header, body, encodeApproval(forge.approve(hash, 0b111, false)));
  assert.notDeepEqual(other, block);
  assert.deepEqual(precheck(other), seen);
});

test("a block of another time, of another set, without its author or a quorum is not new", () => {
  const { forge, precheck, next, at } = rig();
  const { block, header, timestampMs, slot } = next();
  for (const nowMs of [timestampMs - 501, timestampMs + 5 * 2_000 + 2_000]) {
    at.nowMs = nowMs;
    assert.equal(precheck(block).kind, "stale", `${nowMs - timestampMs}`);
  }
  at.nowMs = timestampMs + 3 * 2_000;
  assert.equal(precheck(block).kind, "fresh");
  const { body } = splitBlock(block);
  const filler = forge.approve(headerHash(header), 0b111, false);
  const author = 1 << (slot % 3);
  for (const [bits, length] of [
    [0b111 ^ author, 3],
    [author, 3],
    [0b111, 4],
  ] as const) {
    const other = joinBlock(header, body, encodeApproval({ ...filler, bits, length }));
    assert.equal(precheck(other).kind, "stale", `${bits} of ${length}`);
  }
  const changed = header.slice();
  changed[120] = (changed[120] ?? 0) ^ 1;
  assert.equal(precheck(joinBlock(changed, body, encodeApproval(filler))).kind, "stale");
});

test("a block of the chain is known, under any approval, and so is one below the final height", () => {
  const { forge, precheck, next, at, learn } = rig();
  const { block, header, hash, height } = next();
  learn(hash, height);
  const { body } = splitBlock(block);
  const other = joinBlock(header, body, encodeApproval(forge.approve(hash, 0b011, false)));
  assert.deepEqual([precheck(block).kind, precheck(other).kind], ["known", "known"]);
  const second = next();
  at.finalHeight = second.height;
  assert.equal(precheck(second.block).kind, "known");
});

test("what cannot be a block is malformed", () => {
  const { precheck, next } = rig();
  const { block } = next();
  const wrongOffset = block.slice();
  wrongOffset[184] = 0;
  const forms: readonly (readonly [string, Uint8Array])[] = [
    ["nothing", new Uint8Array()],
    ["half a header", block.subarray(0, 100)],
    ["a byte less", block.subarray(0, -1)],
    ["bytes behind", Buffer.concat([block, new Uint8Array(2)])],
    ["padding of two megabytes", Buffer.concat([block, new Uint8Array(1_900_000)])],
    ["too many bytes", new Uint8Array(2 * 1024 * 1024 + 1)],
    ["a wrong offset", wrongOffset],
  ];
  for (const [what, bytes] of forms) assert.equal(precheck(bytes).kind, "malformed", what);
});
