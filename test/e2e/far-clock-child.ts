/** A process whose wall clock is set far ahead: dials the address that it is given and says over which transport, or why not. */

import { asError } from "../../src/kernel/errors.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { identityFromSeed } from "../../src/p2p/identity.ts";
import { Libp2pHost } from "../../src/p2p/libp2p/host.ts";
import { options } from "../contract/host-harness.ts";

const [peerId = "", address = ""] = process.argv.slice(2);
const transports = { tcp: false, quic: true };
const host = new Libp2pHost({
  identity: identityFromSeed(realRandom.bytes(32)),
  gate: { allows: () => true },
  clock: realClock,
  random: realRandom,
  log: silentLog,
});
const deaf = { create: () => host, listenAddresses: [], transports, deafAddress: "" };
await host.open(options(deaf));
const said = await host
  .dial(peerId, [address], { deadlineMs: 10_000 })
  .then(({ transport }) => transport)
  .catch((thrown: unknown) => `not connected: ${asError(thrown).message}`);
console.log(JSON.stringify({ said, nowMs: realClock.nowMs() }));
process.exit(0);
