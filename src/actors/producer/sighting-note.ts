/**
 * The note of where our key was seen, as it lies beside the vote record: JSON, for whoever finds it there. What cannot be
 * read counts as a note all the same.
 */

import { fromHex, toHex } from "../../chain/hex.ts";
import type { Sighting } from "./signing-guard.ts";

const KINDS = ["delegation", "proposal", "approval", "block", "unreadable"] as const;

export function encodeNote({ kind, slot, hash, peerId, seenMs }: Sighting): Uint8Array {
  const note = { version: 1, kind, slot, hash: toHex(hash), peerId, seenMs };
  return new TextEncoder().encode(`${JSON.stringify(note, undefined, 2)}\n`);
}

/** Undefined only where there is no note. */
export function decodeNote(bytes: Uint8Array | undefined): Sighting | undefined {
  if (bytes === undefined) return undefined;
  try {
    const note = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const kind = KINDS.find((known) => known === note["kind"]);
    const slot = Number(note["slot"]);
    const hash = fromHex(String(note["hash"]));
    const seenMs = Number(note["seenMs"]);
    const isSound = kind !== undefined && Number.isSafeInteger(slot) && slot >= 0 && Number.isFinite(seenMs);
    if (note["version"] === 1 && isSound) return { kind, slot, hash, peerId: String(note["peerId"]), seenMs };
  } catch {
    // Not JSON, or no hexadecimal in it.
  }
  return { kind: "unreadable", slot: 0, hash: new Uint8Array(), peerId: "", seenMs: 0 };
}
