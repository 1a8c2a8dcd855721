/**
 * What is wrong with settings beyond their types, looked for when they are changed in a running node: whatever it takes, the next
 * start must take too.
 */

import { networkInterfaces } from "node:os";
import type { Settings } from "../config/load.ts";
import { type Failure, failure } from "../kernel/errors.ts";
import { canonicalIp, ipOf } from "../p2p/address.ts";
import { announceAddresses, listenAddresses, peerConfig, portOf } from "./translate.ts";

/** Throws a Failure INVALID_ARGUMENT that names the key. */
export function checkSettings(settings: Settings, own: ReadonlySet<string>): void {
  peerConfig(settings);
  const { listenAddresses: listened, announceAddresses: announced } = settings.network;
  listenAddresses(listened);
  announceAddresses(announced);
  for (const address of listened) {
    const ip = ipOf(address);
    if (address.startsWith("/ip") && (ip === undefined || !(isAny(ip) || own.has(canonicalIp(ip)))))
      throw wrong(`${address} is no address of this machine`);
    if (ip !== undefined && address.includes("/tcp/") && takesPort(settings, ip, portOf(address)))
      throw wrong(`${address} is where the control plane listens`);
  }
}

/** IP addresses of this machine's interfaces, in their one spelling. */
export function ownIps(): ReadonlySet<string> {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return new Set(all.map(({ address }) => canonicalIp(address)));
}

/** Every address of the machine. */
const isAny = (ip: string): boolean => ip === "0.0.0.0" || canonicalIp(ip) === "::";

function takesPort({ control }: Settings, ip: string, port: number): boolean {
  const { listenAddress, tls } = control;
  return [listenAddress, tls.listenAddress, tls.mutualListenAddress].some((address) => {
    const [, host = "", taken = ""] = /^\[?([^\]]*)\]?:(\d+)$/.exec(address) ?? [];
    return (
      port > 0 && Number(taken) === port && (isAny(ip) || isAny(host) || host === ip || host === "localhost")
    );
  });
}

const wrong = (problem: string): Failure =>
  failure("INVALID_ARGUMENT", "CONFIG_INVALID", `network.listen_addresses: ${problem}`, {
    field: "network.listen_addresses",
  });
