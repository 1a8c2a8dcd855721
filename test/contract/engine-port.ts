/**
 * The contract of the engine port: what every engine behind it answers, embedded or attached. Register it with a way to
 * open a fresh one.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type EngineCoordination,
  type EnginePort,
  TRANSACTION_BYTES_MAX,
} from "../../src/integrations/engine/port.ts";

const MEMBER = new Uint8Array(48).fill(7);
const nameOf = (byte: number) => new Uint8Array(32).fill(byte);

export function enginePortContract(name: string, open: () => Promise<EnginePort & EngineCoordination>): void {
  test(`${name}: a transaction of 1 byte to 1 MiB is accepted, from a peer or a client, nothing else`, async () => {
    const engine = await open();
    const verdictOn = (length: number, peerId?: string) =>
      engine.validateTransaction(new Uint8Array(length).fill(1), 1_000, peerId);
    assert.equal(await verdictOn(1), "accept");
    assert.equal(await verdictOn(TRANSACTION_BYTES_MAX, "peer"), "accept");
    assert.equal(await verdictOn(0), "reject");
    assert.equal(await verdictOn(TRANSACTION_BYTES_MAX + 1, "peer"), "reject");
    await engine.close();
  });

  test(`${name}: many transactions are judged at a time, each for itself`, async () => {
    const engine = await open();
    const lengths = Array.from({ length: 100 }, (_, index) => index % 3);
    const verdicts = await Promise.all(
      lengths.map((length) => engine.validateTransaction(new Uint8Array(length), 1_000)),
    );
    assert.deepEqual(
      verdicts,
      lengths.map((length) => (length === 0 ? "reject" : "accept")),
    );
    await engine.close();
  });

  test(`${name}: a payload that was received is provided by its name, another is NOT_FOUND`, async () => {
    const engine = await open();
    const payload = new Uint8Array(5_000).fill(3);
    await engine.receivePayload({ memberKey: MEMBER, payloadHash: nameOf(1), payload });
    await engine.receivePayload({ memberKey: MEMBER, payloadHash: nameOf(2), payload: Uint8Array.of(9) });
    payload.fill(0);
    assert.deepEqual(await engine.providePayload(MEMBER, nameOf(1)), new Uint8Array(5_000).fill(3));
    assert.deepEqual(await engine.providePayload(MEMBER, nameOf(2)), Uint8Array.of(9));
    await assert.rejects(engine.providePayload(MEMBER, nameOf(3)), { code: "NOT_FOUND" });
    await engine.close();
  });

  test(`${name}: tell() answers nothing and never throws`, async () => {
    const engine = await open();
    const block = { height: 1n, hash: nameOf(1) };
    engine.tell({ kind: "head", value: { head: block, final: block } });
    engine.tell({ kind: "sync", value: { head: block } });
    engine.tell({ kind: "engineHead", value: { memberKey: MEMBER, block } });
    assert.equal(await engine.validateTransaction(Uint8Array.of(1), 1_000), "accept");
    await engine.close();
  });
}
