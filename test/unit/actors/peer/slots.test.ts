/** Whose slot a newcomer takes: of the place that holds more than the newcomer's would, and never one that is due to somebody. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { KnownPeer } from "../../../../src/actors/peer/known/known-peer.ts";
import { NEW_SCORE } from "../../../../src/actors/peer/score.ts";
import { chooseDisplaced } from "../../../../src/actors/peer/slots.ts";

let opened = 0;

function connected(
  ip: string,
  changes: Partial<KnownPeer> & { direction?: "inbound" | "outbound" } = {},
): KnownPeer {
  const { direction = "inbound", ...rest } = changes;
  opened += 1;
  const connection = { direction, remoteAddress: `/ip4/${ip}/tcp/${opened}`, openedMs: opened };
  return {
    ...{ peerId: `peer-${opened}`, isReserved: false, isBootstrap: false, assignedType: 0, score: NEW_SCORE },
    link: { state: "connected", session: opened, connection, status: {} },
    ...rest,
  } as unknown as KnownPeer;
}

const NEWCOMER = "/ip4/10.9.9.9/tcp/1";

describe("chooseDisplaced", () => {
  test("takes the least worthy of the fullest place, and of equals the last to come", () => {
    const crowd = [connected("10.0.0.1"), connected("10.0.0.1"), connected("10.0.0.2")];
    assert.equal(chooseDisplaced(NEWCOMER, [...crowd, connected("10.3.0.1")]), crowd[1]);
    const bad = connected("10.0.0.1", { score: { ...NEW_SCORE, reliability: 0.1 } });
    assert.equal(chooseDisplaced(NEWCOMER, [bad, ...crowd]), bad);
  });

  test("takes nobody's where no place holds more than the newcomer's would", () => {
    assert.equal(chooseDisplaced(NEWCOMER, [connected("10.0.0.1"), connected("10.1.0.1")]), undefined);
    const own = [connected("10.9.9.9"), connected("10.9.9.9")];
    assert.equal(chooseDisplaced(NEWCOMER, [...own, connected("10.0.0.1")]), undefined);
  });

  test("leaves members, bootstrap peers, those we dialled and those with a class alone", () => {
    const exempt = [
      { isReserved: true },
      { isBootstrap: true },
      { direction: "outbound" },
      { assignedType: 2 },
    ];
    const crowd = exempt.map((changes) => connected("10.0.0.1", changes as Partial<KnownPeer>));
    assert.equal(chooseDisplaced(NEWCOMER, crowd), undefined);
  });
});
