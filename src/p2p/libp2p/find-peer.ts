/**
 * Looking for peers in the DHT: a random walk, and one peer by its id. Both end at their deadline with what they have. And
 * whether a connected one answers.
 */

import { createHash } from "node:crypto";
import { peerIdFromString } from "@libp2p/peer-id";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { Random } from "../../kernel/ports/random.ts";
import { deadlineAfter } from "../deadline.ts";
import { hostFailure, toHostFailure } from "../failures.ts";
import type { DialOptions, FoundPeer } from "../port.ts";
import type { Node } from "./node.ts";

interface LookUpParts {
  readonly clock: Clock;
  readonly random: Random;
}

/** Addresses kept of one peer. */
const ADDRESSES_MAX = 16;

function found(peer: {
  id: { toString(): string };
  multiaddrs: readonly { toString(): string }[];
}): FoundPeer {
  return {
    peerId: peer.id.toString(),
    addresses: peer.multiaddrs.slice(0, ADDRESSES_MAX).map((address) => address.toString()),
  };
}

export async function walk(
  node: Node,
  parts: LookUpParts,
  limit: number,
  options: DialOptions,
): Promise<readonly FoundPeer[]> {
  const { dht } = node.services;
  if (dht === undefined) throw hostFailure("LOOKUP_DISABLED", "the DHT is off");
  const deadline = deadlineAfter(parts.clock, options.deadlineMs, "RESPONSE_DEADLINE", options.signal);
  const peers = new Map<string, FoundPeer>();
  const key = createHash("sha256").update(parts.random.bytes(32)).digest();
  try {
    for await (const event of dht.getClosestPeers(key, { signal: deadline.signal })) {
      if (event.name !== "PEER_RESPONSE" && event.name !== "FINAL_PEER") continue;
      const closer = event.name === "FINAL_PEER" ? [event.peer] : event.closer;
      for (const peer of closer) {
        if (peer.id.toString() !== node.peerId.toString()) peers.set(peer.id.toString(), found(peer));
      }
      if (peers.size >= limit) break;
    }
  } catch (thrown) {
    // A walk that ran out of time has found what it has found.
    if (!deadline.signal.aborted) throw toHostFailure(thrown, "DIAL_FAILED");
  } finally {
    deadline.dispose();
  }
  return [...peers.values()].slice(0, limit);
}

export async function findPeerById(
  node: Node,
  parts: LookUpParts,
  peerId: string,
  options: DialOptions,
): Promise<FoundPeer | undefined> {
  if (node.services.dht === undefined) throw hostFailure("LOOKUP_DISABLED", "the DHT is off");
  const deadline = deadlineAfter(parts.clock, options.deadlineMs, "RESPONSE_DEADLINE", options.signal);
  try {
    return found(await node.peerRouting.findPeer(peerIdFromString(peerId), { signal: deadline.signal }));
  } catch {
    // Not found, or not in time: the caller learns that it is not known where the peer is.
    return undefined;
  } finally {
    deadline.dispose();
  }
}

/** Round trip to a connected peer, milliseconds. */
export async function pingPeer(
  node: Node,
  clock: Clock,
  peerId: string,
  options: DialOptions,
): Promise<number> {
  const deadline = deadlineAfter(clock, options.deadlineMs, "FIRST_BYTE_DEADLINE", options.signal);
  try {
    return await node.services.ping.ping(peerIdFromString(peerId), { signal: deadline.signal });
  } catch (thrown) {
    throw toHostFailure(deadline.signal.aborted ? deadline.signal.reason : thrown, "CONNECTION_LOST");
  } finally {
    deadline.dispose();
  }
}
