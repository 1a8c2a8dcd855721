/**
 * Loaded into a node before anything else (NODE_OPTIONS): its wall clock is off by as many milliseconds as the file
 * WALL_CLOCK_FILE says, from a moment after the file was written. The monotonic clock and timers stay as they are.
 */

import { readFileSync } from "node:fs";

const READ_AGAIN_MS = 20;

const RealDate = globalThis.Date;
const file = process.env["WALL_CLOCK_FILE"];
let offMs = 0;
let readMs = Number.NEGATIVE_INFINITY;

function nowMs(): number {
  if (file !== undefined && performance.now() - readMs > READ_AGAIN_MS) {
    readMs = performance.now();
    try {
      offMs = Number(readFileSync(file, "utf8"));
    } catch {
      // Not written yet: the clock is right.
      offMs = 0;
    }
  }
  return RealDate.now() + offMs;
}

// Every way to ask for the time, or two libraries of one process would live at different times.
globalThis.Date = new Proxy(RealDate, {
  get: (target, name) => (name === "now" ? nowMs : Reflect.get(target, name)),
  construct: (target, args, newTarget) =>
    Reflect.construct(
      target,
      args.length === 0 ? [nowMs()] : args,
      newTarget === globalThis.Date ? target : newTarget,
    ),
  apply: () => new RealDate(nowMs()).toString(),
});
