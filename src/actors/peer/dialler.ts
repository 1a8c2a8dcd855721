/**
 * Dials peers and looks for new ones; decides by dialling.ts. Owned by Links, in whose turns everything here runs.
 */

import type { PeerInternalService, PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { ActorContext } from "../../kernel/actor.ts";
import type { Failure } from "../../kernel/errors.ts";
import type { ConnectionInfo, Host } from "../../p2p/port.ts";
import type { BanTable } from "./ban-table.ts";
import type { PeerActorConfig } from "./config.ts";
import { chooseDials, dialDelayMs } from "./dialling.ts";
import type { KnownPeer, Link, PeerBook } from "./peer-book.ts";

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
    const chosen = chooseDials(book.all(), {
      nowMs: context.clock.nowMs(),
      ownPeerId: host.peerId,
      peersTarget: config.peersTarget,
      isBanned: (peerId) => bans.find(peerId) !== undefined,
    });
    for (const peer of chosen) this.dial(peer);
  }

  /** Dials a disconnected peer. */
  dial(peer: KnownPeer): void {
    const { host, context, config, onDialled, onFailed } = this.#parts;
    const { random, clock } = context;
    const link: Link = { state: "dialling", cause: context.cause() };
    peer.link = link;
    const options = { deadlineMs: config.connectionTimeoutMs, signal: context.signal };
    context.log.debug("dials", { peer: peer.peerId });
    context.effect(host.dial(peer.peerId, peer.addresses, options), (outcome) => {
      // Meanwhile the peer may have dialled us: then that connection goes on, and this one adds to it or failed.
      const isOurs = peer.link === link;
      if (!isOurs) return;
      peer.link = { state: "disconnected" };
      if (outcome.ok) return onDialled(outcome.value);
      if (!OWN_REASONS.has(outcome.failure.reason)) {
        peer.failures++;
        peer.notBeforeMs = clock.nowMs() + dialDelayMs(peer.failures, random);
      }
      onFailed(peer.peerId, outcome.failure);
    });
  }

  startDiscovery(): void {
    this.#isDiscovering = true;
    this.lookAround();
    this.dialMore();
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
