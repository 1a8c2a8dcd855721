/**
 * Deadlines beyond 24 days: grpc-js counts them in 32 bits and calls them passed. Such a call gets the longest that a timer
 * takes, which no call here reaches but a stream that is left open so long.
 */

import { BaseServerInterceptingCall } from "@grpc/grpc-js/build/src/server-interceptors.js";
import { assert } from "../kernel/errors.ts";

/** In seconds, below 2^31 ms. */
const DEADLINE_S_MAX = 2_147_483;

const SECONDS: Readonly<Record<string, number>> = { H: 3_600, M: 60, S: 1, m: 1e-3, u: 1e-6, n: 1e-9 };

/** The header as grpc-js can take it; one that is malformed is left for it to refuse. */
export function boundedTimeout(header: string): string {
  const [, digits = "", unit = ""] = /^(\d{1,8})\s*([HMSmun])$/.exec(header) ?? [];
  return Number(digits) * (SECONDS[unit] ?? 0) > DEADLINE_S_MAX ? `${DEADLINE_S_MAX}S` : header;
}

interface TimeoutReader {
  handleTimeoutHeader(header: string): void;
}

let isInstalled = false;

/** Makes every server of this process take long deadlines. Idempotent. */
export function takeLongDeadlines(): void {
  if (isInstalled) return;
  isInstalled = true;
  const reader = BaseServerInterceptingCall.prototype as unknown as TimeoutReader;
  assert(typeof reader.handleTimeoutHeader === "function", "grpc-js reads the timeout of a call");
  const { handleTimeoutHeader } = reader;
  reader.handleTimeoutHeader = function (header) {
    handleTimeoutHeader.call(this, boundedTimeout(header));
  };
}
