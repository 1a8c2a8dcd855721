/** Two streams of libp2p's ping at half a megabyte a second each. */

import { randomBytes } from "node:crypto";
import { type Attack, atRate, keepOpening, persist, sideBySide } from "../attack.ts";
import { pour } from "../peer.ts";

const STREAMS = 2;
const BYTES = 16 * 1024;
const PER_SECOND = 64;

export const attack: Attack = {
  claim: "two ping streams at 1 MB/s each",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (peer) => {
        await sideBySide(STREAMS, () =>
          keepOpening(context, peer, "/ipfs/ping/1.0.0", (stream) =>
            atRate(context, PER_SECOND, async () => {
              context.count("bytes", BYTES);
              return await pour(stream, randomBytes(BYTES));
            }),
          ),
        );
      },
      true,
    ),
};
