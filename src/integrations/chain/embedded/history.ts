/**
 * Peaks of the Merkle mountain range at the heights where a fork may leave the chain. The range over all hashes is kept
 * as marks, one about every 64 blocks, in one small record that is written with the blocks; between two marks the
 * hashes themselves give the rest. Pure but for reading hashes.
 */

import { equalBytes } from "../../../chain/bytes.ts";
import { readUint64, writeUint64 } from "../../../chain/little-endian.ts";
import { MalformedError } from "../../../chain/malformed.ts";
import { appendHashes, peakCount } from "../../../chain/mmr.ts";
import { HASH_LENGTH } from "../../../storage/port.ts";

/** Peaks of the range over blocks 0 to count − 1, tallest first. */
export interface HistoryMark {
  readonly count: number;
  readonly peaks: readonly Uint8Array[];
}

/** The hashes of up to `count` canonical blocks from `firstHeight`, back to back. */
export type HashesBetween = (firstHeight: number, count: number) => Uint8Array;

/** Blocks between two marks at least. With segments of at most 64 blocks, between 64 and 127 hashes complete a mark. */
const MARK_SPACING = 64;

/**
 * Marks kept at most. Finality (64 blocks deep) needs three; where nothing becomes final the oldest goes at the bound,
 * and a fork below the marks is counted from genesis, which takes 50 ms for a million blocks.
 */
const MARKS_MAX = 64;

/** Hashes read at once while peaks are completed: 128 KiB. */
const RUN_HASHES = 4096;

/** The marks after the head moved to `mark.count` − 1: adds it if it is far enough, drops what finality left behind. */
export function withMark(
  marks: readonly HistoryMark[],
  mark: HistoryMark,
  finalHeight: number,
): readonly HistoryMark[] {
  const newest = marks.at(-1)?.count ?? 1;
  if (mark.count - newest < MARK_SPACING) return marks;
  const kept = [...marks, mark];
  // The newest mark at or below the final block stays: forks are counted on from it.
  while (kept.length > MARKS_MAX || (kept[1] !== undefined && kept[1].count <= finalHeight + 1)) kept.shift();
  return kept;
}

/** Those marks that lie on the chain up to `height`. */
export function marksUpTo(marks: readonly HistoryMark[], height: number): readonly HistoryMark[] {
  const last = marks.at(-1);
  return last === undefined || last.count <= height + 1
    ? marks
    : marks.filter(({ count }) => count <= height + 1);
}

/**
 * Peaks of the range over `count` blocks, at least 1, completed from the newest mark that fits. Undefined when hashes
 * are missing, as below an adopted checkpoint.
 */
export function peaksAt(
  marks: readonly HistoryMark[],
  genesisHash: Uint8Array,
  count: number,
  hashesBetween: HashesBetween,
): readonly Uint8Array[] | undefined {
  let { count: length, peaks } = marks.findLast((mark) => mark.count <= count) ?? {
    count: 1,
    peaks: [genesisHash] as readonly Uint8Array[],
  };
  while (length < count) {
    const hashes = hashesBetween(length, Math.min(RUN_HASHES, count - length));
    if (hashes.length === 0) return undefined;
    peaks = appendHashes(peaks, length, hashes);
    length += hashes.length / HASH_LENGTH;
  }
  return peaks;
}

/** The record: genesis hash, then each mark as count u64 and its peaks. */
export function encodeMarks(genesisHash: Uint8Array, marks: readonly HistoryMark[]): Uint8Array {
  const length = marks.reduce((sum, { peaks }) => sum + 8 + peaks.length * HASH_LENGTH, HASH_LENGTH);
  const bytes = new Uint8Array(length);
  bytes.set(genesisHash);
  let offset = HASH_LENGTH;
  for (const { count, peaks } of marks) {
    writeUint64(bytes, offset, count);
    offset += 8;
    for (const peak of peaks) {
      bytes.set(peak, offset);
      offset += HASH_LENGTH;
    }
  }
  return bytes;
}

/** Undefined when the record is of another chain. Throws MalformedError when it is no record. */
export function decodeMarks(bytes: Uint8Array, genesisHash: Uint8Array): readonly HistoryMark[] | undefined {
  if (bytes.length < HASH_LENGTH) throw new MalformedError(`history record has ${bytes.length} bytes`);
  if (!equalBytes(bytes.subarray(0, HASH_LENGTH), genesisHash)) return undefined;
  const marks: HistoryMark[] = [];
  for (let offset = HASH_LENGTH; offset < bytes.length; ) {
    if (bytes.length - offset < 8) throw new MalformedError("history record is cut short");
    const count = readUint64(bytes, offset, "count of a history mark");
    const end = offset + 8 + peakCount(count) * HASH_LENGTH;
    if (end > bytes.length) throw new MalformedError("history record is cut short");
    const peaks: Uint8Array[] = [];
    for (let at = offset + 8; at < end; at += HASH_LENGTH) peaks.push(bytes.slice(at, at + HASH_LENGTH));
    marks.push({ count, peaks });
    offset = end;
  }
  return marks;
}
