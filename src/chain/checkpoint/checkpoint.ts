/**
 * Checkpoint: header, approval, set of authorities and mountain range of one block, as SSZ. Enough to continue the chain
 * above that block and to prove what lies below it. Encoding, decoding, and whether it holds together by itself; that it
 * lies on our chain is for evidence.ts to show.
 */

import { APPROVAL_LENGTH_MAX, AUTHORITIES_MAX, decodeApproval } from "../approval.ts";
import { verifyApprovals } from "../approval-check.ts";
import { authoritySet } from "../authorities.ts";
import { isValidPublicKey } from "../bls.ts";
import { PUBLIC_KEY_LENGTH } from "../body-layout.ts";
import { concatBytes, equalBytes } from "../bytes.ts";
import type { AuthoritySetFacts } from "../facts.ts";
import { decodeHeader, HASH_LENGTH, HEADER_LENGTH } from "../header.ts";
import { readUint32, writeUint32 } from "../little-endian.ts";
import { MalformedError } from "../malformed.ts";
import { historyRoot, peakCount } from "../mmr.ts";
import type { CheckpointFault } from "./fault.ts";

/** List[B32, 64]: the limit of the object; a count below 2^53 has 53 peaks at most. */
const PEAKS_MAX = 64;
/** The header and three offsets. */
const FIXED_LENGTH = HEADER_LENGTH + 12;
/** The set is a container of one list: its offset. */
const SET_FIXED_LENGTH = 4;
const SET_LENGTH_MAX = SET_FIXED_LENGTH + AUTHORITIES_MAX * PUBLIC_KEY_LENGTH;
/** The largest Checkpoint serialized. */
const CHECKPOINT_BYTES_MAX = FIXED_LENGTH + APPROVAL_LENGTH_MAX + SET_LENGTH_MAX + PEAKS_MAX * HASH_LENGTH;

export interface Checkpoint {
  /** SSZ BlockHeader, 184 bytes. */
  readonly header: Uint8Array;
  /** SSZ AggregateApproval of it. */
  readonly approval: Uint8Array;
  /** In force for this very block. */
  readonly authorities: AuthoritySetFacts;
  /** Mountain range over blocks 0 to height − 1, tallest first. */
  readonly peaks: readonly Uint8Array[];
}

export function encodeCheckpoint({ header, approval, authorities, peaks }: Checkpoint): Uint8Array {
  const set = concatBytes([new Uint8Array([SET_FIXED_LENGTH, 0, 0, 0]), ...authorities.keys]);
  const offsets = new Uint8Array(12);
  writeUint32(offsets, 0, FIXED_LENGTH);
  writeUint32(offsets, 4, FIXED_LENGTH + approval.length);
  writeUint32(offsets, 8, FIXED_LENGTH + approval.length + set.length);
  return concatBytes([header, offsets, approval, set, ...peaks]);
}

/** Fresh memory throughout. Throws MalformedError unless `bytes` are exactly one Checkpoint. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  if (bytes.length < FIXED_LENGTH || bytes.length > CHECKPOINT_BYTES_MAX) {
    throw new MalformedError(`checkpoint has ${bytes.length} bytes`);
  }
  const [approvalAt, setAt, peaksAt] = [0, 4, 8].map((at) => readUint32(bytes, HEADER_LENGTH + at)) as [
    number,
    number,
    number,
  ];
  const isOrdered = approvalAt === FIXED_LENGTH && approvalAt <= setAt && setAt <= peaksAt;
  if (!isOrdered || peaksAt > bytes.length) throw new MalformedError("checkpoint has a wrong offset");
  const header = bytes.slice(0, HEADER_LENGTH);
  decodeHeader(header);
  const approval = bytes.slice(approvalAt, setAt);
  decodeApproval(approval);
  return {
    header,
    approval,
    authorities: decodeSet(bytes.subarray(setAt, peaksAt)),
    peaks: decodePeaks(bytes.subarray(peaksAt)),
  };
}

function decodeSet(bytes: Uint8Array): AuthoritySetFacts {
  const length = bytes.length - SET_FIXED_LENGTH;
  const isWhole = length > 0 && length % PUBLIC_KEY_LENGTH === 0 && bytes.length <= SET_LENGTH_MAX;
  if (!isWhole || readUint32(bytes, 0) !== SET_FIXED_LENGTH) {
    throw new MalformedError(`a set of authorities of ${bytes.length} bytes`);
  }
  return authoritySet(cut(bytes.subarray(SET_FIXED_LENGTH), PUBLIC_KEY_LENGTH));
}

function decodePeaks(bytes: Uint8Array): Uint8Array[] {
  if (bytes.length % HASH_LENGTH !== 0 || bytes.length > PEAKS_MAX * HASH_LENGTH) {
    throw new MalformedError(`peaks of ${bytes.length} bytes`);
  }
  return cut(bytes, HASH_LENGTH);
}

function cut(bytes: Uint8Array, length: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += length) parts.push(bytes.slice(at, at + length));
  return parts;
}

/**
 * Whether its parts fit its header: the peaks its history root, the set its authorities root, the approval a quorum of
 * that set. Who chose the set is another question. One signature is verified (about 1.4 ms).
 */
export function verifyCheckpoint(
  checkpoint: Checkpoint,
  genesisHash: Uint8Array,
): CheckpointFault | undefined {
  const { header, approval, authorities, peaks } = checkpoint;
  const { height, historyRoot: committed, authoritiesRoot } = decodeHeader(header);
  if (height === 0) return "GENESIS";
  if (peaks.length !== peakCount(height)) return "HISTORY_ROOT";
  if (!equalBytes(historyRoot(height, peaks), committed)) return "HISTORY_ROOT";
  if (!equalBytes(authorities.root, authoritiesRoot)) return "AUTHORITIES_ROOT";
  if (!authorities.keys.every(isValidPublicKey)) return "AUTHORITIES_ROOT";
  const [isApproved = false] = verifyApprovals([{ header, approval, authorities }], genesisHash);
  return isApproved ? undefined : "APPROVAL";
}
