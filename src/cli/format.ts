/**
 * How values look to people: grouped numbers, durations, times, sizes, hashes, names of enum values. Pure.
 */
import type { DescEnum } from "@bufbuild/protobuf";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { toHex } from "../chain/hex.ts";

const NUMBER = new Intl.NumberFormat("en-US");

/** 1234567 as "1,234,567", of any size. */
export function grouped(value: bigint | number): string {
  return NUMBER.format(value);
}

/** "850 ms", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h": two units at most. */
export function duration(milliseconds: bigint | number): string {
  const ms = Number(milliseconds);
  if (!Number.isFinite(ms)) return "?";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return pair(minutes, "min", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return pair(hours, "h", minutes % 60, "min");
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

const SIZE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** "512 B", "1.5 MiB". */
export function size(bytes: bigint | number): string {
  let value = Number(bytes);
  let unit = 0;
  while (value >= 1_024 && unit < SIZE_UNITS.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  const text = unit === 0 || value >= 100 ? String(Math.round(value)) : value.toFixed(1);
  return `${text} ${SIZE_UNITS[unit] ?? ""}`;
}

/** Bytes as hex with 0x, or "-" for none. */
export function hash(bytes: Uint8Array | undefined): string {
  return bytes === undefined || bytes.length === 0 ? "-" : `0x${toHex(bytes)}`;
}

/** "0xa1b2c3d4…": enough to tell two apart. */
export function shortHash(bytes: Uint8Array | undefined): string {
  if (bytes === undefined || bytes.length <= 6) return hash(bytes);
  return `0x${toHex(bytes.subarray(0, 4))}…`;
}

/** "2026-03-01 12:00:05Z", or "-". */
export function time(timestamp: Timestamp | undefined): string {
  if (timestamp === undefined) return "-";
  return timeOfMs(timestampMs(timestamp));
}

export function timeOfMs(unixMs: bigint | number): string {
  const date = new Date(Number(unixMs));
  if (Number.isNaN(date.getTime())) return "-";
  return `${date.toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/** Value of an enum without its prefix, in small letters: SYNC_STATE_CATCH_UP as "catch up". */
export function enumName(description: DescEnum, value: number): string {
  const found = description.value[value];
  if (found === undefined) return String(value);
  return found.localName.toLowerCase().replaceAll("_", " ");
}

export function yesNo(isTrue: boolean): string {
  return isTrue ? "yes" : "no";
}
