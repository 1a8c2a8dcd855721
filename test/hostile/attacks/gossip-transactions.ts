/** Two thousand made-up transactions a second from a peer that has greeted. */

import { randomBytes } from "node:crypto";
import { type Attack, atRate, persist } from "../attack.ts";
import { nameOf, pour } from "../peer.ts";
import { field, publication, subscription } from "../wire.ts";

const PER_SECOND = 2_000;
const BYTES = 1_024;

export const attack: Attack = {
  claim: "2,000 transactions of 1 KiB a second, greeted",
  // Each is a transaction that the embedded engine accepts: it is limited, and need not be punished.
  isPunished: false,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        const topic = nameOf(context.target.chain, "transactions");
        const stream = await peer.open("/meshsub/1.2.0");
        await pour(stream, subscription([topic]));
        await atRate(context, PER_SECOND, async () => {
          context.count("messages");
          return await pour(stream, publication(topic, [field(1, randomBytes(BYTES))]));
        });
      },
      true,
    ),
};
