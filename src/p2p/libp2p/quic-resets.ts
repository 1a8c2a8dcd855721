/**
 * Tells a reset QUIC stream from one whose remote closed its half. The library reports both as an ended half; only its log
 * says that reading broke. So QUIC's streams get a log that remembers. Over TCP the muxer reports a reset as such.
 */

import type { ComponentLogger, Logger, Stream } from "@libp2p/interface";

/** How the library words it; the contract of hosts over QUIC fails when it no longer does. */
const READ_BROKE = "read ended";

const broken = new WeakSet<Logger>();

/** The same logger, whose logs remember that reading a stream broke. */
export function rememberingResets(logger: ComponentLogger): ComponentLogger {
  return { forComponent: (name) => remembering(logger.forComponent(name)) };
}

/** The remote reset the stream, or its connection is gone: nobody waits for anything on it. */
export function wasReset(stream: Stream): boolean {
  return broken.has(stream.log);
}

function remembering(log: Logger): Logger {
  const own = (format: unknown, ...values: unknown[]): void => log(format, ...values);
  const remembered: Logger = Object.assign(own, {
    enabled: log.enabled,
    error: (format: unknown, ...values: unknown[]) => log.error(format, ...values),
    trace: (format: unknown, ...values: unknown[]) => {
      if (typeof format === "string" && format.startsWith(READ_BROKE)) broken.add(remembered);
      log.trace(format, ...values);
    },
    newScope: (name: string) => log.newScope(name),
  });
  return remembered;
}
