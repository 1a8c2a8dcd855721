/** Three hundred connections from one address that say nothing at all. */

import { createConnection, type Socket } from "node:net";
import { type Attack, pause, sideBySide } from "../attack.ts";

const CONNECTIONS = 300;

export const attack: Attack = {
  claim: "300 silent TCP connections from one address",
  isPunished: true,
  isAgainstNewcomers: true,
  run: async (context) => {
    const [, , host = "", , port = ""] = context.target.address.split("/");
    await sideBySide(CONNECTIONS, async () => {
      while (!context.signal.aborted) {
        const socket = createConnection({ host, port: Number(port) });
        socket.on("error", () => undefined);
        context.count("connections");
        await closedOrOver(socket, context.signal);
        if (!context.signal.aborted) context.wasCut();
        socket.destroy();
        await pause(100);
      }
    });
  },
};

function closedOrOver(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
