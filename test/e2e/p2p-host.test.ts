/** The libp2p host passes the contract on 127.0.0.1: over TCP with TLS, over QUIC, and over TCP with Noise. */

import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { Libp2pHost } from "../../src/p2p/libp2p/host.ts";
import { hostContract } from "../contract/host.ts";
import type { HostHarness } from "../contract/host-harness.ts";

const create: HostHarness["create"] = (identity, gate) =>
  new Libp2pHost({ identity, gate, clock: realClock, random: realRandom, log: silentLog });

hostContract("TCP and TLS", {
  create,
  listenAddresses: ["/ip4/127.0.0.1/tcp/0"],
  transports: { tcp: true, quic: false },
  deafAddress: "/ip4/127.0.0.1/tcp/9",
});

hostContract("QUIC", {
  create,
  listenAddresses: ["/ip4/127.0.0.1/udp/0/quic-v1"],
  transports: { tcp: false, quic: true },
  deafAddress: "/ip4/127.0.0.1/udp/9/quic-v1",
});
