/**
 * The contract of the bridge port: what every bridge behind it does with members' messages, embedded or attached. Register
 * it with a way to open a fresh one and to see what it took.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { BridgeListener, BridgePort } from "../../src/integrations/bridge/port.ts";

export interface OpenedBridge {
  readonly bridge: BridgePort & BridgeListener;
  /** Labels of the messages that it took, in order. */
  taken(): readonly string[];
}

const MEMBER = new Uint8Array(48).fill(7);

export function bridgePortContract(name: string, open: () => Promise<OpenedBridge>): void {
  const note = (label: string, bytes = 3) => ({ memberKey: MEMBER, label, content: new Uint8Array(bytes) });

  test(`${name}: deliver() takes a message, empty or large, and gives the reply, which may be empty`, async () => {
    const { bridge, taken } = await open();
    for (const [label, bytes] of [
      ["a", 0],
      ["b", 3],
      ["c", 1024 * 1024],
    ] as const) {
      assert.ok((await bridge.deliver(note(label, bytes))) instanceof Uint8Array);
    }
    assert.deepEqual(taken(), ["a", "b", "c"]);
    await bridge.close();
  });

  test(`${name}: messages are taken in the order in which they came`, async () => {
    const { bridge, taken } = await open();
    const labels = Array.from({ length: 50 }, (_, index) => `${index}`);
    await Promise.all(labels.map((label) => bridge.deliver(note(label))));
    assert.deepEqual(taken(), labels);
    await bridge.close();
  });

  test(`${name}: tell() answers nothing and never throws`, async () => {
    const { bridge, taken } = await open();
    bridge.tell({ kind: "peg", value: { pegInCount: 1 } });
    bridge.tell({ kind: "authorities", value: { firstHeight: 4n, keys: [MEMBER] } });
    bridge.tell({ kind: "federation", value: { status: { quorum: 2 } } });
    bridge.tell({ kind: "equivocation", value: { slot: 3n, guiltyKeys: [MEMBER] } });
    await bridge.deliver(note("after"));
    assert.deepEqual(taken(), ["after"]);
    await bridge.close();
  });
}
