/** What an organ that asks peers for blocks is given in its direct tests: peers that hold a chain, the law of asking, effects kept. */

import { create } from "@bufbuild/protobuf";
import { PeerInfoSchema } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import type { SyncEffect } from "../../../../src/actors/sync/effect.ts";
import { SyncMetrics } from "../../../../src/actors/sync/metrics.ts";
import { BlockRequests } from "../../../../src/actors/sync/range/block-requests.ts";
import { QuotaLedger } from "../../../../src/actors/sync/range/quota.ts";
import { SyncPeers } from "../../../../src/actors/sync/sync-peers.ts";
import { decodeHeader, HEADER_LENGTH, headerHash } from "../../../../src/chain/header.ts";

type Type = SyncEffect["type"];

export const TIMING = { latencyMs: 5, durationMs: 10, bytes: 1_000 };

export class Asking {
  readonly peers = new SyncPeers();
  readonly quota = new QuotaLedger();
  readonly metrics = new SyncMetrics();
  readonly effects: SyncEffect[] = [];
  readonly effect = (effect: SyncEffect): void => void this.effects.push(effect);
  readonly requests = new BlockRequests(this);
  nowMs = 1_000;

  /** Connected, with this block as its head. */
  join(
    peerId: string,
    head: Uint8Array,
    more: { score?: number; earliest?: number; address?: string } = {},
  ): void {
    const header = head.subarray(0, HEADER_LENGTH);
    const { height, slot } = decodeHeader(header);
    this.peers.put(
      create(PeerInfoSchema, {
        peerId,
        score: { overall: more.score ?? 50 },
        earliestHeight: BigInt(more.earliest ?? 1),
        remoteAddress: more.address ?? "",
        head: { height: BigInt(height), slot: BigInt(slot), hash: headerHash(header) },
      }),
      this.nowMs,
    );
  }

  /** Effects of one type, oldest first. */
  of<T extends Type>(type: T): Extract<SyncEffect, { type: T }>[] {
    return this.effects.filter((effect): effect is Extract<SyncEffect, { type: T }> => effect.type === type);
  }

  /** The newest effect of a type; it must be there. */
  last<T extends Type>(type: T): Extract<SyncEffect, { type: T }> {
    const newest = this.of(type).at(-1);
    if (newest === undefined) throw new Error(`nothing wants ${type}`);
    return newest;
  }
}
