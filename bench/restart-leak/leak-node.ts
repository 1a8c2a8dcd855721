/**
 * One node under test for leaks: the production actors and their supervisor, restarting at once and without limit, on
 * an in-memory store and a host that is handed in. Counts what is subscribed to host and chain.
 */

import type { NodeConfig } from "../../gen/alys/config/v1/config_pb.ts";
import { networkSupervisor } from "../../src/actors/network-supervisor.ts";
import { BanTable } from "../../src/actors/peer/ban-table.ts";
import { PeerStore } from "../../src/actors/peer/peer-store.ts";
import { syncConfig } from "../../src/actors/sync/config.ts";
import { ChainForge } from "../../src/chain/forge.ts";
import { InlineValidator } from "../../src/chain/pool/inline.ts";
import { parseSettings } from "../../src/config/load.ts";
import { EmbeddedBridge } from "../../src/integrations/bridge/embedded.ts";
import { openEmbeddedChain } from "../../src/integrations/chain/embedded/embedded.ts";
import { EmbeddedEngine } from "../../src/integrations/engine/embedded.ts";
import { environment } from "../../src/kernel/actor/environment.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { realScheduler } from "../../src/kernel/ports/scheduler.ts";
import { LiveSettings } from "../../src/kernel/settings.ts";
import type { SupervisorEvent } from "../../src/kernel/supervision/supervisor.ts";
import { composeActors } from "../../src/node/actor-system.ts";
import { hostOptions, networkConfig, peerConfig, producerConfig } from "../../src/node/translate.ts";
import { type Identity, identityFromSeed } from "../../src/p2p/identity.ts";
import { Libp2pHost } from "../../src/p2p/libp2p/host.ts";
import { MemoryHost } from "../../src/p2p/memory/host.ts";
import { MemoryNetwork } from "../../src/p2p/memory/network.ts";
import type { ConnectionGate, Host } from "../../src/p2p/port.ts";
import { MemoryDisk, openMemoryStore } from "../../src/storage/memory.ts";

/** Everybody who is restarted; the host by an operator's order, the actors by a crash. */
export const CHILDREN = ["host", "peer", "network", "sync", "producer"] as const;
export type ChildName = (typeof CHILDREN)[number];

/** The last that is started again, whoever crashed. */
const LAST: ChildName = "producer";

const UNLIMITED = {
  intensity: Number.MAX_SAFE_INTEGER,
  // Restarts are remembered for this long: not at all.
  periodMs: 0,
  backoff: { firstMs: 0, baseMs: 0, factor: 1, maxMs: 0 },
};

export interface LeakNode {
  /** Crashes a child and waits until everybody runs again. */
  crash(child: ChildName): Promise<void>;
  /** Open subscriptions to host and chain. */
  subscriptions(): number;
  stop(): Promise<void>;
}

const HOSTS = {
  memory: (identity: Identity, gate: ConnectionGate) =>
    new MemoryHost({ identity, gate, network: new MemoryNetwork({ clock: realClock }) }),
  libp2p: (identity: Identity, gate: ConnectionGate) =>
    new Libp2pHost({ identity, gate, clock: realClock, random: realRandom, log: silentLog }),
} as const;
const LISTEN = { memory: "/memory/leak", libp2p: "/ip4/127.0.0.1/tcp/0" } as const;

export async function startLeakNode(kind: keyof typeof HOSTS): Promise<LeakNode> {
  const clock = realClock;
  const run = environment();
  const forge = new ChainForge({ members: 1, seed: 1 });
  const facts = forge.facts();
  const { header, authorities } = forge.genesis;
  const disk = new MemoryDisk();
  const store = openMemoryStore({ disk, genesisHash: facts.genesisHash, scheduler: realScheduler });
  const opened = openEmbeddedChain({
    ...{ store, facts, clock, log: silentLog },
    genesis: { header, authorities },
  });
  if (opened instanceof Failure) throw opened;
  const counter = { open: 0 };
  const chain = countSubscriptions(opened, counter);
  const bans = new BanTable(clock, store.table("bans"));
  const bare: Host = HOSTS[kind](identityFromSeed(realRandom.bytes(32)), bans);
  const host = countSubscriptions(bare, counter);
  const settings = parseSettings(configuration(LISTEN[kind]), {}, "/bench", "bench.toml");
  const opening = hostOptions(settings, facts.genesisHash, facts.slotDurationMs, "bench");
  const cells = composeActors(
    {
      config: {
        peer: new LiveSettings(peerConfig(settings)),
        network: networkConfig(settings, opening),
        sync: new LiveSettings(syncConfig(settings.sync as NodeConfig["sync"], 1)),
        producer: new LiveSettings(producerConfig(settings)),
      },
      ...{ chain, host, bans, validator: new InlineValidator(facts), engine: new EmbeddedEngine() },
      bridge: new EmbeddedBridge(silentLog),
      book: new PeerStore(store.table("peers"), settings.peer.knownPeersMax),
      ...{
        signer: undefined,
        votes: undefined,
        delegation: undefined,
        guard: { state: undefined },
        startedMs: clock.nowMs(),
      },
    },
    run,
  );
  let onStarted: () => void = () => {};
  const onEvent = ({ childId, kind: what }: SupervisorEvent): void => {
    if (what === "started" && childId === LAST) onStarted();
  };
  const parts = { clock, random: realRandom, log: silentLog, alignment: undefined };
  const supervisor = networkSupervisor({ ...cells, ...parts, host, onEvent, policy: UNLIMITED });
  await supervisor.start();
  return {
    crash: async (child) => {
      if (child === "host") {
        const refusal = await supervisor.restartChild(child);
        if (refusal !== undefined) throw refusal;
        return;
      }
      await new Promise<void>((resolve) => {
        onStarted = resolve;
        cells[child].crash(new Error("a fault was injected"));
      });
    },
    subscriptions: () => counter.open,
    stop: async () => {
      await supervisor.stop();
      await host.close();
      await chain.close();
      await store.close();
    },
  };
}

const configuration = (listen: string): string => `
[chain]
specification_file = "chain.json"
[network]
listen_addresses = ["${listen}"]
private_network = true
[network.discovery]
kademlia = false
`;

/** The same object, whose subscriptions are counted while they are open. */
function countSubscriptions<T extends object>(target: T, counter: { open: number }): T {
  return new Proxy(target, {
    get(_, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      if (key !== "subscribe") return value.bind(target);
      return (...given: unknown[]) => {
        const subscription: unknown = value.apply(target, given);
        counter.open += 1;
        return countEnd(subscription, () => {
          counter.open -= 1;
        });
      };
    },
  });
}

/** A subscription is ended by its `close`, or is itself the function that ends it. */
function countEnd(subscription: unknown, onEnd: () => void): unknown {
  let isOpen = true;
  const end = (close: () => void) => (): void => {
    close();
    if (isOpen) onEnd();
    isOpen = false;
  };
  if (typeof subscription === "function") return end(subscription as () => void);
  const { close } = subscription as { close(): void };
  return Object.assign(Object.create(subscription as object), {
    close: end(close.bind(subscription)),
  });
}
