/**
 * The chain of the control plane's benchmark, for a ChainActor that attaches: blocks of 435 bytes that stand in memory,
 * handed out by the follower that a node has. They are no blocks: what is measured is how they get there.
 */
import { ChainService } from "../../gen/alys/integration/v1/integration_pb.ts";
import type { ServedService } from "../../src/control/bind.ts";
import { AttachHub } from "../../src/integrations/attach/hub.ts";
import { AttachedChain } from "../../src/integrations/chain/attached/attached.ts";
import type { ChainPort } from "../../src/integrations/chain/port.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { CHAIN_BLOCKS } from "./attach-load.ts";

const BLOCK_BYTES = 435;
const HASH = new Uint8Array(32).fill(7);

/** ChainService with a chain of CHAIN_BLOCKS blocks behind it. */
export function servedChain(): ServedService {
  const head = { height: CHAIN_BLOCKS, hash: HASH };
  const snapshot = { head, final: head, earliestHeight: 1, isAvailable: true };
  const chain: Pick<ChainPort, "snapshot" | "readRange" | "subscribe" | "heightOf" | "close"> & object = {
    snapshot: () => snapshot as never,
    readRange: (first, count) =>
      Array.from({ length: Math.min(count, CHAIN_BLOCKS + 1 - first) }, () => new Uint8Array(BLOCK_BYTES)),
    subscribe: () => ({ close() {} }),
    heightOf: () => undefined,
    close: async () => {},
  };
  const whole = { ...chain, facts: { genesisHash: HASH } } as unknown as ChainPort;
  const parts = { genesisHash: HASH, clock: realClock, log: silentLog };
  const hub = new AttachHub({ ...parts, name: "chain", progress: () => snapshot });
  new AttachedChain({ chain: whole, hub, isRequired: false, clock: realClock, log: silentLog });
  return { service: ChainService, attach: hub.handler };
}
