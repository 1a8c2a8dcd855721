/** Streams that are opened and reset before they name a protocol, on four connections. */

import { type Attack, pause, persist, sideBySide } from "../attack.ts";
import { muxerOf } from "../muxer.ts";

const CONNECTIONS = 4;
const BURST = 50;

export const attack: Attack = {
  claim: "bare streams opened and reset on 4 connections",
  isPunished: true,
  run: (context) =>
    sideBySide(CONNECTIONS, () =>
      persist(
        context,
        async (_peer, connection) => {
          const muxer = muxerOf(connection);
          while (connection.status === "open") {
            for (let index = 0; index < BURST; index++) {
              const stream = await muxer.createStream();
              stream.abort(new Error("gone"));
              context.count("streams");
            }
            await pause(5);
          }
        },
        true,
      ),
    ),
};
