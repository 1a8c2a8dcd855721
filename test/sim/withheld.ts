/**
 * Withheld ranges: honest nodes that for a while have nothing to answer to one asker from some height on, though the
 * blocks exist. Owned by the world; each node's host asks it before it answers.
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { BlocksByRangeResponseSchema } from "../../gen/alys/wire/v1/wire_pb.ts";
import { decodeRangeRequest } from "../../src/actors/network/ranges.ts";
import type { ChainPort } from "../../src/integrations/chain/port.ts";
import type { HostEvent } from "../../src/p2p/port.ts";

type RequestEvent = Extract<HostEvent, { type: "request" }>;

const ANSWER_BYTES_MAX = 1 << 20;

export class Withheld {
  #from: { readonly peerId: string; readonly height: number } | undefined;
  /** Batches that were cut short or not answered at all. */
  occasions = 0;

  /** Nobody answers this peer with blocks of this height or above. */
  begin(peerId: string, height: number): void {
    this.#from = { peerId, height };
  }

  end(): void {
    this.#from = undefined;
  }

  /** What is answered in place of the range; undefined: the node's own answer. */
  answer(event: RequestEvent, chain: ChainPort): Uint8Array[] | undefined {
    const { peerId, protocol, payload } = event;
    if (this.#from?.peerId !== peerId || protocol !== "blocks-by-range") return undefined;
    const range = decodeRangeRequest(payload);
    if (range === undefined || range.startHeight + range.count <= this.#from.height) return undefined;
    this.occasions += 1;
    const count = Math.max(0, this.#from.height - range.startHeight);
    if (count === 0) return [];
    const blocks = chain.readRange(range.startHeight, count, ANSWER_BYTES_MAX);
    return [toBinary(BlocksByRangeResponseSchema, create(BlocksByRangeResponseSchema, { blocks }))];
  }
}
