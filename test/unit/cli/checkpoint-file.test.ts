/** `alysctl checkpoints verify` on files, without a node. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { encodeChainSpecification } from "../../../src/chain/spec.ts";
import { runAlysctl } from "../../../src/cli/program.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";
import { CheckpointRig } from "../integrations/chain/checkpoint-rig.ts";

async function verify(file: string, chain: string): Promise<{ status: number; out: string }> {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const terminal = { out: say, err: say, write: say } as unknown as Terminal;
  const args = ["checkpoints", "verify", file, "--chain", chain];
  const status = await runAlysctl(args, terminal, new AbortController().signal);
  return { status, out: lines.join("\n") };
}

test("alysctl checkpoints verify believes a sound file and names what is wrong with others", async () => {
  const folder = mkdtempSync(join(tmpdir(), "alys-checkpoint-"));
  try {
    const rig = new CheckpointRig({ members: 1 });
    await rig.grow(150);
    const { id } = await rig.settle(rig.desk.create(80));
    const bytes = rig.shelf.files.get(`${id}.checkpoint`)!;
    const [sound, damaged, chain, other] = ["sound", "damaged", "chain.json", "other.json"].map((name) =>
      join(folder, name),
    ) as [string, string, string, string];
    writeFileSync(sound, bytes);
    writeFileSync(damaged, bytes.slice(0, -1));
    writeFileSync(chain, encodeChainSpecification(rig.forge.parameters));
    writeFileSync(
      other,
      encodeChainSpecification(new CheckpointRig({ members: 1, seed: 2 }).forge.parameters),
    );
    const good = await verify(sound, chain);
    assert.equal(good.status, 0, good.out);
    assert.match(good.out, /^sound/);
    for (const [file, specification, fault] of [
      [damaged, chain, "CHECKSUM"],
      [sound, other, "OTHER_CHAIN"],
      [join(folder, "none"), chain, "ENOENT"],
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
    const { id } = await rig.settle(rig.desk.create(80));
    const [file, chain] = [join(folder, "sound"), join(folder, "chain.json")];
    writeFileSync(file, rig.shelf.files.get(`${id}.checkpoint`)!);
    writeFileSync(chain, encodeChainSpecification(rig.forge.parameters));
    const { status, out } = await verify(file, chain);
    assert.equal(status, 0, out);
    assert.match(out, /^sound/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
