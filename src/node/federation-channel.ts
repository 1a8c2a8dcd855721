/**
 * FederationChannel: the privileged channel as the attached processes use it. It knows from the PeerActor which members
 * are connected, sends what engines and bridges say to them through the NetworkActor, and hands what comes from them to
 * this node's engine or bridge by its label.
 */

import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { FederationStatusSchema } from "../../gen/alys/integration/v1/notice_pb.ts";
import type { MemberReceiptSchema } from "../../gen/alys/integration/v1/request_pb.ts";
import { NetworkInternalService } from "../../gen/alys/network/v1/network_pb.ts";
import { type PeerInfo, PeerService, type WatchPeersResponse } from "../../gen/alys/peer/v1/peer_pb.ts";
import { EngineHeadSchema, FederationMessageSchema } from "../../gen/alys/wire/v1/wire_pb.ts";
import { PeerDirectory } from "../actors/peer-directory.ts";
import { quorumOf } from "../chain/approval.ts";
import { ROLE_MEMBER } from "../chain/delegation.ts";
import { toHex } from "../chain/hex.ts";
import type { BridgePort, FederationNote } from "../integrations/bridge/port.ts";
import type { ChainPort } from "../integrations/chain/port.ts";
import type { PeerDescription } from "../integrations/engine/attached.ts";
import type { EngineCoordination } from "../integrations/engine/port.ts";
import { asError, Failure, failure } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Ref } from "../kernel/ref.ts";
import { follow } from "../kernel/stream/follow.ts";
import type { Subscription } from "../kernel/stream/reader.ts";

export interface ChannelRefs {
  readonly network: Ref<typeof NetworkInternalService>;
  readonly peers: Ref<typeof PeerService>;
}

export interface ChannelParts {
  readonly chain: ChainPort;
  readonly clock: Clock;
  /** Our key, 48 bytes; undefined on a node that is no member. */
  readonly ownKey: Uint8Array | undefined;
  /** Members came or left. */
  readonly changed: () => void;
}

/** What became of a message to one member. */
export type Receipt = MessageInitShape<typeof MemberReceiptSchema> & {
  readonly memberKey: Uint8Array;
  readonly isDelivered: boolean;
  readonly reply: Uint8Array;
};

/** Labels that begin so belong to the engines; the others are the bridges'. */
export const ENGINE_LABELS = "engine/";
export const PAYLOAD_LABEL = "engine/payload";
export const PAYLOAD_REQUEST_LABEL = "engine/request";
export const HEAD_LABEL = "engine/head";

/** Length of a payload's name, which stands before the payload. */
const NAME_LENGTH = 32;

interface Known {
  readonly memberKey: string;
  readonly headHeight: number;
  readonly description: PeerDescription;
}

export class FederationChannel {
  readonly #parts: ChannelParts;
  readonly #peers = new PeerDirectory(knownPeer);
  #refs: ChannelRefs | undefined;
  #subscription: Subscription | undefined;

  constructor(parts: ChannelParts) {
    this.#parts = parts;
  }

  /** Begins to follow who is connected. */
  connect(refs: ChannelRefs): void {
    this.#refs = refs;
    this.#watch(refs);
  }

  close(): void {
    this.#refs = undefined;
    this.#subscription?.close();
    this.#peers.clear();
  }

  /** What is known of a connected peer beside its id. */
  describe(peerId: string): PeerDescription | undefined {
    return this.#peers.get(peerId)?.description;
  }

  /** The authorities in force and who of them is connected; synchronisation is the caller's to add. */
  members(): Pick<MessageInitShape<typeof FederationStatusSchema>, "members" | "quorum" | "hasQuorum"> {
    const { chain, ownKey } = this.#parts;
    const own = ownKey && toHex(ownKey);
    const { keys } = chain.authoritiesAt(chain.snapshot().head.height + 1);
    const heights = new Map(
      [...this.#peers.values()].map(({ memberKey, headHeight }) => [memberKey, headHeight]),
    );
    const members = keys.map((memberKey) => {
      const name = toHex(memberKey);
      const isSelf = name === own;
      const height = heights.get(name);
      const headHeight = BigInt(isSelf ? chain.snapshot().head.height : (height ?? 0));
      return { memberKey, isSelf, isConnected: isSelf || height !== undefined, headHeight };
    });
    const quorum = quorumOf(keys.length);
    return { members, quorum, hasQuorum: members.filter(({ isConnected }) => isConnected).length >= quorum };
  }

  /**
   * Sends to the member of this key, to all connected ones without. Never rejects for a member's sake: its receipt says
   * why. Throws FAILED_PRECONDITION/NO_AUTHORITY_KEY on a node that is no member, NOT_FOUND/MEMBER_NOT_CONNECTED.
   */
  async send(
    memberKey: Uint8Array | undefined,
    label: string,
    content: Uint8Array,
    lifetimeMs: number,
  ): Promise<Receipt[]> {
    const { network } = this.#open();
    const targets = this.#targets(memberKey);
    const message = create(FederationMessageSchema, {
      payload: { case: "opaque", value: { label, content } },
    });
    const payload = toBinary(FederationMessageSchema, message);
    return await Promise.all(
      targets.map(async ({ key, peerId }) => {
        try {
          const request = { peerId, payload, lifetimeMs };
          const options = { deadlineMs: lifetimeMs };
          const answer = await network.ask(NetworkInternalService.method.sendFederation, request, options);
          return { memberKey: key, isDelivered: true, reply: replyOf(answer.payload), reason: "" };
        } catch (thrown) {
          const { message: text } = asError(thrown);
          const reason = thrown instanceof Failure ? `${thrown.reason}: ${text}` : text;
          return { memberKey: key, isDelivered: false, reply: new Uint8Array(), reason };
        }
      }),
    );
  }

  /** One member after the other until one answers something. Throws NOT_FOUND/PAYLOAD_UNKNOWN. */
  async ask(label: string, content: Uint8Array, lifetimeMs: number, signal?: AbortSignal): Promise<Receipt> {
    this.#open();
    for (const { key } of this.#targets(undefined)) {
      if (signal?.aborted === true) break;
      const [receipt] = await this.send(key, label, content, lifetimeMs);
      if (receipt?.isDelivered === true && receipt.reply.length > 0) return receipt;
    }
    throw failure("NOT_FOUND", "PAYLOAD_UNKNOWN", "there is no payload of this name");
  }

  #open(): ChannelRefs {
    if (this.#refs === undefined) throw NOT_UP;
    if (this.#parts.ownKey === undefined) throw NOT_A_MEMBER;
    return this.#refs;
  }

  #targets(memberKey: Uint8Array | undefined): { readonly key: Uint8Array; readonly peerId: string }[] {
    const wanted = memberKey && toHex(memberKey);
    const targets = new Map<string, { key: Uint8Array; peerId: string }>();
    for (const [peerId, { memberKey: name }] of this.#peers.entries()) {
      if (name === "" || targets.has(name) || (wanted !== undefined && name !== wanted)) continue;
      targets.set(name, { key: Buffer.from(name, "hex"), peerId });
    }
    if (wanted !== undefined && targets.size === 0) {
      throw failure("NOT_FOUND", "MEMBER_NOT_CONNECTED", "this member is not connected", {
        field: "member_key",
      });
    }
    return [...targets.values()];
  }

  #watch({ peers }: ChannelRefs): void {
    const { clock } = this.#parts;
    this.#subscription = follow(
      {
        open: (reader) => peers.watch(PeerService.method.watchPeers, {}, reader),
        after: (delayMs, run) => clock.setTimer(delayMs, run),
        now: () => clock.monotonicMs(),
      },
      {
        onMessage: (message: WatchPeersResponse) => this.#apply(message),
        onGap: () => {
          this.#peers.clear();
          this.#parts.changed();
        },
      },
    );
  }

  #apply(message: WatchPeersResponse): void {
    const before = this.#present();
    if (this.#peers.apply(message) && this.#present() !== before) this.#parts.changed();
  }

  /** Which members are there. */
  #present(): string {
    return [...new Set([...this.#peers.values()].map(({ memberKey }) => memberKey))].sort().join();
  }
}

function knownPeer(peer: PeerInfo): Known {
  const isMember = peer.memberKey.length > 0 && peer.memberRole === ROLE_MEMBER;
  return {
    memberKey: isMember ? toHex(peer.memberKey) : "",
    headHeight: Number(peer.head?.height ?? 0n),
    description: { address: peer.addresses[0] ?? "", reputation: peer.score?.reputation ?? 0 },
  };
}

/** What members say, by label: to this node's engine or to its bridge. */
export class FederationInbox implements BridgePort {
  readonly #bridge: BridgePort;
  readonly #engine: EngineCoordination;

  constructor(bridge: BridgePort, engine: EngineCoordination) {
    this.#bridge = bridge;
    this.#engine = engine;
  }

  async deliver(note: FederationNote): Promise<Uint8Array> {
    const { memberKey, label, content } = note;
    switch (label) {
      case PAYLOAD_LABEL: {
        if (content.length <= NAME_LENGTH) throw MALFORMED;
        const [payloadHash, payload] = [content.subarray(0, NAME_LENGTH), content.subarray(NAME_LENGTH)];
        await this.#engine.receivePayload({ memberKey, payloadHash, payload });
        return NOTHING;
      }
      case PAYLOAD_REQUEST_LABEL:
        if (content.length !== NAME_LENGTH) throw MALFORMED;
        return await this.#engine.providePayload(memberKey, content);
      case HEAD_LABEL:
        this.#engine.tell({ kind: "engineHead", value: { memberKey, ...engineHead(content) } });
        return NOTHING;
      default:
        return await this.#bridge.deliver(note);
    }
  }

  close(): Promise<void> {
    return this.#bridge.close();
  }
}

function engineHead(content: Uint8Array) {
  try {
    const { height, hash, parentHash, isSyncing, targetHeight } = fromBinary(EngineHeadSchema, content);
    return { block: { height, hash }, parentHash, isSyncing, targetHeight };
  } catch {
    throw MALFORMED;
  }
}

/** What a member's process replied; its node's receipt carries it. */
function replyOf(payload: Uint8Array): Uint8Array {
  const message = fromBinary(FederationMessageSchema, payload).payload;
  return message.case === "opaque" ? message.value.content : NOTHING;
}

const NOTHING = new Uint8Array();
const MALFORMED = failure("INVALID_ARGUMENT", "PAYLOAD_MALFORMED", "the message is not what its label says");
const NOT_UP = failure("UNAVAILABLE", "ACTOR_DOWN", "the network actor is not running");
const NOT_A_MEMBER = failure("FAILED_PRECONDITION", "NO_AUTHORITY_KEY", "this node has no authority key");
