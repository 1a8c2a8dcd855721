/**
 * Dials peers and looks for new ones; decides by dialling.ts. Owned by Connections, in whose turns everything here runs.
 */

import {
  AddressSource,
  DiscoveryMethod,
  type PeerInternalService,
  type PeerService,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { ActorContext } from "../../kernel/actor/actor.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import type { Current } from "../../kernel/settings.ts";
import { ipOf } from "../../p2p/address.ts";
import type { ConnectionInfo, DialAttempt, Host } from "../../p2p/port.ts";
import type { BanTable } from "./ban-table.ts";
import { OUTBOUND_PER_SUBNET_MAX, type PeerActorConfig } from "./config.ts";
import { chooseDials, dialDelayMs, ordinaryBusy } from "./dialling.ts";
import type { KnownAddress } from "./known/address-list.ts";
import { DialBudget } from "./known/dial-budget.ts";
import type { KnownPeer, Link } from "./known/known-peer.ts";
import type { PeerStore } from "./peer-store.ts";
import { OutboundSubnets } from "./subnets.ts";

export interface DiallerParts {
  readonly context: ActorContext<typeof PeerService, typeof PeerInternalService>;
  readonly config: Current<PeerActorConfig>;
  readonly host: Host;
  readonly bans: BanTable;
  readonly book: PeerStore;
  readonly onDialled: (connection: ConnectionInfo) => void;
  readonly onFailed: (peerId: string, cause: Failure) => void;
  /** Whether a client waits for a connection to that peer. */
  readonly isAwaited: (peerId: string) => boolean;
}

/** Peers that a look around in the DHT brings at a time. */
const LOOK_AROUND_PEERS = 16;
const LOOK_AROUND_DEADLINE_MS = 10_000;

/** Dials that ended for these reasons say nothing about the peer: it may be dialled again at once. */
const OWN_REASONS: ReadonlySet<string> = new Set(["HOST_CLOSED", "HOST_BUSY", "REQUEST_CANCELLED"]);

export class Dialler {
  readonly #parts: DiallerParts;
  readonly #budget = new DialBudget();
  #isDiscovering = true;
  #isLookingAround = false;

  constructor(parts: DiallerParts) {
    this.#parts = parts;
  }

  /** Dials whom it is worth dialling now. */
  dialMore(): void {
    const { book, bans, config, host, context } = this.#parts;
    if (!host.isOpen) return;
    const perSubnetMax = config.current.outboundPerSubnetMax ?? OUTBOUND_PER_SUBNET_MAX;
    const subnets = new OutboundSubnets((subnet) => book.index.inSubnet(subnet), perSubnetMax);
    const chosen = chooseDials(book.index, {
      nowMs: context.clock.monotonicMs(),
      ownPeerId: host.peerId,
      peersTarget: config.current.peersTarget,
      isBanned: (peerId) => bans.find(peerId) !== undefined,
      claim: (peer) => subnets.claim(peer),
    });
    for (const peer of chosen) this.dial(peer, subnets.claimed(peer));
  }

  /** Dials a disconnected peer, at all its addresses unless told; at places that others claim as often as the budget lets it. */
  dial(peer: KnownPeer, allowed?: readonly string[], triedBefore: readonly string[] = []): void {
    const { host, context, config, onDialled } = this.#parts;
    const { clock } = context;
    const meant = peer.addresses.filter(({ address }) => allowed?.includes(address) !== false);
    const addresses = this.#budget.take(meant, clock.monotonicMs()).map(({ address }) => address);
    if (addresses.length === 0) {
      this.#delay(peer);
      const message = `${peer.peerId} is claimed to be at places that were dialled too often this minute`;
      return this.#parts.onFailed(peer.peerId, failure("RESOURCE_EXHAUSTED", "DIALS_SPENT", message));
    }
    const link: Link = { state: "dialling", cause: context.cause(), addresses };
    peer.link = link;
    const attempts: DialAttempt[] = [];
    const options = {
      deadlineMs: config.current.connectionTimeoutMs,
      signal: context.signal,
      onAttempt: (attempt: DialAttempt) => void attempts.push(attempt),
    };
    context.log.debug("dials", { peer: peer.peerId });
    context.effect(host.dial(peer.peerId, addresses, options), (outcome) => {
      this.#note(peer, attempts);
      // Meanwhile the peer may have dialled us: then that connection goes on, and this one adds to it or failed.
      const isOurs = peer.link === link;
      if (!isOurs) return;
      peer.link = { state: "disconnected" };
      if (outcome.ok) return onDialled(outcome.value);
      this.#onFailed(peer, [...triedBefore, ...addresses], outcome.failure);
    });
  }

  /** Each address is credited with what became of it. */
  #note(peer: KnownPeer, attempts: readonly DialAttempt[]): void {
    const { book, context } = this.#parts;
    for (const { address, cause } of attempts) {
      if (cause === undefined) book.reached(peer, address, context.clock.nowMs());
      else if (!OWN_REASONS.has(cause.reason)) book.failedAt(peer, address);
    }
  }

  #onFailed(peer: KnownPeer, tried: readonly string[], cause: Failure): void {
    const { isAwaited, onFailed } = this.#parts;
    if (!OWN_REASONS.has(cause.reason)) {
      peer.failures++;
      this.#delay(peer);
    }
    // Whoever waits may have named an address after this dial began.
    const isNew = ({ address, source }: KnownAddress): boolean =>
      source === AddressSource.CONFIGURED && !tried.includes(address);
    if (cause.reason !== "HOST_CLOSED" && isAwaited(peer.peerId) && peer.addresses.some(isNew)) {
      const untried = peer.addresses.filter(isNew).map(({ address }) => address);
      return this.dial(peer, untried, tried);
    }
    onFailed(peer.peerId, cause);
  }

  #delay(peer: KnownPeer): void {
    const { random, clock } = this.#parts.context;
    peer.notBeforeMs = clock.monotonicMs() + dialDelayMs(peer.failures, random.next());
  }

  /** Looks for peers now, by these means; none means all. */
  startDiscovery(methods: readonly DiscoveryMethod[]): Failure | undefined {
    const { kademlia, mdns } = this.#parts.config.current.discovery ?? { kademlia: true, mdns: true };
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
    const { book, config } = this.#parts;
    for (const { peerId } of config.current.bootstrap) book.ensure(peerId).notBeforeMs = 0;
  }

  stopDiscovery(): void {
    this.#isDiscovering = false;
  }

  /** Looks around in the DHT while there are too few peers; one look at a time. */
  lookAround(): void {
    const { host, context, config, book } = this.#parts;
    if (!host.isOpen || !this.#isDiscovering || this.#isLookingAround) return;
    // Without a peer there is nobody to ask in the DHT.
    if (book.index.count("connected") === 0 || ordinaryBusy(book.index) >= config.current.peersTarget) return;
    this.#isLookingAround = true;
    const options = { deadlineMs: LOOK_AROUND_DEADLINE_MS, signal: context.signal };
    context.effect(host.findPeers(LOOK_AROUND_PEERS, options), (outcome) => {
      this.#isLookingAround = false;
      if (!outcome.ok) return;
      for (const { peerId, addresses } of outcome.value)
        this.discovered(peerId, addresses, AddressSource.DHT);
      this.dialMore();
    });
  }

  /** Addresses of a peer that somebody names. */
  discovered(peerId: string, addresses: readonly string[], source: AddressSource): void {
    const { book, host, context } = this.#parts;
    if (peerId === host.peerId) return;
    const known = book.get(peerId);
    // Nobody takes a place in the book by addresses that are of no use.
    if (known === undefined && addresses.every((each) => book.faultOf(peerId, each, source) !== undefined))
      return;
    book.addAddresses(known ?? book.ensure(peerId), addresses, source, context.clock.nowMs());
  }

  /** What a connected peer says of itself. An address on the machine that it is connected from is believed more. */
  identified(peerId: string, addresses: readonly string[]): void {
    const link = this.#parts.book.get(peerId)?.link;
    const isLive = link?.state === "handshaking" || link?.state === "connected";
    const seenAt = isLive ? ipOf(link.connection.remoteAddress) : undefined;
    const isSeen = (address: string): boolean => seenAt !== undefined && ipOf(address) === seenAt;
    this.discovered(
      peerId,
      addresses.filter((address) => !isSeen(address)),
      AddressSource.IDENTIFY,
    );
    this.discovered(peerId, addresses.filter(isSeen), AddressSource.SEEN);
  }
}

function badMethod(message: string): Failure {
  return failure("INVALID_ARGUMENT", "DISCOVERY_METHOD", message, { field: "methods" });
}

function isOff(method: string): Failure {
  const message = `${method} is off: see network.discovery.${method}`;
  return failure("FAILED_PRECONDITION", "DISCOVERY_OFF", message, { field: "methods" });
}
