/** Requests of two megabytes on the members' protocol from a peer that is none. */

import { randomBytes } from "node:crypto";
import { type Attack, keepOpening, persist } from "../attack.ts";
import { nameOf, pour } from "../peer.ts";
import { framed } from "../wire.ts";

const BYTES = 2_000_000;

export const attack: Attack = {
  claim: "federation requests of 2 MB from a peer that is no member",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        await keepOpening(context, peer, nameOf(context.target.chain, "federation"), async (stream) => {
          context.count("requests");
          await pour(stream, framed(randomBytes(BYTES)));
        });
      },
      true,
    ),
};
