/** Four hundred requests for ranges a second from one peer. */

import { create, toBinary } from "@bufbuild/protobuf";
import { BlocksByRangeRequestSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";
import { type Attack, atRate, persist } from "../attack.ts";
import { nameOf } from "../peer.ts";
import { framed } from "../wire.ts";

const PER_SECOND = 400;

export const attack: Attack = {
  claim: "400 requests for ranges a second from one peer",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        const request = toBinary(
          BlocksByRangeRequestSchema,
          create(BlocksByRangeRequestSchema, { startHeight: 1n, count: 64 }),
        );
        await atRate(context, PER_SECOND, async () => {
          const stream = await peer.open(nameOf(context.target.chain, "blocks-by-range"));
          stream.addEventListener("message", () => undefined);
          stream.send(framed(request));
          context.count("requests");
          return true;
        });
      },
      true,
    ),
};
