/** `alysctl producer`: files of proofs, and the fields of the status. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ProducerStatusSchema } from "../../../gen/alys/producer/v1/producer_pb.ts";
import { readPossessions } from "../../../src/cli/possessions.ts";
import { producerFields } from "../../../src/cli/producer.ts";
import { runAlysctl } from "../../../src/cli/program.ts";
import { MemoryTerminal } from "../../../src/cli/terminal.ts";
import { Failure } from "../../../src/kernel/errors.ts";

const GENESIS = new Uint8Array(32).fill(7);
const hex = (byte: string, length: number): string => `0x${byte.repeat(length)}`;

function text(proofs: unknown, genesisHash: unknown = hex("07", 32)): string {
  return JSON.stringify({ genesisHash, proofs });
}

test("readPossessions keeps the order of the file", () => {
  const read = readPossessions(
    text([
      { authority: hex("0b", 48), proof: hex("01", 96) },
      { authority: hex("0a", 48), proof: hex("02", 96) },
    ]),
    GENESIS,
  );
  assert.ok(!(read instanceof Failure));
  assert.deepEqual(
    read.map(({ key }) => key[0]),
    [11, 10],
  );
  assert.deepEqual(
    read.map(({ proof }) => proof[95]),
    [1, 2],
  );
});

test("readPossessions names what is wrong", () => {
  const cases: [string, string][] = [
    ["{", "genesisHash"],
    [text([], hex("08", 32)), "genesisHash"],
    [text({}), "proofs"],
    [text([{ authority: "0xzz", proof: hex("01", 96) }]), "proofs[0].authority"],
    [text([{ authority: hex("0b", 48), proof: hex("01", 95) }]), "proofs[0].proof"],
    [text([null]), "proofs[0].authority"],
  ];
  for (const [file, field] of cases) {
    const read = readPossessions(file, GENESIS);
    assert.ok(read instanceof Failure, file);
    assert.equal(read.detail.field, field);
  }
});

test("producerFields tells a node without a key from a member that is not in force", () => {
  const none = create(ProducerStatusSchema);
  assert.match(String(producerFields(none)[0]), /no authority key/);
  const key = new Uint8Array(48).fill(1);
  const waiting = create(ProducerStatusSchema, { authorityKey: key, scheduledAuthorities: [key] });
  assert.match(String(producerFields(waiting)[0]), /not in the set in force/);
  assert.deepEqual(producerFields(waiting).at(-1), ["scheduled set", [`0x${"01".repeat(48)}`]]);
});

test("producerFields says why a member signs nothing, and until when its record bars it", () => {
  const status = create(ProducerStatusSchema, {
    authorityKey: new Uint8Array(48).fill(1),
    clockFault: "the clock is 3600000 ms ahead of those of most members",
    barredToSlot: 882_014_406n,
    barredUntilMs: 1_764_028_814_000n,
  });
  const fields = new Map(producerFields(status).map(([name, value]) => [name, String(value)]));
  assert.match(fields.get("signs nothing") ?? "", /3600000 ms ahead/);
  assert.match(fields.get("barred") ?? "", /slot 882,014,406, until 2025-11-25 00:00:14Z/);
});

test("producer schedule without files is a bad call", async () => {
  const terminal = new MemoryTerminal();
  const status = await runAlysctl(["producer", "schedule"], terminal, new AbortController().signal);
  assert.equal(status, 13);
  assert.match(terminal.errors.join(""), /--proofs or --withdraw/);
});
