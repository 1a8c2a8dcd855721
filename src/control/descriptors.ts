/**
 * How many more files and sockets this process may open: a connection takes one, and what the node needs for itself
 * (its store, its tokens, its log) must stay. Asked by `connections.ts` before it takes a connection in.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Clock } from "../kernel/ports/clock.ts";

/** A count of what is open is used again for so long: counting costs a few microseconds a descriptor. */
const COUNTED_MS = 100;

export interface Descriptors {
  /** How many more may be opened; infinity where the operating system does not say. */
  left(): number;
  /** One more was opened, or is about to be. */
  took(): void;
}

/** Those of this process, where there is a /proc; elsewhere as many as one likes. */
export function processDescriptors(clock: Clock): Descriptors {
  const max = limitOf(readText("/proc/self/limits"));
  let open = 0;
  let countedMs = Number.NEGATIVE_INFINITY;
  return {
    left: () => {
      const nowMs = clock.monotonicMs();
      if (nowMs - countedMs >= COUNTED_MS) {
        open = countOpen();
        countedMs = nowMs;
      }
      return max - open;
    },
    took: () => {
      open += 1;
    },
  };
}

/** The soft limit of open files in a text like /proc/self/limits; infinity without one. */
export function limitOf(limits: string): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

function countOpen(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch (thrown) {
    // No descriptor was left to count them with: that says it all. Elsewhere there is no such folder, and no limit known.
    const { code } = thrown as NodeJS.ErrnoException;
    return code === "EMFILE" || code === "ENFILE" ? Number.MAX_SAFE_INTEGER : 0;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
