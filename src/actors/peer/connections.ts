/**
 * The conductor of connections: greets, refreshes, dismisses and bans, and keeps the book in step with the host. Owned
 * by the PeerActor, in whose turns everything here runs; decisions are made by the organs beside it.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  AddressSource,
  Offence,
  type PeerInfo,
  type PeerInternalService,
  PeerService,
  type WatchPeersResponseSchema,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import { GoodbyeReason } from "../../../gen/alys/wire/v1/wire_pb.ts";
import { ROLE_MEMBER } from "../../chain/delegation.ts";
import { sha256 } from "../../chain/hash.ts";
import type { ActorContext } from "../../kernel/actor/actor.ts";
import type { Deferred } from "../../kernel/actor/deferred.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import type { Current } from "../../kernel/settings.ts";
import type { ConnectionInfo, Host, HostEvent, HostSnapshot, PeerIdentity } from "../../p2p/port.ts";
import { chainTag } from "../../p2p/protocols.ts";
import type { BanTable } from "./ban-table.ts";
import { COOL_DOWN_MS, HANDSHAKE_GRACE_MS, type PeerActorConfig, UNSERVING_COOL_DOWN_MS } from "./config.ts";
import { type ConnectAnswer, ConnectWaiters } from "./connect-waiters.ts";
import { Dialler } from "./dialler.ts";
import { dialDelayMs } from "./dialling.ts";
import type { DistrustStore } from "./distrust-store.ts";
import { Handshake, type HandshakeParts } from "./handshake.ts";
import type { KnownPeer, Link } from "./known/known-peer.ts";
import { Maintenance } from "./maintenance.ts";
import { Membership, withoutRole } from "./membership.ts";
import type { PeerStore } from "./peer-store.ts";
import { PenaltyPolicy } from "./penalty-policy.ts";
import type { ProvenStatus } from "./proven-status.ts";
import { observe } from "./score.ts";
import { chooseDisplaced, hasSlot } from "./slots.ts";
import { goodbyeName, type Refusal, type Session, StatusHandshake } from "./status-handshake.ts";
import { peerView } from "./view.ts";

type Context = ActorContext<typeof PeerService, typeof PeerInternalService>;
type PeersEvent = NonNullable<MessageInitShape<typeof WatchPeersResponseSchema>["event"]>;
type LiveLink = Extract<Link, { state: "handshaking" | "connected" }>;

export interface ConnectionsParts extends HandshakeParts {
  readonly context: Context;
  readonly config: Current<PeerActorConfig>;
  readonly host: Host;
  readonly bans: BanTable;
  readonly book: PeerStore;
  readonly distrust: DistrustStore;
  readonly publish: (event: PeersEvent) => void;
  /** Its reputation changed; this is published soon. */
  readonly scoreChanged: (peer: KnownPeer) => void;
  /** A member's clock showed `sentMs`, Unix milliseconds, at `atMs` of our monotonic clock. */
  readonly onMemberClock?: ((memberKey: Uint8Array, sentMs: number, atMs: number) => void) | undefined;
}

/** A peer that said goodbye hangs up by itself; when it has not by then, we do. */
const GOODBYE_LINGER_MS = 1_000;

/** Goodbyes that also mean "not you, not now": who hears one is not let in before the cool-down. */
const SENT_AWAY: ReadonlySet<GoodbyeReason> = new Set([
  GoodbyeReason.LOW_SCORE,
  GoodbyeReason.TOO_MANY_PEERS,
  GoodbyeReason.LIMIT_EXCEEDED,
]);

export class Connections {
  readonly #parts: ConnectionsParts;
  readonly #greeter: StatusHandshake;
  readonly dialler: Dialler;
  readonly penalties: PenaltyPolicy;
  readonly #waiters = new ConnectWaiters();
  readonly maintenance: Maintenance;
  readonly membership: Membership;
  #sessions = 0;

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
    this.penalties = new PenaltyPolicy({
      ...parts,
      onBanned: (peerId) => this.#onBanned(peerId),
      dismiss: (peer) => this.#dismiss(peer, GoodbyeReason.LOW_SCORE),
      distrust: ({ memberKey }, evidence) => {
        if (memberKey !== undefined) this.membership.distrust(memberKey, evidence);
      },
    });
    this.membership = new Membership({ ...parts, onChanged: () => this.onAuthoritiesChanged() });
    this.maintenance = this.#makeMaintenance();
    this.dialler = new Dialler({
      ...parts,
      onDialled: (connection) => this.onOpened(connection),
      onFailed: (peerId, cause) => this.#waiters.answer(peerId, cause),
      isAwaited: (peerId) => this.#waiters.has(peerId),
    });
    this.#greeter = new StatusHandshake({
      context: parts.context,
      host: parts.host,
      handshake: new Handshake(parts),
      isOfOtherChain: (peerId) => parts.book.get(peerId)?.isOfOtherChain === true,
      events: {
        greeted: (peerId, session, status, latencyMs) => this.#onGreeted(peerId, session, status, latencyMs),
        refused: (peerId, session, refusal) => this.#onRefused(peerId, session, refusal),
        offended: (peerId, offence, detail, evidence) =>
          this.penalties.onOffence(peerId, offence, detail, evidence),
      },
    });
  }

  #makeMaintenance(): Maintenance {
    return new Maintenance({
      ...this.#parts,
      ask: (peerId, session) => this.#greeter.ask(peerId, session),
      onRoleEnded: (peer) => this.#endRole(peer),
      onUnbanned: (peerId) => this.#parts.publish({ case: "unbanned", value: peerId }),
      prune: (peer) => this.#dismiss(peer, GoodbyeReason.TOO_MANY_PEERS),
    });
  }

  // --- life ---

  start(snapshot: HostSnapshot): void {
    const { config, book, bans } = this.#parts;
    for (const { peerId, address } of config.current.bootstrap) {
      const peer = book.ensure(peerId);
      peer.isBootstrap = true;
      book.addAddresses(peer, [address], AddressSource.CONFIGURED, this.#parts.context.clock.nowMs());
    }
    bans.judgeBy(this.penalties);
    // Connections of an earlier incarnation are told anew by the snapshot.
    for (const peer of book.all()) peer.link = { state: "disconnected" };
    this.membership.reserve(config.current.memberPeerIds);
    this.membership.start();
    for (const connection of snapshot.connections) {
      this.onOpened(connection);
      // Those that dialled us greeted the earlier incarnation and do not know of this one: everybody is asked.
      const { link } = book.ensure(connection.peerId);
      if (link.state === "handshaking") this.#greeter.ask(connection.peerId, link.session);
    }
    this.dialler.dialMore();
  }

  // --- what the host tells ---

  onOpened(connection: ConnectionInfo): void {
    const { book, bans, context } = this.#parts;
    const { peerId, direction } = connection;
    // A dial that was under way when its peer was banned.
    if (bans.find(peerId) !== undefined) return this.#hangUp(peerId);
    const peer = book.ensure(peerId);
    if (direction === "outbound") book.reached(peer, connection.remoteAddress, context.clock.nowMs());
    const { link } = peer;
    switch (link.state) {
      case "closing":
      case "connected":
        return;
      case "handshaking":
        // Both dialled at once: then both ask, or each would wait for the other.
        if (direction === "outbound") this.#greeter.ask(peerId, link.session);
        return;
      case "disconnected":
      case "dialling": {
        const isSentAway = direction === "inbound" && this.#nowMs() < peer.refusedUntilMs;
        if (isSentAway && !peer.isReserved && link.state === "disconnected") return this.#hangUp(peerId);
        this.#sessions++;
        peer.link = { state: "handshaking", session: this.#sessions, connection, sinceMs: this.#nowMs() };
        this.#expectGreeting(peerId, this.#sessions);
        // The side that dialled speaks first; the other answers, and is heard by its own request.
        if (direction === "outbound") {
          const cause = link.state === "dialling" ? link.cause : undefined;
          const session = this.#sessions;
          this.#parts.context.onBehalfOf(cause, () => this.#greeter.ask(peerId, session));
        }
      }
    }
  }

  /** What a peer says of itself: protocols that carry the tag of another chain, and none of ours, tell where it belongs. */
  onIdentified({ peerId, protocols, listenAddresses }: PeerIdentity): void {
    this.dialler.identified(peerId, listenAddresses);
    const peer = this.#parts.book.get(peerId);
    if (peer === undefined) return;
    const own = `/alys/${chainTag(this.#parts.chain.facts.genesisHash)}/`;
    const alys = protocols.filter((name) => name.startsWith("/alys/"));
    peer.isOfOtherChain = alys.length > 0 && !alys.some((name) => name.startsWith(own));
  }

  onClosed(connection: ConnectionInfo, isLastOfPeer: boolean): void {
    const { book, context } = this.#parts;
    const { peerId } = connection;
    const peer = book.get(peerId);
    if (peer === undefined || peer.link.state === "disconnected" || peer.link.state === "dialling") return;
    if (!isLastOfPeer) return this.#replace(peer, connection);
    const { state } = peer.link;
    this.#waiters.answer(
      peerId,
      failure("UNAVAILABLE", "CONNECTION_LOST", `the connection to ${peerId} closed`),
    );
    this.#leave(peer, { state: "disconnected" }, "connection closed");
    if (state === "handshaking") peer.failures++;
    // Whoever was said goodbye to has its time set already.
    if (state !== "closing") this.#delayDial(peer, dialDelayMs(peer.failures, context.random.next()));
  }

  /** The host cuts it in a moment: meanwhile it is told why. */
  onOverrun(peerId: string, measure: string): void {
    const detail = `more ${measure} than a peer may have`;
    const evidence = sha256(new TextEncoder().encode(`${detail} ${this.#nowMs()}`));
    this.penalties.onOffence(peerId, Offence.FLOOD, detail, evidence);
    const live = this.#live(peerId);
    if (live !== undefined) this.#dismiss(live.peer, GoodbyeReason.LIMIT_EXCEEDED);
  }

  /** The host is closed; what it did not tell one by one ends here. */
  onHostClosed(): void {
    for (const peer of this.#parts.book.all()) {
      if (peer.link.state !== "disconnected" && peer.link.state !== "dialling") {
        this.#leave(peer, { state: "disconnected" }, "the network stopped");
      }
    }
  }

  /** What peers showed counts under the set that is in force now: roles end and begin, heads become proven. */
  onAuthoritiesChanged(): void {
    for (const { peerId, link } of this.#parts.book.connected()) {
      if (link.state === "connected") this.#greeter.judgeAgain(peerId, link.session, link.status);
    }
  }

  onRequest(event: Extract<HostEvent, { type: "request" }>): void {
    if (event.protocol === "goodbye") return this.#onGoodbye(event);
    if (event.protocol !== "status") return;
    const { book, bans, host } = this.#parts;
    const { peerId } = event;
    if (bans.find(peerId) !== undefined || book.get(peerId)?.link.state === "closing") {
      return host.respond(event.handle, "resource-unavailable");
    }
    // A request can come before the event that tells of its connection.
    if (this.#live(peerId) === undefined) {
      const connection = this.#connectionTo(peerId);
      if (connection !== undefined) this.onOpened(connection);
    }
    this.#greeter.onStatus(event, this.#live(peerId)?.link.session);
  }

  // --- commands; their arguments are checked by the actor ---

  /** Connects to a peer that has an address; the answer comes after its handshake. */
  connect(peer: KnownPeer): ConnectAnswer | Failure | { readonly peer: PeerInfo } {
    const { context } = this.#parts;
    const { peerId, link } = peer;
    if (link.state === "connected") return { peer: this.#view(peer) };
    if (link.state === "closing")
      return failure("ABORTED", "PEER_CLOSING", `${peerId} is being disconnected; try again`);
    const answer = context.deferred(PeerService.method.connectToPeer);
    if (!this.#waiters.add(peerId, answer))
      return failure("RESOURCE_EXHAUSTED", "TOO_MANY_WAITING", `too many wait for ${peerId} already`);
    peer.refusedUntilMs = 0;
    if (link.state === "disconnected") this.dialler.dial(peer);
    return answer;
  }

  disconnect(peerId: string): Deferred<typeof PeerService.method.disconnectFromPeer.output> | Failure {
    const live = this.#live(peerId);
    if (live === undefined) {
      return failure("NOT_FOUND", "PEER_NOT_CONNECTED", `${peerId} is not connected`, { field: "peer_id" });
    }
    const answer = this.#parts.context.deferred(PeerService.method.disconnectFromPeer);
    this.#dismiss(live.peer, GoodbyeReason.UNSPECIFIED, () => answer.resolve({}));
    return answer;
  }

  /** A peer that cannot serve what it claims makes room for one that can; those with a slot of their own keep it. */
  dropUnserving(peerId: string): void {
    const peer = this.#live(peerId)?.peer;
    if (peer === undefined || peer.isReserved || peer.memberKey !== undefined) return;
    this.#dismiss(peer, GoodbyeReason.LOW_SCORE);
    peer.refusedUntilMs = this.#nowMs() + UNSERVING_COOL_DOWN_MS;
    this.#delayDial(peer, UNSERVING_COOL_DOWN_MS);
  }

  // --- greeting ---

  /** Hangs up on a peer that has not greeted in time. */
  #expectGreeting(peerId: string, session: Session): void {
    this.#parts.context.timers.after(HANDSHAKE_GRACE_MS, () => {
      if (this.#live(peerId, session)?.link.state !== "handshaking") return;
      const cause = failure("DEADLINE_EXCEEDED", "HANDSHAKE_LATE", `${peerId} never greeted`);
      const goodbye = GoodbyeReason.HANDSHAKE_FAILED;
      this.#onRefused(peerId, session, { cause, goodbye, coolDownMs: undefined });
    });
  }

  #onGreeted(peerId: string, session: Session, status: ProvenStatus, latencyMs: number | undefined): void {
    const live = this.#live(peerId, session);
    if (live === undefined) return;
    const { peer, link } = live;
    const { book, config, context } = this.#parts;
    const isNew = link.state === "handshaking";
    peer.lastSeenMs = Math.max(peer.lastSeenMs, status.receivedMs);
    if (latencyMs !== undefined) peer.score = observe(peer.score, { latencyMs });
    const trusted = this.membership.greeted(peer, status);
    this.#hearClock(trusted, latencyMs ?? 0);
    if (isNew && !hasSlot(peer, link.connection.direction, book.connected(), config.current)) {
      const { direction, remoteAddress } = link.connection;
      const displaced =
        direction === "inbound" ? chooseDisplaced(remoteAddress, book.connected()) : undefined;
      this.#dismiss(displaced ?? peer, GoodbyeReason.TOO_MANY_PEERS);
      if (displaced === undefined) return;
    }
    peer.failures = 0;
    peer.notBeforeMs = 0;
    this.#parts.host.admitPeer(peerId, trusted.memberKey !== undefined);
    peer.link = { state: "connected", session: link.session, connection: link.connection, status: trusted };
    const view = this.#view(peer);
    if (!isNew) {
      // Also when nothing but the time of the report changed: others judge by its freshness.
      return this.#parts.publish({ case: "updated", value: view });
    }
    const { transport } = link.connection;
    context.log.info("peer connected", { peer: peerId, height: status.headHeight, transport });
    book.markDirty(peer);
    this.#parts.publish({ case: "connected", value: view });
    this.#waiters.answer(peerId, { peer: view });
  }

  /** A member's word on the time; where we asked for it, it is from between question and answer. */
  #hearClock({ memberKey, memberRole, sentMs, receivedAtMs }: ProvenStatus, latencyMs: number): void {
    if (memberKey === undefined || memberRole !== ROLE_MEMBER || sentMs === 0) return;
    this.#parts.onMemberClock?.(memberKey, sentMs, receivedAtMs - latencyMs / 2);
  }

  #onRefused(peerId: string, session: Session, { cause, goodbye, coolDownMs }: Refusal): void {
    const live = this.#live(peerId, session);
    if (live === undefined) return;
    const { peer, link } = live;
    const isPassing = goodbye === GoodbyeReason.HANDSHAKE_FAILED && coolDownMs === undefined;
    // A refresh that failed costs a connected peer nothing but reliability; it may answer the next one.
    if (link.state === "connected" && isPassing) {
      peer.score = observe(peer.score, { isSuccess: false });
      return;
    }
    // One connection of several broke under the question.
    const isBroken = cause.reason === "CONNECTION_LOST" && this.#connectionTo(peerId) !== undefined;
    if (isBroken) return this.#greeter.ask(peerId, link.session);
    this.#parts.context.log.info("peer is refused", { peer: peerId, reason: cause.message });
    peer.failures++;
    this.#delayDial(peer, coolDownMs ?? dialDelayMs(peer.failures, this.#parts.context.random.next()));
    this.#waiters.answer(peerId, cause);
    this.#close(peer, goodbye, cause.message);
  }

  #onGoodbye(event: Extract<HostEvent, { type: "request" }>): void {
    const { context, host } = this.#parts;
    const { peerId } = event;
    const reason = this.#greeter.onGoodbye(event);
    const live = this.#live(peerId);
    if (live === undefined) return;
    context.log.info("peer says goodbye", { peer: peerId, reason });
    // A peer that shuts down comes back; one that has no room for us is not asked again at once.
    const isBack = reason === GoodbyeReason.SHUTDOWN || reason === GoodbyeReason.DUPLICATE_CONNECTION;
    this.#delayDial(live.peer, isBack ? dialDelayMs(0, context.random.next()) : COOL_DOWN_MS);
    const cause = failure("UNAVAILABLE", "PEER_LEFT", `${peerId} said goodbye: ${goodbyeName(reason)}`);
    this.#waiters.answer(peerId, cause);
    const closing: Link = { state: "closing" };
    this.#leave(live.peer, closing, cause.message);
    context.timers.after(GOODBYE_LINGER_MS, () => {
      if (live.peer.link !== closing) return;
      context.effect(host.hangUp(peerId), () => this.#settle(live.peer, closing));
    });
  }

  /** The delegation ended, or counts no more, while its peer was connected. */
  #endRole(peer: KnownPeer): void {
    const { link } = peer;
    if (link.state !== "connected") return;
    const status = withoutRole(link.status);
    peer.link = { ...link, status };
    this.#parts.host.admitPeer(peer.peerId, false);
    this.membership.set(peer, status);
    this.#parts.publish({ case: "updated", value: this.#view(peer) });
  }

  // --- endings ---

  /** Sends a peer away for a while. */
  #dismiss(peer: KnownPeer, goodbye: GoodbyeReason, done?: () => void): void {
    this.#delayDial(peer, COOL_DOWN_MS);
    if (SENT_AWAY.has(goodbye)) peer.refusedUntilMs = this.#nowMs() + COOL_DOWN_MS;
    if (this.#live(peer.peerId) === undefined) return done?.();
    const isFull = goodbye === GoodbyeReason.TOO_MANY_PEERS;
    const name = isFull ? "TOO_MANY_PEERS" : "PEER_DISMISSED";
    const cause = failure("RESOURCE_EXHAUSTED", name, `this node sends ${peer.peerId} away`);
    this.#waiters.answer(peer.peerId, cause);
    this.#close(peer, goodbye, `dismissed: ${goodbyeName(goodbye)}`, done);
  }

  #close(peer: KnownPeer, goodbye: GoodbyeReason, reason: string, done?: () => void): void {
    const closing: Link = { state: "closing" };
    this.#leave(peer, closing, reason);
    this.#parts.context.effect(this.#greeter.dismiss(peer.peerId, goodbye), () => {
      this.#settle(peer, closing);
      done?.();
    });
  }

  /** The end of a closing: a connection that came after the hanging up begins anew. */
  #settle(peer: KnownPeer, closing: Link): void {
    if (peer.link !== closing) return;
    peer.link = { state: "disconnected" };
    const connection = this.#connectionTo(peer.peerId);
    if (connection !== undefined) this.onOpened(connection);
  }

  #onBanned(peerId: string): void {
    this.#waiters.answer(peerId, failure("PERMISSION_DENIED", "PEER_BANNED", `${peerId} is banned`));
    const live = this.#live(peerId);
    // Nothing more is asked of it from this moment; the host closes its connections meanwhile.
    if (live !== undefined) this.#leave(live.peer, { state: "disconnected" }, "banned");
  }

  #leave(peer: KnownPeer, link: Link, reason: string): void {
    const wasConnected = peer.link.state === "connected";
    peer.link = link;
    if (!wasConnected) return;
    peer.lastSeenMs = this.#parts.context.clock.nowMs();
    this.#parts.book.markDirty(peer);
    this.#parts.publish({ case: "disconnected", value: { peerId: peer.peerId, reason } });
  }

  /** A connection of several closed: the link goes on over another. */
  #replace(peer: KnownPeer, closed: ConnectionInfo): void {
    const { link } = peer;
    if (link.state !== "handshaking" && link.state !== "connected") return;
    const connection = this.#connectionTo(peer.peerId);
    if (link.connection.id === closed.id && connection !== undefined) peer.link = { ...link, connection };
  }

  #delayDial(peer: KnownPeer, delayMs: number): void {
    peer.notBeforeMs = Math.max(peer.notBeforeMs, this.#nowMs() + delayMs);
  }

  #hangUp(peerId: string): void {
    const { context, host } = this.#parts;
    context.effect(host.hangUp(peerId), () => {});
  }

  /** The peer when it has a connection that is neither closing nor of another session. */
  #live(
    peerId: string,
    session?: Session,
  ): { readonly peer: KnownPeer; readonly link: LiveLink } | undefined {
    const peer = this.#parts.book.get(peerId);
    if (peer?.link.state !== "handshaking" && peer?.link.state !== "connected") return undefined;
    if (session !== undefined && peer.link.session !== session) return undefined;
    return { peer, link: peer.link };
  }

  #connectionTo(peerId: string): ConnectionInfo | undefined {
    return this.#parts.host.connections().find((connection) => connection.peerId === peerId);
  }

  #view(peer: KnownPeer) {
    return peerView(peer, this.#nowMs(), this.#parts.bans.find(peer.peerId) !== undefined);
  }

  /** Monotonic milliseconds: what waits goes by them. */
  #nowMs(): number {
    return this.#parts.context.clock.monotonicMs();
  }
}
