/** What a node tells of itself at its ends: that it serves, and where; that it is being stopped. */

import { join } from "node:path";
import { NetworkService, NetworkState } from "../../gen/alys/network/v1/network_pb.ts";
import { NodeInternalService, NodeState } from "../../gen/alys/node/v1/node_pb.ts";
import { toHex } from "../chain/hex.ts";
import type { RunningControl } from "../control/server.ts";
import { realClock } from "../kernel/ports/clock.ts";
import type { Ref } from "../kernel/ref.ts";
import { writeFileAtomic } from "../storage/files.ts";
import type { Resources } from "./resources.ts";
import type { NodeOptions } from "./running.ts";

/** File in the data directory that says where a running node is reached. */
export const NODE_FILE = "node.json";

/** Of the whole stop's 5 s. */
const TELL_DRAINING_MS = 200;
/** Readers are told in turns of their own. */
const DRAINING_HEARD_MS = 20;

/** Waits until the NetworkActor opened the host; throws the Failure that it met, for instance a taken port. */
export async function whenOpen(network: Ref<typeof NetworkService>): Promise<void> {
  const state = await new Promise<NetworkState>((resolve) => {
    const subscription = network.watch(
      NetworkService.method.watchNetworkEvents,
      {},
      {
        onMessage: ({ event }) => {
          const now =
            event.case === "snapshot" ? event.value.state : event.case === "state" ? event.value : undefined;
          if (now !== NetworkState.RUNNING && now !== NetworkState.STOPPED) return;
          subscription.close();
          resolve(now);
        },
        onEnd: () => resolve(NetworkState.STOPPED),
      },
    );
  });
  // It did not open: asking again answers why.
  if (state === NetworkState.STOPPED) await network.ask(NetworkService.method.startNetwork, {});
}

/** Writes down where this node is reached, for whoever started it. */
export async function announce(
  { loaded: { settings }, processId, log }: NodeOptions,
  resources: Resources,
  control: RunningControl,
): Promise<void> {
  const { host, facts } = resources;
  const whereabouts = {
    peerId: host.peerId,
    controlAddress: control.address ?? "",
    unixSocket: control.unixAddress?.slice("unix:".length) ?? "",
    requireTokens: settings.control.requireTokens,
    listenAddresses: host.isOpen ? [...host.addresses()] : [],
    genesisHash: toHex(facts.genesisHash),
  };
  const text = `${JSON.stringify({ pid: processId, ...whereabouts }, undefined, 2)}\n`;
  await writeFileAtomic(join(settings.storage.dataDirectory, NODE_FILE), new TextEncoder().encode(text));
  log.info("node is up", { ...whereabouts, height: resources.chain.snapshot().head.height });
}

/** Those who watch the state hear of the stop before their streams end by it. */
export async function tellDraining(node: Ref<typeof NodeInternalService>): Promise<void> {
  const { reportState } = NodeInternalService.method;
  try {
    await node.ask(reportState, { state: NodeState.DRAINING }, { deadlineMs: TELL_DRAINING_MS });
    await new Promise<void>((resolve) => realClock.setTimer(DRAINING_HEARD_MS, resolve));
  } catch {
    // It is down, or too busy to be told: the stop is what counts.
  }
}
