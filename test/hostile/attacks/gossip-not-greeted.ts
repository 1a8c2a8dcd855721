/** Gossip of a megabyte a message from a peer that never greeted. */

import { randomBytes } from "node:crypto";
import { type Attack, keepOpening, persist } from "../attack.ts";
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
        await keepOpening(context, peer, "/meshsub/1.2.0", async (stream) => {
          const message = publication(nameOf(context.target.chain, "transactions"), [
            field(1, randomBytes(BYTES)),
          ]);
          while (await pour(stream, message)) context.count("messages");
        });
      },
      false,
    ),
};
