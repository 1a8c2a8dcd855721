/** Which bytes are a question in the DHT: FIND_NODE for a key of a sensible length, and nothing else. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { keyOf } from "../../../../src/p2p/libp2p/kad-server.ts";
import { field, KAD } from "../../../hostile/wire.ts";

const message = (type: number, ...rest: readonly Uint8Array[]): Buffer =>
  Buffer.concat([field(1, type), ...rest]);

describe("keyOf", () => {
  test("finds the key of a FIND_NODE, whatever else the message has", () => {
    const key = randomBytes(34);
    assert.deepEqual(
      keyOf(message(KAD.findNode, field(10, 3), field(2, key), field(15, randomBytes(20)))),
      key,
    );
  });

  for (const [what, type] of Object.entries(KAD).filter(([name]) => name !== "findNode")) {
    test(`takes ${what} for no question`, () => {
      assert.equal(keyOf(message(type, field(2, randomBytes(34)))), undefined);
    });
  }

  test("takes a FIND_NODE without key, with an empty or with a long one for no question", () => {
    for (const rest of [[], [field(2, "")], [field(2, randomBytes(129))]]) {
      assert.equal(keyOf(message(KAD.findNode, ...rest)), undefined);
    }
  });

  test("answers or refuses any bytes, and never reads beyond them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const key = keyOf(bytes);
        assert.ok(key === undefined || (key.length > 0 && key.length <= 128));
      }),
    );
  });
});
