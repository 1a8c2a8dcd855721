/**
 * Where ChainActor, EngineActor and BridgeActor attach to this node: a hub for each, the ports that use whoever is attached
 * and the embedded twins otherwise, and the services that the control plane serves for them.
 */

import { BridgeService, ChainService, EngineService } from "../../gen/alys/integration/v1/integration_pb.ts";
import type { ServedService } from "../control/bind.ts";
import type { HealthBoard } from "../control/health.ts";
import { AttachHub } from "../integrations/attach/hub.ts";
import { AttachedBridge } from "../integrations/bridge/attached.ts";
import { EmbeddedBridge } from "../integrations/bridge/embedded.ts";
import type { BridgePort } from "../integrations/bridge/port.ts";
import { AttachedChain } from "../integrations/chain/attached.ts";
import type { ChainPort } from "../integrations/chain/port.ts";
import { AttachedEngine } from "../integrations/engine/attached.ts";
import { EmbeddedEngine } from "../integrations/engine/embedded.ts";
import type { EnginePort } from "../integrations/engine/port.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";

export interface Attachments {
  readonly chain: ChainPort;
  readonly engine: EnginePort;
  readonly bridge: BridgePort;
  readonly services: readonly ServedService[];
}

export interface AttachmentParts {
  /** The embedded one; closed with the one that is answered. */
  readonly chain: ChainPort;
  readonly isChainRequired: boolean;
  /** ChainService does not serve while a required ChainActor is away. */
  readonly health: HealthBoard;
  readonly clock: Clock;
  readonly log: Log;
}

export function openAttachments(parts: AttachmentParts): Attachments {
  const { clock, log, health } = parts;
  const { genesisHash } = parts.chain.facts;
  const progress = () => parts.chain.snapshot();
  const hubOf = (name: string): AttachHub =>
    new AttachHub({ name, genesisHash, clock, log: log.child({ part: name }), progress });
  const [chainHub, engineHub, bridgeHub] = [hubOf("chain"), hubOf("engine"), hubOf("bridge")];
  const chain = new AttachedChain({
    chain: parts.chain,
    hub: chainHub,
    isRequired: parts.isChainRequired,
    clock,
    log: log.child({ part: "chain" }),
  });
  health.set(ChainService.typeName, chain.snapshot().isAvailable);
  chain.subscribe((event) => {
    if (event.type === "availability") health.set(ChainService.typeName, event.isAvailable);
  });
  return {
    chain,
    engine: new AttachedEngine(engineHub, new EmbeddedEngine()),
    bridge: new AttachedBridge(bridgeHub, new EmbeddedBridge(log.child({ part: "bridge" }))),
    services: [
      { service: ChainService, attach: chainHub.handler },
      { service: EngineService, attach: engineHub.handler },
      { service: BridgeService, attach: bridgeHub.handler },
    ],
  };
}
