/** A known block again and again, each copy with another unknown field, so that its bytes are new. */

import { type Attack, atRate, persist } from "../attack.ts";
import { knownBlock, nameOf, pour } from "../peer.ts";
import { field, publication, subscription } from "../wire.ts";

const PER_SECOND = 2_000;

export const attack: Attack = {
  claim: "2,000 copies a second of a known block, each with an unknown field",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        const topic = nameOf(context.target.chain, "blocks");
        const block = await knownBlock(peer);
        const stream = await peer.open("/meshsub/1.2.0");
        await pour(stream, subscription([topic]));
        let number = Math.floor(performance.now());
        await atRate(context, PER_SECOND, async () => {
          number += 1;
          context.count("messages");
          return await pour(
            stream,
            publication(topic, [Buffer.concat([field(1, block), field(15, number)])]),
          );
        });
      },
      true,
    ),
};
