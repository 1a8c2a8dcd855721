/** Gossip of a megabyte a message from a peer that never greeted. */

import { randomBytes } from "node:crypto";
import { type Attack, persist } from "../attack.ts";
import { nameOf, pour } from "../peer.ts";
import { field, publication } from "../wire.ts";

const BYTES = 1_000_000;

export const attack: Attack = {
  claim: "gossip of 1 MB a message, not greeted",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        const stream = await peer.open("/meshsub/1.2.0");
        for (;;) {
          const message = publication(nameOf(context.target.chain, "transactions"), [
            field(1, randomBytes(BYTES)),
          ]);
          context.count("messages");
          if (!(await pour(stream, message))) return;
        }
      },
      false,
    ),
};
