/**
 * `alysctl checkpoints verify` and the check of a proof. A file of its own, loaded when it is asked for: it brings BLS and
 * hashing.
 */
import { readFileSync, statSync } from "node:fs";
import type { ProveBlockResponse } from "../../gen/alys/sync/v1/sync_pb.ts";
import { splitBlock } from "../chain/block.ts";
import { bodyRoot } from "../chain/body-root.ts";
import { equalBytes } from "../chain/bytes.ts";
import { loadChain } from "../chain/chain-file.ts";
import { CHECKPOINT_FILE_BYTES_MAX, decodeCheckpointFile } from "../chain/checkpoint/codec.ts";
import { verifyEvidence } from "../chain/checkpoint/evidence.ts";
import { FINALITY_DEPTH } from "../chain/finality.ts";
import { toHex } from "../chain/hex.ts";
import { MalformedError } from "../chain/malformed.ts";
import { decodeHistoryProof, verifyHistoryProof } from "../chain/mmr.ts";
import { chainFactsOf } from "../chain/spec.ts";
import { asError, Failure, failure } from "../kernel/errors.ts";
import { grouped, timeOfMs } from "./format.ts";
import type { Session } from "./session.ts";
import { renderFields } from "./table.ts";

export interface VerifyOptions {
  /** Path of the chain's specification. */
  readonly chain: string;
  /** Path of the proofs of possession of its authorities, without which nothing that they signed is believed. */
  readonly proofs?: string;
  readonly development?: boolean;
}

/** Rejects with DATA_LOSS that names the check which failed, and with what the files themselves say. */
export async function verifyFile(
  session: Session,
  path: string,
  { chain: chainPath, proofs, development }: VerifyOptions,
): Promise<void> {
  const chain = loadChain(chainPath, { proofs, isDevelopment: development });
  if (chain instanceof Failure) throw chain;
  const { genesis, parameters } = chain;
  const facts = chainFactsOf(parameters, genesis.hash, { driftMs: 0, finalityDepth: FINALITY_DEPTH });
  const file = decodeCheckpointFile(readSome(path));
  if (typeof file === "string") throw unsound(path, file);
  if (!equalBytes(file.genesisHash, genesis.hash)) throw unsound(path, "OTHER_CHAIN");
  const known = { firstHeight: 1, authorities: genesis.authorities };
  const verdict = verifyEvidence(file.evidence, known, facts);
  if (!verdict.ok) throw unsound(path, verdict.fault);
  const { header, hash, checkpoint } = verdict.proven;
  if (!isBlockOf(file.block, checkpoint.header, header.bodyRoot)) throw unsound(path, "BLOCK");
  const sound = {
    file: path,
    height: header.height,
    hash: toHex(hash),
    authorities: checkpoint.authorities.keys.length,
    changes: file.evidence.changes.length,
    made: timeOfMs(file.createdMs),
  };
  if (session.isJson) return session.terminal.out(JSON.stringify(sound, undefined, 2));
  return session.terminal.out(
    renderFields([
      ["sound", path],
      ["block", `${grouped(sound.height)}  ${sound.hash}`],
      ["authorities", `${sound.authorities}, after ${sound.changes} changes`],
      ["made", sound.made],
    ]),
  );
}

/** Whether the answer's proof leads from its block to its history_root. */
export function isProven({ block, historyRoot, proof }: ProveBlockResponse): boolean {
  try {
    const decoded = decodeHistoryProof(proof);
    const isOfBlock = block !== undefined && BigInt(decoded.index) === block.height;
    return isOfBlock && verifyHistoryProof(decoded, block.hash, historyRoot);
  } catch (error) {
    if (error instanceof MalformedError) return false;
    throw error;
  }
}

function isBlockOf(block: Uint8Array, header: Uint8Array, root: Uint8Array): boolean {
  try {
    const parts = splitBlock(block);
    return equalBytes(parts.header, header) && equalBytes(bodyRoot(parts.body), root);
  } catch (error) {
    if (error instanceof MalformedError) return false;
    throw error;
  }
}

function readSome(path: string): Uint8Array {
  try {
    if (statSync(path).size > CHECKPOINT_FILE_BYTES_MAX) throw unsound(path, "MALFORMED");
    return new Uint8Array(readFileSync(path));
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw failure("NOT_FOUND", "FILE_READ_FAILED", `${path}: ${asError(thrown).message}`);
  }
}

function unsound(path: string, fault: string): Failure {
  return failure("DATA_LOSS", "CHECKPOINT_UNSOUND", `${path} does not hold: ${fault}`);
}
