/** A known block with two megabytes of padding around it. */

import { randomBytes } from "node:crypto";
import { type Attack, atRate, persist } from "../attack.ts";
import { knownBlock, nameOf, pour } from "../peer.ts";
import { field, publication, subscription } from "../wire.ts";

const PADDING_BYTES = 2_000_000;
const PER_SECOND = 10;

export const attack: Attack = {
  claim: "a known block padded by 2 MB, ten times a second",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        const topic = nameOf(context.target.chain, "blocks");
        const block = await knownBlock(peer);
        const stream = await peer.open("/meshsub/1.2.0");
        await pour(stream, subscription([topic]));
        await atRate(context, PER_SECOND, async () => {
          context.count("messages");
          const padded = Buffer.concat([field(1, block), field(15, randomBytes(PADDING_BYTES))]);
          return await pour(stream, publication(topic, [padded]));
        });
      },
      true,
    ),
};
