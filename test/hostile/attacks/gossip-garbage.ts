/** Whole messages on the gossip protocol that are no messages. */

import { randomBytes } from "node:crypto";
import { type Attack, atRate, persist } from "../attack.ts";
import { pour } from "../peer.ts";
import { framed } from "../wire.ts";

const PER_SECOND = 200;

/** A field of the schema whose length leads beyond the message. */
const BEYOND = Uint8Array.of(0x12, 0x7f);

export const attack: Attack = {
  claim: "two hundred gossip messages a second that cannot be decoded",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        const stream = await peer.open("/meshsub/1.2.0");
        await atRate(context, PER_SECOND, async () => {
          context.count("messages");
          return await pour(stream, framed(Buffer.concat([BEYOND, randomBytes(64)])));
        });
      },
      true,
    ),
};
