/** Twenty peers that ask for ranges and never read an answer. */

import { create, toBinary } from "@bufbuild/protobuf";
import { BlocksByRangeRequestSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";
import { type Attack, pause, persist, sideBySide } from "../attack.ts";
import { nameOf } from "../peer.ts";
import { framed } from "../wire.ts";

const PEERS = 20;

export const attack: Attack = {
  claim: "20 peers that never read the ranges they ask for",
  isPunished: true,
  run: (context) =>
    sideBySide(PEERS, () =>
      persist(
        context,
        async (peer, connection) => {
          const request = toBinary(
            BlocksByRangeRequestSchema,
            create(BlocksByRangeRequestSchema, { startHeight: 1n, count: 1024 }),
          );
          while (connection.status === "open") {
            const stream = await peer.open(nameOf(context.target.chain, "blocks-by-range"));
            stream.pause();
            stream.send(framed(request));
            context.count("requests");
            await pause(300);
          }
        },
        true,
      ),
    ),
};
