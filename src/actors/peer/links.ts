/**
 * The conductor of connections: dials, greets, refreshes, dismisses and bans, and keeps the book in step with the host.
 * Owned by the PeerActor, in whose turns everything here runs; decisions are made by the pure organs beside it.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Offence,
  type PeerInfo,
  type PeerInternalService,
  PeerService,
  type PeerType,
  type WatchPeersResponseSchema,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import { GoodbyeReason } from "../../../gen/alys/wire/v1/wire_pb.ts";
import type { ActorContext } from "../../kernel/actor.ts";
import type { Deferred } from "../../kernel/deferred.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import type { ConnectionInfo, Host, HostEvent, HostSnapshot } from "../../p2p/port.ts";
import type { BanTable } from "./ban-table.ts";
import { COOL_DOWN_MS, HANDSHAKE_GRACE_MS, type PeerActorConfig } from "./config.ts";
import { chooseDials, dialDelayMs } from "./dialling.ts";
import { Greeter } from "./greeter.ts";
import { Handshake, type HandshakeParts, type ProvenStatus } from "./handshake.ts";
import { Judge } from "./judge.ts";
import type { KnownPeer, PeerBook } from "./peer-book.ts";
import { observe } from "./score.ts";
import { peerView } from "./view.ts";

type Context = ActorContext<typeof PeerService, typeof PeerInternalService>;
type ConnectAnswer = Deferred<typeof PeerService.method.connectToPeer.output>;
type PeersEvent = NonNullable<MessageInitShape<typeof WatchPeersResponseSchema>["event"]>;

export interface LinksParts extends HandshakeParts {
  readonly context: Context;
  readonly config: PeerActorConfig;
  readonly host: Host;
  readonly bans: BanTable;
  readonly book: PeerBook;
  readonly publish: (event: PeersEvent) => void;
}

/** Clients that wait for one connection; more are refused. */
const WAITING_MAX = 64;
const ADDRESSES_ASKED_MAX = 16;

/** Peers that a look around in the DHT brings at a time. */
const LOOK_AROUND_PEERS = 16;
const LOOK_AROUND_DEADLINE_MS = 10_000;

export class Links {
  readonly #parts: LinksParts;
  readonly #greeter: Greeter;
  readonly judge: Judge;
  readonly #waiting = new Map<string, ConnectAnswer[]>();
  #isDiscovering = true;

  constructor(parts: LinksParts) {
    this.#parts = parts;
    this.judge = new Judge({
      ...parts,
      onBanned: (peerId) =>
        this.#answerWaiting(peerId, failure("PERMISSION_DENIED", "PEER_BANNED", `${peerId} is banned`)),
      dismiss: (peerId) => this.#dismiss(peerId, GoodbyeReason.LOW_SCORE),
    });
    this.#greeter = new Greeter({
      context: parts.context,
      host: parts.host,
      handshake: new Handshake(parts),
      events: {
        greeted: (peerId, status, latencyMs) => this.#onGreeted(peerId, status, latencyMs),
        refused: (peerId, cause, goodbye, coolDownMs) => this.#onRefused(peerId, cause, goodbye, coolDownMs),
        offended: (peerId, offence, detail, evidence) =>
          this.judge.onOffence(peerId, offence, detail, evidence),
        left: (peerId, reason) => this.#onGoodbye(peerId, reason),
      },
    });
  }

  // --- life ---

  start(snapshot: HostSnapshot): void {
    const { config, book, host, bans } = this.#parts;
    const nowMs = this.#nowMs();
    for (const { peerId, address } of config.bootstrap) {
      const peer = book.ensure(peerId, nowMs);
      peer.isBootstrap = true;
      book.addAddresses(peer, [address]);
    }
    for (const peerId of config.memberPeerIds) book.ensure(peerId, nowMs).isReserved = true;
    bans.judgeBy((peerId) => this.judge.applicationScore(peerId));
    // Connections of an earlier incarnation are told anew by the snapshot.
    for (const peer of book.all()) peer.link = { state: "disconnected" };
    this.#protect();
    for (const connection of snapshot.connections) this.onOpened(connection);
    if (host.isOpen) this.dialMore();
  }

  onOpened(connection: ConnectionInfo): void {
    const { book } = this.#parts;
    const peer = book.ensure(connection.peerId, this.#nowMs());
    peer.lastSeenMs = this.#nowMs();
    if (connection.direction === "outbound") book.addAddresses(peer, [connection.remoteAddress]);
    if (peer.link.state === "connected" || peer.link.state === "handshaking") return;
    peer.link = { state: "handshaking", connection, sinceMs: this.#nowMs() };
    // The side that dialled speaks first; the other answers, and is heard by its own request.
    if (connection.direction === "outbound") this.#greeter.ask(connection.peerId);
  }

  onClosed(peerId: string): void {
    const peer = this.#parts.book.get(peerId);
    if (peer === undefined || peer.link.state === "disconnected") return;
    const wasConnected = peer.link.state === "connected";
    peer.link = { state: "disconnected" };
    this.#answerWaiting(
      peerId,
      failure("UNAVAILABLE", "CONNECTION_LOST", `the connection to ${peerId} closed`),
    );
    if (wasConnected) {
      peer.lastSeenMs = this.#nowMs();
      peer.notBeforeMs = Math.max(
        peer.notBeforeMs,
        this.#nowMs() + dialDelayMs(0, this.#parts.context.random),
      );
      this.#parts.book.markDirty(peer);
      this.#parts.publish({ case: "disconnected", value: { peerId, reason: "connection closed" } });
    }
    this.dialMore();
  }

  onDiscovered(peerId: string, addresses: readonly string[]): void {
    const { book, host } = this.#parts;
    if (peerId === host.peerId) return;
    book.addAddresses(book.ensure(peerId, this.#nowMs()), addresses);
  }

  onRequest(event: Extract<HostEvent, { type: "request" }>): void {
    if (event.protocol === "status") this.#greeter.onStatus(event);
    else if (event.protocol === "goodbye") this.#greeter.onGoodbye(event);
  }

  // --- periodic work ---

  /** Dials whom it is worth dialling now. */
  dialMore(): void {
    const { book, bans, config, host } = this.#parts;
    if (!host.isOpen) return;
    const chosen = chooseDials(book.all(), {
      nowMs: this.#nowMs(),
      peersTarget: config.peersTarget,
      isBanned: (peerId) => bans.find(peerId) !== undefined,
    });
    for (const peer of chosen) if (peer.peerId !== host.peerId) this.#dial(peer);
    if (
      this.#isDiscovering &&
      this.#count("connected") > 0 &&
      this.#count("connected") < config.peersTarget
    ) {
      this.#lookAround();
    }
  }

  /** Asks every peer that we dialled for its Status; those that dialled us ask themselves. */
  refreshAll(): void {
    for (const peer of this.#parts.book.all()) {
      if (peer.link.state === "connected" && peer.link.connection.direction === "outbound") {
        this.#greeter.ask(peer.peerId);
      }
    }
  }

  refresh(peerId: string): void {
    if (this.#parts.book.get(peerId)?.link.state === "connected") this.#greeter.ask(peerId);
  }

  /** Hangs up on those that never greeted, forgets bans that ended, saves the book, prunes what is too much. */
  checkHealth(): void {
    const { book, bans, context } = this.#parts;
    const nowMs = this.#nowMs();
    for (const peer of book.all()) {
      if (peer.link.state === "handshaking" && nowMs - peer.link.sinceMs > HANDSHAKE_GRACE_MS) {
        const late = failure("DEADLINE_EXCEEDED", "HANDSHAKE_LATE", `${peer.peerId} never greeted`);
        this.#onRefused(peer.peerId, late, GoodbyeReason.HANDSHAKE_FAILED, undefined);
      }
    }
    const ended = bans.removeExpired();
    for (const peerId of ended.peerIds) this.#parts.publish({ case: "unbanned", value: peerId });
    context.effect(Promise.all([ended.stored, book.save()]), (outcome) => {
      if (!outcome.ok) context.log.warn("peers are not saved", { reason: outcome.failure.message });
    });
    this.#prune();
  }

  startDiscovery(): void {
    this.#isDiscovering = true;
    this.#lookAround();
    this.dialMore();
  }

  stopDiscovery(): void {
    this.#isDiscovering = false;
  }

  // --- commands ---

  connect(
    peerId: string,
    addresses: readonly string[],
    type: PeerType | undefined,
  ): ConnectAnswer | Failure | object {
    const { book, context, host, bans } = this.#parts;
    const id = peerId === "" ? (/\/p2p\/([^/]+)$/.exec(addresses[0] ?? "")?.[1] ?? "") : peerId;
    if (this.#parts.peerIdBytes(id) === undefined) {
      return failure("INVALID_ARGUMENT", "PEER_ID_INVALID", `"${id}" is no peer id`, { field: "peer_id" });
    }
    if (id === host.peerId)
      return failure("INVALID_ARGUMENT", "PEER_IS_SELF", "this is our own peer id", { field: "peer_id" });
    if (addresses.length > ADDRESSES_ASKED_MAX) {
      return failure("INVALID_ARGUMENT", "TOO_MANY", `at most ${ADDRESSES_ASKED_MAX} addresses`, {
        field: "addresses",
      });
    }
    if (bans.find(id) !== undefined) return failure("PERMISSION_DENIED", "PEER_BANNED", `${id} is banned`);
    const peer = book.ensure(id, this.#nowMs());
    book.addAddresses(peer, addresses);
    if (type !== undefined) peer.assignedType = type;
    if (peer.link.state === "connected") return { peer: this.#view(peer) };
    if (peer.addresses.length === 0) {
      return failure("FAILED_PRECONDITION", "NO_ADDRESS", `no address of ${id} is known`, {
        field: "addresses",
      });
    }
    const waiting = this.#waiting.get(id) ?? [];
    if (waiting.length >= WAITING_MAX)
      return failure("RESOURCE_EXHAUSTED", "TOO_MANY_WAITING", `${id} is awaited already`);
    const answer = context.deferred(PeerService.method.connectToPeer);
    this.#waiting.set(id, [...waiting, answer]);
    if (peer.link.state === "disconnected") this.#dial(peer);
    return answer;
  }

  disconnect(
    peerId: string,
    reason: string,
  ): Deferred<typeof PeerService.method.disconnectFromPeer.output> | Failure {
    const { book, context } = this.#parts;
    const peer = book.get(peerId);
    if (peer === undefined || peer.link.state === "disconnected") {
      return failure("NOT_FOUND", "PEER_NOT_CONNECTED", `${peerId} is not connected`, { field: "peer_id" });
    }
    context.log.info("peer is disconnected by an operator", { peer: peerId, reason });
    peer.notBeforeMs = this.#nowMs() + COOL_DOWN_MS;
    const answer = context.deferred(PeerService.method.disconnectFromPeer);
    context.effect(this.#greeter.dismiss(peerId, GoodbyeReason.UNSPECIFIED), () => answer.resolve({}));
    return answer;
  }

  ban(
    peerId: string,
    reason: string,
    durationMs: number,
  ): Deferred<typeof PeerService.method.banPeer.output> | Failure {
    const { context } = this.#parts;
    const charge = { reason, offence: Offence.UNSPECIFIED, evidence: new Uint8Array() };
    const put = this.judge.putBan(peerId, charge, durationMs);
    if (put === undefined) return failure("RESOURCE_EXHAUSTED", "BANS_FULL", "the table of bans is full");
    const answer = context.deferred(PeerService.method.banPeer);
    context.effect(put.stored, (outcome) => {
      if (outcome.ok) answer.resolve({ ban: put.ban });
      else answer.reject(outcome.failure);
    });
    return answer;
  }

  // --- greeting ---

  #onGreeted(peerId: string, status: ProvenStatus, latencyMs: number | undefined): void {
    const { book, config } = this.#parts;
    const peer = book.get(peerId);
    if (peer === undefined || (peer.link.state !== "handshaking" && peer.link.state !== "connected")) return;
    const isNew = peer.link.state === "handshaking";
    peer.lastSeenMs = this.#nowMs();
    peer.failures = 0;
    peer.notBeforeMs = 0;
    if (latencyMs !== undefined) peer.score = observe(peer.score, { latencyMs });
    const wasMember = peer.memberKey !== undefined;
    peer.memberKey = status.memberKey;
    peer.memberRole = status.memberRole;
    if (status.memberKey !== undefined && !peer.isReserved) peer.isReserved = true;
    if (wasMember !== (peer.memberKey !== undefined)) {
      this.#protect();
      book.markDirty(peer);
    }
    const limit = config.peersMax + (peer.isReserved ? config.federationPeersMax : 0);
    if (isNew && this.#count("connected") >= limit) {
      const full = failure("RESOURCE_EXHAUSTED", "TOO_MANY_PEERS", "no slot is free");
      return this.#onRefused(peerId, full, GoodbyeReason.TOO_MANY_PEERS, COOL_DOWN_MS);
    }
    const before = peer.link.state === "connected" ? peer.link.status : undefined;
    peer.link = { state: "connected", connection: peer.link.connection, status };
    const view = this.#view(peer);
    if (isNew) {
      this.#parts.context.log.info("peer connected", {
        peer: peerId,
        height: status.headHeight,
        transport: peer.link.connection.transport,
      });
      this.#parts.publish({ case: "connected", value: view });
      this.#answerWaiting(peerId, { peer: view });
    } else if (before !== undefined) {
      // Also when nothing but the time of the report changed: others judge by its freshness.
      this.#parts.publish({ case: "updated", value: view });
    }
  }

  #onRefused(peerId: string, cause: Failure, goodbye: GoodbyeReason, coolDownMs: number | undefined): void {
    const { book, context } = this.#parts;
    const peer = book.get(peerId);
    if (peer === undefined || peer.link.state === "disconnected") return;
    this.#answerWaiting(peerId, cause);
    // A late refresh of a peer that is connected costs it nothing; it may answer the next one.
    if (
      peer.link.state === "connected" &&
      goodbye === GoodbyeReason.HANDSHAKE_FAILED &&
      coolDownMs === undefined
    ) {
      peer.score = observe(peer.score, { isSuccess: false });
      return;
    }
    context.log.info("peer is refused", { peer: peerId, reason: cause.message });
    peer.failures++;
    peer.notBeforeMs = this.#nowMs() + (coolDownMs ?? dialDelayMs(peer.failures, context.random));
    this.#dismiss(peerId, goodbye);
  }

  #onGoodbye(peerId: string, reason: GoodbyeReason): void {
    const peer = this.#parts.book.get(peerId);
    if (peer === undefined) return;
    // A peer that shuts down comes back; one that has no room for us is not asked again at once.
    const isBack = reason === GoodbyeReason.SHUTDOWN || reason === GoodbyeReason.DUPLICATE_CONNECTION;
    if (!isBack) peer.notBeforeMs = this.#nowMs() + COOL_DOWN_MS;
    this.#parts.context.log.info("peer says goodbye", { peer: peerId, reason });
  }

  // --- small steps ---

  #dial(peer: KnownPeer): void {
    const { host, context, config } = this.#parts;
    peer.link = { state: "dialling" };
    const options = { deadlineMs: config.connectionTimeoutMs, signal: context.signal };
    context.effect(host.dial(peer.peerId, peer.addresses, options), (outcome) => {
      if (outcome.ok) {
        if (peer.link.state === "dialling") this.onOpened(outcome.value);
        return;
      }
      if (peer.link.state === "dialling") peer.link = { state: "disconnected" };
      peer.failures++;
      peer.notBeforeMs = this.#nowMs() + dialDelayMs(peer.failures, context.random);
      this.#answerWaiting(peer.peerId, outcome.failure);
    });
  }

  #dismiss(peerId: string, reason: GoodbyeReason): void {
    this.#parts.context.effect(this.#greeter.dismiss(peerId, reason), () => {});
  }

  #answerWaiting(peerId: string, answer: Failure | { readonly peer: PeerInfo }): void {
    const waiting = this.#waiting.get(peerId) ?? [];
    this.#waiting.delete(peerId);
    for (const each of waiting) {
      if ("peer" in answer) each.resolve(answer);
      else each.reject(answer);
    }
  }

  /** Above the limit the least worthy goes, members and bootstrap peers never. */
  #prune(): void {
    const { book, config } = this.#parts;
    const excess = this.#count("connected") - config.peersMax;
    if (excess <= 0) return;
    const candidates = [...book.all()]
      .filter((peer) => peer.link.state === "connected" && !peer.isReserved && !peer.isBootstrap)
      .sort((left, right) => left.score.reliability - right.score.reliability);
    for (const peer of candidates.slice(0, excess)) {
      peer.notBeforeMs = this.#nowMs() + COOL_DOWN_MS;
      this.#dismiss(peer.peerId, GoodbyeReason.TOO_MANY_PEERS);
    }
  }

  #lookAround(): void {
    const { host, context } = this.#parts;
    const options = { deadlineMs: LOOK_AROUND_DEADLINE_MS, signal: context.signal };
    context.effect(host.findPeers(LOOK_AROUND_PEERS, options), (outcome) => {
      if (!outcome.ok) return;
      for (const { peerId, addresses } of outcome.value) this.onDiscovered(peerId, addresses);
    });
  }

  #protect(): void {
    const reserved = [...this.#parts.book.all()].filter((peer) => peer.isReserved).map((peer) => peer.peerId);
    this.#parts.host.protectPeers(new Set(reserved));
  }

  #count(state: KnownPeer["link"]["state"]): number {
    let count = 0;
    for (const peer of this.#parts.book.all()) if (peer.link.state === state) count++;
    return count;
  }

  #view(peer: KnownPeer) {
    return peerView(peer, this.#nowMs(), this.#parts.bans.find(peer.peerId) !== undefined);
  }

  #nowMs(): number {
    return this.#parts.context.clock.nowMs();
  }
}
