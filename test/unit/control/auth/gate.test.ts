/** The gate of a listener that every user of the machine reaches, and what somebody who is not known may. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Metadata } from "@grpc/grpc-js";
import { NodeService } from "../../../../gen/alys/node/v1/node_pb.ts";
import { SyncService } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { Channelz } from "../../../../gen/grpc/channelz/v1/channelz_pb.ts";
import { ServerReflection } from "../../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { Gate, type GateParts, outsiderOf, scopeOf } from "../../../../src/control/auth/gate.ts";
import type { Failure } from "../../../../src/kernel/errors.ts";
import { policyOf } from "../../../../src/kernel/policy.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";

const NOTHING_SHOWN = { metadata: new Metadata(), getAuthContext: () => ({}) };

function gateOf(trust: GateParts["trust"], clock = new FakeClock()): Gate {
  return new Gate({
    trust,
    isLoopback: true,
    clock,
    tokens: undefined,
    rates: undefined,
    trustDomain: "alys",
  });
}

test("on loopback who shows nothing may read and nothing else, whatever the service", () => {
  const gate = gateOf("reader");
  const methods = [
    ...NodeService.methods,
    ...SyncService.methods,
    ...ServerReflection.methods,
    ...Channelz.methods,
  ];
  let open = 0;
  for (const method of methods) {
    const { principal, refusal, isAdministrator } = gate.admit(method, NOTHING_SHOWN);
    assert.deepEqual([principal, isAdministrator], ["loopback", false]);
    const isOpen = ["read", "public"].includes(scopeOf(method));
    assert.equal(refusal?.reason, isOpen ? undefined : "TOKEN_MISSING", method.name);
    if (isOpen) open += 1;
    else assert.match(refusal?.message ?? "", /control\/local\.token.*unix socket.*alysctl --node/);
  }
  assert.ok(open > 10);
});

test("tokens, profiles, snapshots and faults are administration, so never open", () => {
  const names = ["createToken", "revokeToken", "listTokens", "recordCpuProfile", "takeHeapSnapshot"] as const;
  for (const name of names) assert.equal(policyOf(NodeService.method[name]).scope, "admin", name);
  for (const method of Channelz.methods) assert.equal(scopeOf(method), "admin");
});

test("a stream of somebody who is not known ends after a minute, others' and short ones' timers go", () => {
  const clock = new FakeClock();
  const gate = gateOf("token", clock);
  const admission = gate.admit(NodeService.method.watchState, NOTHING_SHOWN);
  assert.equal(admission.refusal, undefined);
  assert.deepEqual(outsiderOf(admission), { account: "anonymous", isAdministrator: false });
  const ends: Failure[] = [];
  const letGo = gate.watch(admission, (reason) => ends.push(reason));
  const letGoAtOnce = gate.watch(admission, (reason) => ends.push(reason));
  letGoAtOnce();
  clock.advance(59_999);
  assert.equal(ends.length, 0);
  clock.advance(1);
  assert.deepEqual(
    ends.map(({ code, reason }) => [code, reason]),
    [["UNAVAILABLE", "ANONYMOUS_STREAM_OVER"]],
  );
  letGo();
  // Who reads on loopback is a user of this machine, and reads on.
  const loopback = gateOf("reader", clock);
  loopback.watch(loopback.admit(NodeService.method.watchState, NOTHING_SHOWN), (reason) => ends.push(reason));
  clock.advance(3_600_000);
  assert.equal(ends.length, 1);
});
