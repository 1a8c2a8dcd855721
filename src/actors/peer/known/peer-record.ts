/**
 * A known peer as the book keeps it: it tells its index whenever something changes by which it is looked up; and what of it is
 * stored and read again after a restart.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  AddressSource,
  type PeerAddress,
  PeerAddressSchema,
  type PeerInfo,
  PeerInfoSchema,
  PeerType,
} from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { judgeAddress, type Reach } from "../../../p2p/dial-address.ts";
import { CLEAN, type Reputation } from "../reputation.ts";
import { NEW_SCORE, type ScoreState } from "../score.ts";
import { bounded, isClaim, type KnownAddress } from "./address-list.ts";
import type { KnownPeer, Link } from "./known-peer.ts";

/** What the index looks a peer up by. Assigning one of them tells it. */
interface Indexed {
  addresses: readonly KnownAddress[];
  isBootstrap: boolean;
  isReserved: boolean;
  link: Link;
  score: ScoreState;
  reputation: Reputation;
  lastSeenMs: number;
  failures: number;
  notBeforeMs: number;
}

export class TrackedPeer implements KnownPeer {
  readonly peerId: string;
  /** Peers known for longer have the lower one. */
  readonly order: number;
  readonly #onChange: (peer: KnownPeer) => void;
  readonly #indexed: Indexed = {
    addresses: [],
    isBootstrap: false,
    isReserved: false,
    link: { state: "disconnected" },
    score: NEW_SCORE,
    reputation: CLEAN,
    lastSeenMs: 0,
    failures: 0,
    notBeforeMs: 0,
  };
  assignedType = PeerType.UNSPECIFIED;
  isNamed = false;
  isOfOtherChain = false;
  reservedFor: Uint8Array | undefined;
  memberKey: Uint8Array | undefined;
  memberRole = 0;
  memberUntilMs = 0;
  refusedUntilMs = 0;
  askedMs = Number.NEGATIVE_INFINITY;
  requestsAnswered = 0;
  requestsFailed = 0;
  blocksServed = 0;
  bytesServed = 0;

  constructor(peerId: string, order: number, onChange: (peer: KnownPeer) => void) {
    this.peerId = peerId;
    this.order = order;
    this.#onChange = onChange;
  }

  get addresses(): readonly KnownAddress[] {
    return this.#indexed.addresses;
  }
  set addresses(addresses: readonly KnownAddress[]) {
    this.#set("addresses", addresses);
  }
  get isBootstrap(): boolean {
    return this.#indexed.isBootstrap;
  }
  set isBootstrap(isBootstrap: boolean) {
    this.#set("isBootstrap", isBootstrap);
  }
  get isReserved(): boolean {
    return this.#indexed.isReserved;
  }
  set isReserved(isReserved: boolean) {
    this.#set("isReserved", isReserved);
  }
  get link(): Link {
    return this.#indexed.link;
  }
  set link(link: Link) {
    this.#set("link", link);
  }
  get score(): ScoreState {
    return this.#indexed.score;
  }
  set score(score: ScoreState) {
    this.#set("score", score);
  }
  get reputation(): Reputation {
    return this.#indexed.reputation;
  }
  set reputation(reputation: Reputation) {
    this.#set("reputation", reputation);
  }
  get lastSeenMs(): number {
    return this.#indexed.lastSeenMs;
  }
  set lastSeenMs(lastSeenMs: number) {
    this.#set("lastSeenMs", lastSeenMs);
  }
  get failures(): number {
    return this.#indexed.failures;
  }
  set failures(failures: number) {
    this.#set("failures", failures);
  }
  get notBeforeMs(): number {
    return this.#indexed.notBeforeMs;
  }
  set notBeforeMs(notBeforeMs: number) {
    this.#set("notBeforeMs", notBeforeMs);
  }

  #set<K extends keyof Indexed>(key: K, value: Indexed[K]): void {
    this.#indexed[key] = value;
    this.#onChange(this);
  }
}

/** Only what is of use after a restart: addresses, class, membership, when it was seen. */
export function encodePeer(peer: KnownPeer): Uint8Array {
  return toBinary(
    PeerInfoSchema,
    create(PeerInfoSchema, {
      peerId: peer.peerId,
      addresses: peer.addresses.map(({ address }) => address),
      addressRecords: addressRecords(peer),
      peerType: peer.assignedType,
      memberKey: peer.memberKey ?? new Uint8Array(),
      memberRole: peer.memberRole,
      ...(peer.memberUntilMs === 0 ? {} : { memberExpires: timestampFromMs(peer.memberUntilMs) }),
      ...(peer.lastSeenMs === 0 ? {} : { lastSeen: timestampFromMs(peer.lastSeenMs) }),
    }),
  );
}

export function addressRecords({ addresses }: Pick<KnownPeer, "addresses">): PeerAddress[] {
  return addresses.map(({ address, source, failures, reachedMs, namedMs }) =>
    create(PeerAddressSchema, {
      ...{ address, source, failures },
      ...(reachedMs === 0 ? {} : { lastReached: timestampFromMs(reachedMs) }),
      ...(namedMs === 0 ? {} : { lastNamed: timestampFromMs(namedMs) }),
    }),
  );
}

/** Undefined when the bytes are no record. */
export function decodePeer(bytes: Uint8Array): PeerInfo | undefined {
  try {
    return fromBinary(PeerInfoSchema, bytes.slice());
  } catch {
    return undefined;
  }
}

/** Puts what was stored into a new record. */
export function restore(peer: KnownPeer, info: PeerInfo, reach: Reach): void {
  const isMember = info.memberKey.length > 0;
  peer.lastSeenMs = info.lastSeen === undefined ? 0 : timestampMs(info.lastSeen);
  peer.addresses = restoredAddresses(info, reach);
  peer.assignedType = info.peerType;
  peer.isReserved = isMember;
  peer.reservedFor = isMember ? info.memberKey.slice() : undefined;
  peer.memberKey = isMember ? info.memberKey.slice() : undefined;
  peer.memberRole = info.memberRole;
  peer.memberUntilMs = info.memberExpires === undefined ? 0 : timestampMs(info.memberExpires);
}

/** Stored addresses are judged as all others are; those of records that know no sources are claims. */
function restoredAddresses(info: PeerInfo, reach: Reach): readonly KnownAddress[] {
  const plain = info.addresses.map((address) => create(PeerAddressSchema, { address }));
  const records = info.addressRecords.length > 0 ? info.addressRecords : plain;
  const known = records.flatMap(({ address, source, lastReached, lastNamed, failures }) => {
    // A later version may know sources that this one does not.
    const isKnown = Object.values<number>(AddressSource).includes(source);
    const entry = {
      source: isKnown ? source : AddressSource.UNSPECIFIED,
      failures,
      reachedMs: lastReached === undefined ? 0 : timestampMs(lastReached),
      namedMs: lastNamed === undefined ? 0 : timestampMs(lastNamed),
    };
    const judged = judgeAddress(address, info.peerId, !isClaim(entry), reach);
    return judged.ok ? [{ ...entry, address: judged.value.address, target: judged.value.target }] : [];
  });
  return bounded([...new Map(known.map((each) => [each.address, each])).values()]);
}
