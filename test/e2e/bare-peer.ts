/** A real host on TCP alone, and peers on bare libp2p that misbehave towards it. */

import { identify } from "@libp2p/identify";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { tls } from "@libp2p/tls";
import { yamux } from "@libp2p/yamux";
import { createLibp2p, type Libp2p } from "libp2p";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { Libp2pHost } from "../../src/p2p/libp2p/host.ts";
import type { HostHarness } from "../contract/host-harness.ts";

export const tcpHarness: HostHarness = {
  create: (identity, gate) =>
    new Libp2pHost({ identity, gate, clock: realClock, random: realRandom, log: silentLog }),
  listenAddresses: ["/ip4/127.0.0.1/tcp/0"],
  transports: { tcp: true, quic: false },
  deafAddress: "/ip4/127.0.0.1/tcp/9",
};

/** Without any code of the host; one that does not identify itself is no peer of a usual kind. */
export function barePeer(
  encryption: "tls" | "noise" = "tls",
  identifies: "identifies" | "is silent" = "identifies",
): Promise<Libp2p> {
  const options = {
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters: [encryption === "tls" ? tls() : noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  };
  return identifies === "identifies"
    ? createLibp2p({ ...options, services: { identify: identify() } })
    : createLibp2p(options);
}
