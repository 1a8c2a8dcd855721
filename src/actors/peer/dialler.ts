/**
 * Dials peers and looks for new ones; decides by dialling.ts. Owned by Links, in whose turns everything here runs.
 */

import {
  DiscoveryMethod,
  type PeerInternalService,
  type PeerService,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { ActorContext } from "../../kernel/actor.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import type { ConnectionInfo, Host } from "../../p2p/port.ts";
import type { BanTable } from "./ban-table.ts";
import { OUTBOUND_PER_SUBNET_MAX, type PeerActorConfig } from "./config.ts";
import { chooseDials, dialDelayMs } from "./dialling.ts";
import type { KnownPeer, Link, PeerBook } from "./peer-book.ts";
import { OutboundSubnets } from "./subnets.ts";

export interface DiallerParts {
  readonly context: ActorContext<typeof PeerService, typeof PeerInternalService>;
  readonly config: PeerActorConfig;
  readonly host: Host;
  readonly bans: BanTable;
  readonly book: PeerBook;
  readonly onDialled: (connection: ConnectionInfo) => void;
  readonly onFailed: (peerId: string, cause: Failure) => void;
}

/** Peers that a look around in the DHT brings at a time. */
const LOOK_AROUND_PEERS = 16;
const LOOK_AROUND_DEADLINE_MS = 10_000;

/** Dials that ended for these reasons say nothing about the peer: it may be dialled again at once. */
const OWN_REASONS: ReadonlySet<string> = new Set(["HOST_CLOSED", "HOST_BUSY", "REQUEST_CANCELLED"]);

export class Dialler {
  readonly #parts: DiallerParts;
  #isDiscovering = true;
  #isLookingAround = false;

  constructor(parts: DiallerParts) {
    this.#parts = parts;
  }

  /** Dials whom it is worth dialling now. */
  dialMore(): void {
    const { book, bans, config, host, context } = this.#parts;
    if (!host.isOpen) return;
    const subnets = new OutboundSubnets(book.all(), config.outboundPerSubnetMax ?? OUTBOUND_PER_SUBNET_MAX);
    const chosen = chooseDials(book.all(), {
      nowMs: context.clock.monotonicMs(),
      ownPeerId: host.peerId,
      peersTarget: config.peersTarget,
      isBanned: (peerId) => bans.find(peerId) !== undefined,
      claim: (peer) => subnets.claim(peer),
    });
    for (const peer of chosen) this.dial(peer, subnets.claimed(peer));
  }

  /** Dials a disconnected peer, at all its addresses unless told. */
  dial(peer: KnownPeer, addresses: readonly string[] = peer.addresses): void {
    const { host, context, config, onDialled, onFailed } = this.#parts;
    const { random, clock } = context;
    const link: Link = { state: "dialling", cause: context.cause() };
    peer.link = link;
    const options = { deadlineMs: config.connectionTimeoutMs, signal: context.signal };
    context.log.debug("dials", { peer: peer.peerId });
    context.effect(host.dial(peer.peerId, addresses, options), (outcome) => {
      // Meanwhile the peer may have dialled us: then that connection goes on, and this one adds to it or failed.
      const isOurs = peer.link === link;
      if (!isOurs) return;
      peer.link = { state: "disconnected" };
      if (outcome.ok) return onDialled(outcome.value);
      if (!OWN_REASONS.has(outcome.failure.reason)) {
        peer.failures++;
        peer.notBeforeMs = clock.monotonicMs() + dialDelayMs(peer.failures, random);
      }
      onFailed(peer.peerId, outcome.failure);
    });
  }

  /** Looks for peers now, by these means; none means all. */
  startDiscovery(methods: readonly DiscoveryMethod[]): Failure | undefined {
    const { kademlia, mdns } = this.#parts.config.discovery ?? { kademlia: true, mdns: true };
    const isMeant = (method: DiscoveryMethod): boolean => methods.length === 0 || methods.includes(method);
    if (methods.includes(DiscoveryMethod.UNSPECIFIED)) return badMethod("name BOOTSTRAP, KADEMLIA or MDNS");
    if (methods.includes(DiscoveryMethod.KADEMLIA) && !kademlia) return isOff("kademlia");
    if (methods.includes(DiscoveryMethod.MDNS) && !mdns) return isOff("mdns");
    this.#isDiscovering = true;
    if (isMeant(DiscoveryMethod.KADEMLIA)) this.lookAround();
    if (isMeant(DiscoveryMethod.BOOTSTRAP)) this.#forgiveBootstrap();
    this.dialMore();
    return undefined;
  }

  /** Bootstrap peers are dialled now, whatever their last dials came to. */
  #forgiveBootstrap(): void {
    for (const peer of this.#parts.book.all()) if (peer.isBootstrap) peer.notBeforeMs = 0;
  }

  stopDiscovery(): void {
    this.#isDiscovering = false;
  }

  /** Looks around in the DHT while there are too few peers; one look at a time. */
  lookAround(): void {
    const { host, context, config, book } = this.#parts;
    if (!host.isOpen || !this.#isDiscovering || this.#isLookingAround) return;
    let connected = 0;
    for (const { link } of book.all()) if (link.state === "connected") connected++;
    // Without a peer there is nobody to ask in the DHT.
    if (connected === 0 || connected >= config.peersTarget) return;
    this.#isLookingAround = true;
    const options = { deadlineMs: LOOK_AROUND_DEADLINE_MS, signal: context.signal };
    context.effect(host.findPeers(LOOK_AROUND_PEERS, options), (outcome) => {
      this.#isLookingAround = false;
      if (!outcome.ok) return;
      for (const { peerId, addresses } of outcome.value) this.discovered(peerId, addresses);
      this.dialMore();
    });
  }

  /** Addresses that somebody claims of a peer. */
  discovered(peerId: string, addresses: readonly string[]): void {
    const { book, host } = this.#parts;
    if (peerId === host.peerId) return;
    book.addAddresses(book.ensure(peerId), addresses);
  }
}

function badMethod(message: string): Failure {
  return failure("INVALID_ARGUMENT", "DISCOVERY_METHOD", message, { field: "methods" });
}

function isOff(method: string): Failure {
  const message = `${method} is off: see network.discovery.${method}`;
  return failure("FAILED_PRECONDITION", "DISCOVERY_OFF", message, { field: "methods" });
}
