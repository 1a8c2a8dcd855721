/** Requests of `checkpoint/1` as bytes: reading a peer's, writing ours. Pure. */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CheckpointRequestSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";

export interface CheckpointWish {
  /** 0: the newest. */
  readonly heightMax: number;
  readonly knownChangeHeight: number;
}

export function encodeCheckpointRequest(wish: {
  readonly heightMax: bigint;
  readonly knownChangeHeight: bigint;
}): Uint8Array {
  const { heightMax, knownChangeHeight } = wish;
  return toBinary(CheckpointRequestSchema, create(CheckpointRequestSchema, { heightMax, knownChangeHeight }));
}

/** A peer's request; undefined when it is malformed or names heights that no chain has. */
export function decodeCheckpointRequest(payload: Uint8Array): CheckpointWish | undefined {
  try {
    const request = fromBinary(CheckpointRequestSchema, payload);
    const heightMax = Number(request.heightMax);
    const knownChangeHeight = Number(request.knownChangeHeight);
    const isSafe = Number.isSafeInteger(heightMax) && Number.isSafeInteger(knownChangeHeight);
    return isSafe ? { heightMax, knownChangeHeight } : undefined;
  } catch {
    return undefined;
  }
}
