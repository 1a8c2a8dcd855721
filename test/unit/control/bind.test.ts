/** Which methods are served. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkInternalService, NetworkService } from "../../../gen/alys/network/v1/network_pb.ts";
import { Health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { servedMethods } from "../../../src/control/bind.ts";

test("servedMethods leaves internal methods out, all of an internal service", () => {
  assert.equal(servedMethods(NetworkService).length, NetworkService.methods.length);
  assert.deepEqual(servedMethods(NetworkInternalService), []);
});

test("servedMethods refuses a method without a policy", () => {
  assert.throws(() => servedMethods(Health), /grpc\.health\.v1\.Health\.Check has no/);
});
