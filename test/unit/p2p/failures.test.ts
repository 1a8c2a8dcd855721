/** What an operator reads when the host does not open. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toHostFailure } from "../../../src/p2p/failures.ts";

const LIBP2P =
  "Some configured addresses failed to be listened on, you may need to remove one or more listen addresses from your " +
  "configuration or set `transportManager.faultTolerance` to NO_FATAL:";

test("addresses that cannot be listened on are named, without libp2p's advice", () => {
  const text = `${LIBP2P}
  /ip4/127.0.0.1/tcp/55444: Error: listen EADDRINUSE: address already in use 127.0.0.1:55444
    at Server.setupListenHandle [as _listen2] (node:net:1940:16)
  /ip4/1.2.3.4/tcp/5: Error: listen EADDRNOTAVAIL: address not available 1.2.3.4:5
  /ip4/0.0.0.0/tcp/1: Error: listen EACCES: permission denied 0.0.0.0:1`;
  const { reason, message } = toHostFailure(new Error(text), "LISTEN_FAILED");
  assert.equal(reason, "LISTEN_FAILED");
  assert.equal(
    message,
    "cannot listen on /ip4/127.0.0.1/tcp/55444: another program listens there; " +
      "/ip4/1.2.3.4/tcp/5: this machine has no such address; " +
      "/ip4/0.0.0.0/tcp/1: listen EACCES: permission denied 0.0.0.0:1",
  );
});

test("what is not of that form stays as it is", () => {
  assert.equal(toHostFailure(new Error("no room"), "LISTEN_FAILED").message, "no room");
});
