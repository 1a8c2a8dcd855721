/** Requests for ranges that are no requests, each sent whole. */

import { randomBytes } from "node:crypto";
import { type Attack, atRate, persist } from "../attack.ts";
import { nameOf } from "../peer.ts";
import { framed } from "../wire.ts";

const PER_SECOND = 40;

export const attack: Attack = {
  claim: "forty malformed requests a second, below every limit",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        await atRate(context, PER_SECOND, async () => {
          const stream = await peer.open(nameOf(context.target.chain, "blocks-by-range"));
          stream.addEventListener("message", () => undefined);
          stream.send(framed(Buffer.concat([Uint8Array.of(0xff), randomBytes(16)])));
          context.count("requests");
          return true;
        });
      },
      true,
    ),
};
