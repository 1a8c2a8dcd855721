/** `alysctl checkpoints verify` on files, without a node. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { encodePossessionFile } from "../../../src/chain/possession.ts";
import { encodeChainSpecification } from "../../../src/chain/spec.ts";
import { runAlysctl } from "../../../src/cli/program.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";
import { CheckpointRig } from "../integrations/chain/checkpoint/checkpoint-rig.ts";

async function verify(file: string, chain: string): Promise<{ status: number; out: string }> {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const terminal = { out: say, err: say, write: say } as unknown as Terminal;
  const proofs = `${chain}.proofs`;
  const args = ["checkpoints", "verify", file, "--chain", chain];
  if (existsSync(proofs)) args.push("--proofs", proofs);
  const status = await runAlysctl(args, terminal, new AbortController().signal);
  return { status, out: lines.join("\n") };
}

/** The specification of the rig's chain, and beside it the proofs of possession of its authorities. */
function writeChain(path: string, { forge }: CheckpointRig): void {
  writeFileSync(path, encodeChainSpecification(forge.parameters));
  writeFileSync(`${path}.proofs`, encodePossessionFile(forge.secretKeys, forge.genesis.hash));
}

test("alysctl checkpoints verify believes a sound file and names what is wrong with others", async () => {
  const folder = mkdtempSync(join(tmpdir(), "alys-checkpoint-"));
  try {
    const rig = new CheckpointRig({ members: 1 });
    await rig.grow(150);
    const { id } = await rig.settle(rig.checkpoints.create(80));
    const bytes = rig.files.files.get(`${id}.checkpoint`)!;
    const [sound, damaged, chain, other] = ["sound", "damaged", "chain.json", "other.json"].map((name) =>
      join(folder, name),
    ) as [string, string, string, string];
    writeFileSync(sound, bytes);
    writeFileSync(damaged, bytes.slice(0, -1));
    writeChain(chain, rig);
    writeChain(other, new CheckpointRig({ members: 1, seed: 2 }));
    const bare = join(folder, "bare.json");
    writeFileSync(bare, encodeChainSpecification(rig.forge.parameters));
    const good = await verify(sound, chain);
    assert.equal(good.status, 0, good.out);
    assert.match(good.out, /^sound/);
    for (const [file, specification, fault] of [
      [damaged, chain, "CHECKSUM"],
      [sound, other, "OTHER_CHAIN"],
      [join(folder, "none"), chain, "ENOENT"],
      [sound, bare, "POSSESSION_UNPROVEN"],
    ] as const) {
      const bad = await verify(file, specification);
      assert.notEqual(bad.status, 0);
      assert(bad.out.includes(fault), bad.out);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("alysctl checkpoints verify believes a file of a chain that requires AuxPoW", async () => {
  const folder = mkdtempSync(join(tmpdir(), "alys-checkpoint-"));
  try {
    const rig = new CheckpointRig({ members: 1, auxpowEvery: 10 });
    await rig.grow(160);
    const { id } = await rig.settle(rig.checkpoints.create(80));
    const [file, chain] = [join(folder, "sound"), join(folder, "chain.json")];
    writeFileSync(file, rig.files.files.get(`${id}.checkpoint`)!);
    writeChain(chain, rig);
    const { status, out } = await verify(file, chain);
    assert.equal(status, 0, out);
    assert.match(out, /^sound/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
