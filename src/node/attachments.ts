/**
 * Where ChainActor, EngineActor and BridgeActor attach to this node: a hub for each, the ports that use whoever is attached
 * and the embedded twins otherwise, what they are told, and the services that the control plane serves for them.
 */

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { BridgeService, ChainService, EngineService } from "../../gen/alys/integration/v1/integration_pb.ts";
import type { AnnounceHeadRequest } from "../../gen/alys/integration/v1/request_pb.ts";
import { NetworkInternalService } from "../../gen/alys/network/v1/network_pb.ts";
import type { AttachmentStatusSchema } from "../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { SyncInternalService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { EngineHeadSchema } from "../../gen/alys/wire/v1/wire_pb.ts";
import { concatBytes } from "../chain/bytes.ts";
import type { ServedService } from "../control/bind.ts";
import type { HealthBoard } from "../control/health.ts";
import { AttachHub, referenceTo } from "../integrations/attach/hub.ts";
import { AttachedBridge } from "../integrations/bridge/attached.ts";
import { EmbeddedBridge } from "../integrations/bridge/embedded.ts";
import type { BridgePort } from "../integrations/bridge/port.ts";
import { AttachedChain } from "../integrations/chain/attached/attached.ts";
import { type Contradiction, contradictionText } from "../integrations/chain/attached/divergence.ts";
import type { ChainPort } from "../integrations/chain/port.ts";
import { AttachedEngine } from "../integrations/engine/attached.ts";
import { EmbeddedEngine } from "../integrations/engine/embedded.ts";
import type { EnginePort } from "../integrations/engine/port.ts";
import { failure } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { Ref } from "../kernel/ref.ts";
import type { NodeCells } from "./actor-system.ts";
import {
  ENGINE_LABELS,
  FederationChannel,
  FederationInbox,
  HEAD_LABEL,
  PAYLOAD_LABEL,
  PAYLOAD_REQUEST_LABEL,
} from "./federation-channel.ts";
import { servedBy, workAnswers } from "./integration-service.ts";
import { Notices } from "./notices.ts";

export interface AttachmentParts {
  /** The embedded one; closed with the one that is answered. */
  readonly chain: ChainPort;
  readonly isChainRequired: boolean;
  /** Our authority key, 48 bytes; undefined on a node that is no member. */
  readonly ownKey: Uint8Array | undefined;
  /** A process attached to a child of the integrations' supervisor, is gone, or on another chain: `reason` says it. */
  readonly onChange: (child: string, reason: string) => void;
  /** ChainService does not serve while a required ChainActor is away. */
  readonly health: HealthBoard;
  readonly clock: Clock;
  readonly log: Log;
}

type Cells = Pick<NodeCells, "peer" | "network" | "sync" | "producer">;

/** A message to members is void after this; their processes answer within a second, or not at all. */
const FEDERATION_LIFETIME_MS = 1_500;

export class Attachments {
  readonly chain: AttachedChain;
  readonly engine: EnginePort;
  readonly bridge: BridgePort;
  readonly services: readonly ServedService[];
  readonly #hubs: Readonly<Record<"chain" | "engine" | "bridge", AttachHub>>;
  readonly #channel: FederationChannel;
  readonly #notices: Notices;
  #network: Ref<typeof NetworkInternalService> | undefined;
  #sync: Ref<typeof SyncInternalService> | undefined;

  constructor(parts: AttachmentParts) {
    const { clock, log, health, ownKey } = parts;
    const { genesisHash } = parts.chain.facts;
    const progress = () => parts.chain.snapshot();
    const hubOf = (name: string): AttachHub =>
      new AttachHub({ name, genesisHash, clock, log: log.child({ part: name }), progress });
    const hubs = { chain: hubOf("chain"), engine: hubOf("engine"), bridge: hubOf("bridge") };
    const chain = new AttachedChain({
      chain: parts.chain,
      hub: hubs.chain,
      isRequired: parts.isChainRequired,
      clock,
      log: log.child({ part: "chain" }),
      diverged: (contradiction) => {
        parts.onChange("chain", divergenceReason(contradiction));
      },
    });
    for (const [child, hub] of Object.entries(hubs)) {
      hub.listen((isAttached) => {
        const reason = isAttached ? "a process attached" : "the attached process is gone";
        parts.onChange(child, reason);
      });
    }
    health.set(ChainService.typeName, chain.snapshot().isAvailable);
    chain.subscribe((event) => {
      if (event.type === "availability") health.set(ChainService.typeName, event.isAvailable);
    });
    const changed = (): void => this.#notices.membersChanged();
    const channel = new FederationChannel({ chain, clock, ownKey, changed });
    const engine = new AttachedEngine(hubs.engine, new EmbeddedEngine(), (peerId) =>
      channel.describe(peerId),
    );
    const bridge = new AttachedBridge(hubs.bridge, new EmbeddedBridge(log.child({ part: "bridge" })));
    this.chain = chain;
    this.engine = engine;
    this.bridge = new FederationInbox(bridge, engine);
    this.#hubs = hubs;
    this.#channel = channel;
    this.#notices = new Notices({ chain, hubs, engine, bridge, channel, clock, ownKey });
    this.services = this.#served();
  }

  /** The actors are there: what they tell goes to whoever is attached, what is asked goes to them. */
  connect({ peer, network, sync, producer }: Cells): void {
    this.#network = network.internalRef;
    this.#sync = sync.internalRef;
    this.#channel.connect({ network: network.internalRef, peers: peer.ref });
    this.#notices.connect({ sync: sync.ref, producer: producer.ref });
  }

  /** Who does the work of this child of the integrations' supervisor; undefined for any other. */
  statusOf(id: string): MessageInitShape<typeof AttachmentStatusSchema> | undefined {
    if (id !== "chain" && id !== "engine" && id !== "bridge") return undefined;
    const { attachment, staleAnswers } = this.#hubs[id];
    if (attachment === undefined) return { isAttached: false, staleAnswers: BigInt(staleAnswers) };
    // The epoch stays between the node and its client: whoever reads the tree could answer for that client with it.
    const { epoch: _, sinceMs, bytesInFlight, noticesSkipped, head, final, ...same } = attachment;
    return {
      ...same,
      isAttached: true,
      since: timestampFromMs(sinceMs),
      bytesInFlight: BigInt(bytesInFlight),
      noticesSkipped: BigInt(noticesSkipped),
      staleAnswers: BigInt(staleAnswers),
      ...(head && { head: referenceTo(head) }),
      ...(final && { final: referenceTo(final) }),
      ...(id === "chain" && this.#contradiction()),
    };
  }

  #contradiction() {
    const { contradiction } = this.chain;
    if (contradiction === undefined) return undefined;
    const { height, sinceMs, ...same } = contradiction;
    return { contradiction: { ...same, height: BigInt(height), since: timestampFromMs(sinceMs) } };
  }

  /** No process is attached any more, none is let in, and pulls that wait are answered. */
  drain(): void {
    for (const hub of Object.values(this.#hubs)) hub.close(DRAINING);
  }

  async close(): Promise<void> {
    this.drain();
    this.#notices.close();
    this.#channel.close();
    await this.chain.close();
  }

  #served(): ServedService[] {
    const { chain, engine, bridge } = this.#hubs;
    return [
      servedBy(ChainService, chain, {
        ...workAnswers(chain),
        reportBlockProduced: ({ block }) => this.#import(block?.ssz ?? new Uint8Array()),
      }),
      servedBy(EngineService, engine, {
        ...workAnswers(engine),
        broadcastPayload: async ({ payloadHash, payload }) => ({
          receipts: await this.#send(undefined, PAYLOAD_LABEL, concatBytes([payloadHash, payload])),
        }),
        requestPayload: async ({ payloadHash }, { signal }) => {
          const lifetimeMs = FEDERATION_LIFETIME_MS;
          const found = await this.#channel.ask(PAYLOAD_REQUEST_LABEL, payloadHash, lifetimeMs, signal);
          return { payload: found.reply, memberKey: found.memberKey };
        },
        announceHead: async (request) => ({
          receipts: await this.#send(undefined, HEAD_LABEL, encodedHead(request)),
        }),
      }),
      servedBy(BridgeService, bridge, {
        ...workAnswers(bridge),
        sendFederationMessage: async ({ memberKey, label, content, lifetimeMs }) => {
          if (label.startsWith(ENGINE_LABELS)) throw RESERVED;
          const to = memberKey.length > 0 ? memberKey : undefined;
          return { receipts: await this.#send(to, label, content, lifetimeMs) };
        },
        getFederationStatus: () => Promise.resolve({ status: this.#notices.federation() }),
      }),
    ];
  }

  #send(to: Uint8Array | undefined, label: string, content: Uint8Array, lifetimeMs = 0) {
    return this.#channel.send(to, label, content, lifetimeMs > 0 ? lifetimeMs : FEDERATION_LIFETIME_MS);
  }

  /** By the one way that blocks come into the chain; what others made of it they say themselves. */
  async #import(block: Uint8Array) {
    if (this.#sync === undefined || this.#network === undefined) throw NOT_UP;
    const { blockHash } = await this.#sync.ask(SyncInternalService.method.importBlock, { block });
    const publish = NetworkInternalService.method.publishBlock;
    const { peersReached } = await this.#network.ask(publish, { block });
    return { blockHash, peersReached };
  }
}

function divergenceReason(contradiction: Contradiction | undefined): string {
  if (contradiction === undefined) return "the attached process does not contradict our chain any more";
  return `the attached process is on another chain: ${contradictionText(contradiction)}`;
}

function encodedHead({ block, parentHash, isSyncing, targetHeight }: AnnounceHeadRequest): Uint8Array {
  const { height = 0n, hash = new Uint8Array() } = block ?? {};
  const message = create(EngineHeadSchema, { height, hash, parentHash, isSyncing, targetHeight });
  return toBinary(EngineHeadSchema, message);
}

const DRAINING = failure("UNAVAILABLE", "DRAINING", "the node is shutting down", { retryDelayMs: 1_000 });
const NOT_UP = failure("UNAVAILABLE", "ACTOR_DOWN", "the actor is not running");
const RESERVED = failure("INVALID_ARGUMENT", "LABEL_RESERVED", "labels engine/… belong to the engines", {
  field: "label",
});
