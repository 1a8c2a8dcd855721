/** FIND_NODE as fast as it goes, by a peer that has greeted: the one call that is served, beyond its limit. */

import { randomBytes } from "node:crypto";
import { type Attack, atRate, keepOpening, persist, sideBySide } from "../attack.ts";
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
        await sideBySide(STREAMS, () =>
          keepOpening(context, peer, nameOf(context.target.chain, "kad"), (stream) =>
            atRate(context, PER_SECOND / STREAMS, async () => {
              context.count("messages");
              return await pour(stream, kademlia(KAD.findNode, randomBytes(32)));
            }),
          ),
        );
      },
      true,
    ),
};
