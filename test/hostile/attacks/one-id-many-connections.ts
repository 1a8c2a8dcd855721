/** Twenty connections of each of ten peer ids: one address, and few ids, that want every inbound slot. */

import { type Attack, pause, sideBySide } from "../attack.ts";
import { HostilePeer } from "../peer.ts";

const IDS = 10;
const CONNECTIONS = 20;

export const attack: Attack = {
  claim: "20 connections of each of 10 peer ids from one address",
  isPunished: true,
  isAgainstNewcomers: true,
  run: (context) =>
    sideBySide(IDS, async () => {
      const peer = await HostilePeer.create(context.target);
      while (!context.signal.aborted) {
        await sideBySide(CONNECTIONS, async () => {
          try {
            const connection = await peer.connect(true);
            context.count("connections");
            connection.addEventListener("close", () => context.wasCut());
          } catch {
            context.count("refused");
            context.wasCut();
          }
        });
        await pause(2_000);
      }
      await peer.stop();
    }),
};
