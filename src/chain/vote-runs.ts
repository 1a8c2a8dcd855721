/**
 * Runs: in which slots a member may have voted, as ranges, beside the last vote itself. A gap in time begins a new run, so
 * that what was signed by a clock far ahead stands apart from what was signed by a right one, and can be given up as a
 * whole: slots of a run that was given up are never voted in, whatever the clocks say. Pure.
 */
import { readUint64, writeUint64 } from "./little-endian.ts";
import { MalformedError } from "./malformed.ts";

/** Slots from the first to the last, both in it. */
export interface SlotRange {
  readonly first: number;
  readonly last: number;
}

export interface VoteRuns {
  /** Ascending; the last one ends with the last vote. Empty: nothing is known of the votes before it. */
  readonly runs: readonly SlotRange[];
  /** Given up: no slot of them is voted in any more. Ascending, none wholly below the last vote. */
  readonly spent: readonly SlotRange[];
}

export const NO_RUNS: VoteRuns = { runs: [], spent: [] };

/** Slots without a vote after which the next vote begins a run: a minute. A clock that is ahead by less bars for less. */
const GAP_SLOTS = 30;

/** Of each kind; at the bound the two lowest become one, which covers the slots between them too. */
const RANGES_MAX = 8;

/** After a vote in `slot`, which lies above `lastSlot` (undefined: there was no vote). */
export function withVote({ runs, spent }: VoteRuns, lastSlot: number | undefined, slot: number): VoteRuns {
  const kept = spent.filter(({ last }) => last > slot);
  const current = runs.at(-1);
  if (lastSlot === undefined) return { runs: [{ first: slot, last: slot }], spent: kept };
  // A record of before there were runs: any slot up to it may have been voted in.
  if (current === undefined) return withVote({ runs: [{ first: 0, last: lastSlot }], spent }, lastSlot, slot);
  const isNew = slot - current.last > GAP_SLOTS;
  // What was given up below this vote was voted in once: it is a run again, to be given up with this one if need be.
  const passed = spent.filter(({ last }) => last <= slot);
  const next = isNew
    ? [...runs, ...passed, { first: slot, last: slot }]
    : [...runs.slice(0, -1), { ...current, last: slot }];
  return { runs: bounded(next), spent: kept };
}

/** Whether no vote may be cast in this slot because it was given up. */
export function isSpent({ spent }: VoteRuns, slot: number): boolean {
  return spent.some(({ first, last }) => first <= slot && slot <= last);
}

/** Gives up every run that lies wholly after `nowSlot` and its successor; undefined when there is none. */
export function withoutFuture({ runs, spent }: VoteRuns, nowSlot: number): VoteRuns | undefined {
  const future = runs.filter(({ first }) => first > nowSlot + 1);
  if (future.length === 0) return undefined;
  const kept = runs.filter(({ first }) => first <= nowSlot + 1);
  const given = [...spent, ...future].sort((left, right) => left.first - right.first);
  return { runs: kept, spent: bounded(given) };
}

function bounded(ranges: readonly SlotRange[]): readonly SlotRange[] {
  const [lowest, second, ...rest] = ranges;
  if (ranges.length <= RANGES_MAX || lowest === undefined || second === undefined) return ranges;
  return bounded([{ first: lowest.first, last: Math.max(lowest.last, second.last) }, ...rest]);
}

/** Two lists, each a count (u8) and so many times two u64. */
export function encodeRuns({ runs, spent }: VoteRuns): Uint8Array {
  const bytes = new Uint8Array(2 + 16 * (runs.length + spent.length));
  let at = 0;
  for (const ranges of [runs, spent]) {
    bytes[at++] = ranges.length;
    for (const { first, last } of ranges) {
      writeUint64(bytes, at, first);
      writeUint64(bytes, at + 8, last);
      at += 16;
    }
  }
  return bytes;
}

/** Throws MalformedError. */
export function decodeRuns(bytes: Uint8Array): VoteRuns {
  let at = 0;
  const list = (): SlotRange[] => {
    const count = bytes[at++] ?? RANGES_MAX + 1;
    if (count > RANGES_MAX || at + 16 * count > bytes.length) throw new MalformedError("runs of votes");
    return Array.from({ length: count }, () => {
      const first = readUint64(bytes, at, "first slot of a run");
      const last = readUint64(bytes, at + 8, "last slot of a run");
      at += 16;
      if (first > last) throw new MalformedError("a run of votes ends before it begins");
      return { first, last };
    });
  };
  const decoded = { runs: list(), spent: list() };
  if (at !== bytes.length) throw new MalformedError("bytes after the runs of votes");
  return decoded;
}
