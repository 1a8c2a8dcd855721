/**
 * Evidence and checkpoint files as bytes. Evidence is the same protobuf message on the peer wire and in a file; a file is
 * "ALYSCKPT", a version u32, the message, and the SHA-256 of all that. Everything else is a fault, never a throw.
 */

import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type AuthorityChangeEvidence,
  type AuxPowEvidence as AuxPowMessage,
  CheckpointEvidenceSchema,
  CheckpointFileSchema,
  type CheckpointEvidence as EvidenceMessage,
} from "../../../gen/alys/wire/v1/wire_pb.ts";
import { type AuthorityChange, type AuxPowHeader, decodeBody, EMPTY_BODY, encodeBody } from "../block.ts";
import { BODY_FIELD, BODY_FIXED_LENGTH } from "../body-layout.ts";
import { concatBytes, equalBytes } from "../bytes.ts";
import { sha256 } from "../hash.ts";
import { HASH_LENGTH } from "../header.ts";
import { readUint32, writeUint32 } from "../little-endian.ts";
import { MalformedError } from "../malformed.ts";
import { decodeHistoryProof, encodeHistoryProof } from "../mmr.ts";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import {
  type AuxPowEvidence,
  CHANGES_MAX,
  type ChangeEvidence,
  type CheckpointEvidence,
} from "./evidence.ts";
import type { CheckpointFault } from "./fault.ts";

const MAGIC = new TextEncoder().encode("ALYSCKPT");
const VERSION = 1;
const FIXED_LENGTH = MAGIC.length + 4;
/** A block of 2 MiB, 256 changes of 4 KiB, an AuxPoW of 64 KiB, and room. A larger file is refused unread. */
export const CHECKPOINT_FILE_BYTES_MAX = 4 * 1024 * 1024;
/** What a body carries alone stands behind the seven offsets and the list's one. */
const CARRIED_OFFSET = BODY_FIXED_LENGTH + 4;

/** What a checkpoint's file holds. */
export interface CheckpointFile {
  readonly genesisHash: Uint8Array;
  /** Unix milliseconds. */
  readonly createdMs: number;
  /** From genesis on. */
  readonly evidence: CheckpointEvidence;
  /** SSZ SignedBlock of the checkpoint. */
  readonly block: Uint8Array;
}

export function encodeEvidence(evidence: CheckpointEvidence): Uint8Array {
  return toBinary(CheckpointEvidenceSchema, create(CheckpointEvidenceSchema, evidenceMessage(evidence)));
}

/** Undefined when the bytes are no evidence. */
export function decodeEvidence(bytes: Uint8Array): CheckpointEvidence | undefined {
  return attempt(() => readEvidence(fromBinary(CheckpointEvidenceSchema, bytes)));
}

export function encodeCheckpointFile(file: CheckpointFile): Uint8Array {
  const { genesisHash, createdMs, evidence, block } = file;
  const message = create(CheckpointFileSchema, {
    genesisHash,
    createdMs: BigInt(createdMs),
    evidence: evidenceMessage(evidence),
    block,
  });
  const version = new Uint8Array(4);
  writeUint32(version, 0, VERSION);
  const content = concatBytes([MAGIC, version, toBinary(CheckpointFileSchema, message)]);
  return concatBytes([content, sha256(content)]);
}

/** Checksum first: of a damaged file nothing else is said. */
export function decodeCheckpointFile(bytes: Uint8Array): CheckpointFile | CheckpointFault {
  const end = bytes.length - HASH_LENGTH;
  if (end < FIXED_LENGTH || bytes.length > CHECKPOINT_FILE_BYTES_MAX) return "MALFORMED";
  if (!equalBytes(sha256(bytes.subarray(0, end)), bytes.subarray(end))) return "CHECKSUM";
  if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) return "MALFORMED";
  if (readUint32(bytes, MAGIC.length) !== VERSION) return "VERSION";
  const read = attempt((): CheckpointFile => {
    const message = fromBinary(CheckpointFileSchema, bytes.subarray(FIXED_LENGTH, end));
    const { genesisHash, createdMs, evidence, block } = message;
    if (evidence === undefined) throw new MalformedError("a checkpoint file without evidence");
    return { genesisHash, createdMs: Number(createdMs), evidence: readEvidence(evidence), block };
  });
  return read ?? "MALFORMED";
}

function evidenceMessage(evidence: CheckpointEvidence): MessageInitShape<typeof CheckpointEvidenceSchema> {
  const { checkpoint, laterHeader, laterApproval, inclusion, changes, auxpow } = evidence;
  return {
    checkpoint: encodeCheckpoint(checkpoint),
    laterHeader,
    laterApproval,
    inclusion: encodeHistoryProof(inclusion),
    changes: changes.map((one) => ({
      header: one.header,
      approval: one.approval,
      change: encodeBody({ ...EMPTY_BODY, nextAuthorities: one.change }).subarray(CARRIED_OFFSET),
      bodyProof: one.bodyProof,
      inclusion: encodeHistoryProof(one.inclusion),
    })),
    ...(auxpow === undefined ? {} : { auxpow: auxpowMessage(auxpow) }),
  };
}

function auxpowMessage({ header, bodyProof, rangeEndInclusion }: AuxPowEvidence) {
  return {
    header: encodeBody({ ...EMPTY_BODY, auxpow: header }).subarray(CARRIED_OFFSET),
    bodyProof,
    rangeEndInclusion: encodeHistoryProof(rangeEndInclusion),
  };
}

function readEvidence(message: EvidenceMessage): CheckpointEvidence {
  const { laterHeader, laterApproval, changes, auxpow } = message;
  if (changes.length > CHANGES_MAX) throw new MalformedError(`${changes.length} changes`);
  return {
    checkpoint: decodeCheckpoint(message.checkpoint),
    laterHeader,
    laterApproval,
    inclusion: decodeHistoryProof(message.inclusion),
    changes: changes.map(readChange),
    auxpow: auxpow && readAuxPowEvidence(auxpow),
  };
}

function readChange(message: AuthorityChangeEvidence): ChangeEvidence {
  const { header, approval, bodyProof } = message;
  const inclusion = decodeHistoryProof(message.inclusion);
  return { header, approval, bodyProof, inclusion, change: decodeChange(message.change) };
}

function readAuxPowEvidence({ header, bodyProof, rangeEndInclusion }: AuxPowMessage): AuxPowEvidence {
  const inclusion = decodeHistoryProof(rangeEndInclusion);
  return { header: decodeAuxPow(header), bodyProof, rangeEndInclusion: inclusion };
}

function decodeChange(bytes: Uint8Array): AuthorityChange {
  const { nextAuthorities } = decodeCarried(BODY_FIELD.nextAuthorities, bytes);
  if (nextAuthorities === undefined) throw new MalformedError("no change of the authorities");
  return nextAuthorities;
}

function decodeAuxPow(bytes: Uint8Array): AuxPowHeader {
  const { auxpow } = decodeCarried(BODY_FIELD.auxpow, bytes);
  if (auxpow === undefined) throw new MalformedError("no AuxPoW");
  return auxpow;
}

/** Read as the only thing in a body, whose form check it then passes. */
function decodeCarried(field: number, bytes: Uint8Array): ReturnType<typeof decodeBody> {
  const prefix = new Uint8Array(CARRIED_OFFSET);
  for (let index = 0; index < BODY_FIXED_LENGTH / 4; index++) {
    const isBehind = index > field;
    writeUint32(prefix, 4 * index, isBehind ? CARRIED_OFFSET + bytes.length : BODY_FIXED_LENGTH);
  }
  writeUint32(prefix, BODY_FIXED_LENGTH, 4);
  return decodeBody(concatBytes([prefix, bytes]));
}

/** Undefined when the bytes do not say what they should; protobuf throws errors of its own for that. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
