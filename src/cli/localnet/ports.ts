/**
 * Finds ports on the loopback interface that nobody uses, and claims them, so that two networks that start together do
 * not choose the same. Whoever is no network can still take one a moment later: the node that then finds it taken says so
 * and ends.
 */

import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { failure } from "../../kernel/errors.ts";
import { type NodePorts, usualPorts } from "./plan.ts";
import type { PortClaims } from "./port-claims.ts";

const LOOPBACK = "127.0.0.1";

/** Free ports given by the system whose UDP twin was taken; each further try is unlikely, so many are a fault. */
const ATTEMPTS_MAX = 50;

/**
 * Ports for `count` nodes: the usual ones where they are free, or any. Each is claimed; without claims they are only
 * free. Rejects RESOURCE_EXHAUSTED when there are none.
 */
export async function choosePorts(
  count: number,
  preference: "usual" | "any",
  claims?: PortClaims,
): Promise<NodePorts[]> {
  const taken = new Set<number>();
  const chosen: NodePorts[] = [];
  for (let index = 0; index < count; index++) {
    const wanted = preference === "usual" ? usualPorts(index) : { control: 0, p2p: 0 };
    const control = await freePort(wanted.control, false, taken, claims);
    const p2p = await freePort(wanted.p2p, true, taken, claims);
    chosen.push({ control, p2p });
  }
  return chosen;
}

async function freePort(
  wanted: number,
  isUdpToo: boolean,
  taken: Set<number>,
  claims: PortClaims | undefined,
): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = await bindTcp(attempt === 0 ? wanted : 0);
    if (port === undefined || taken.has(port)) continue;
    if (isUdpToo && !(await isUdpFree(port))) continue;
    if (claims !== undefined && !(await claims.claim(port))) continue;
    taken.add(port);
    return port;
  }
  throw failure("RESOURCE_EXHAUSTED", "NO_FREE_PORT", `no free port on ${LOOPBACK}`);
}

/** The port (0: any) if it can be listened on; undefined when it is taken. */
function bindTcp(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? address?.port : undefined));
    });
  });
}

function isUdpFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => socket.close(() => resolve(false)));
    socket.bind({ port, address: LOOPBACK, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
