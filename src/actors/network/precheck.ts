/**
 * A precheck of a block of gossip before it gets a place: its exact form as far as offsets, header and approval tell, whether the
 * chain has it, and whether it looks like a new block of the present. No signature is verified, so looking new proves nothing: it
 * only gives a block room that others may not use.
 */

import { countBits, decodeApproval, quorumOf } from "../../chain/approval.ts";
import { BLOCK_BYTES_MAX, BLOCK_FIXED_LENGTH } from "../../chain/block.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { HEADER_LENGTH, type ReadHeader, readHeader } from "../../chain/header.ts";
import { readUint32 } from "../../chain/little-endian.ts";
import { MalformedError } from "../../chain/malformed.ts";
import { authorOf, slotAt } from "../../chain/rules.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { BlockPrecheck, Precheck } from "../../p2p/port.ts";

/** A block is of the present as long as it is no older: what was under way while a node was busy or cut off for a moment. */
const PRESENT_SLOTS = 4;

type ChainReads = Pick<ChainPort, "facts" | "snapshot" | "heightOf" | "readBlockByHash" | "authoritiesAt">;

/** How the host is to look at blocks. */
export function glanceFor(chain: ChainReads, clock: Pick<Clock, "nowMs">): BlockPrecheck {
  return (block) => {
    const read = readEnds(block);
    if (read === undefined) return { kind: "malformed" };
    const { header, hash } = read.read;
    if (header.height <= chain.snapshot().final.height) return { kind: "known" };
    if (chain.heightOf(hash) !== undefined || chain.readBlockByHash(hash) !== undefined)
      return { kind: "known" };
    const kind: Precheck["kind"] = looksNew(read, chain, clock.nowMs()) ? "fresh" : "stale";
    return { kind, block: Buffer.from(hash).toString("base64"), header: read.read };
  };
}

interface Ends {
  readonly read: ReadHeader;
  readonly bits: number;
  readonly length: number;
}

/** Header and approval; undefined when the block cannot be one. The body is left to those who validate it. */
function readEnds(block: Uint8Array): Ends | undefined {
  if (block.length < BLOCK_FIXED_LENGTH || block.length > BLOCK_BYTES_MAX) return undefined;
  const approvalOffset = readUint32(block, HEADER_LENGTH + 4);
  if (readUint32(block, HEADER_LENGTH) !== BLOCK_FIXED_LENGTH) return undefined;
  if (approvalOffset < BLOCK_FIXED_LENGTH || approvalOffset > block.length) return undefined;
  try {
    const { bits, length } = decodeApproval(block.subarray(approvalOffset));
    return { read: readHeader(block), bits, length };
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

function looksNew({ read, bits, length }: Ends, chain: ChainReads, nowMs: number): boolean {
  const { slotDurationMs, driftMs } = chain.facts;
  const { slot, timestampMs, height, authoritiesRoot } = read.header;
  if (timestampMs > nowMs + driftMs || slot !== slotAt(timestampMs, slotDurationMs)) return false;
  if (slot < slotAt(nowMs, slotDurationMs) - PRESENT_SLOTS) return false;
  const { keys, root } = chain.authoritiesAt(height);
  if (length !== keys.length || !equalBytes(root, authoritiesRoot)) return false;
  return (bits & (1 << authorOf(slot, keys.length))) !== 0 && countBits(bits) >= quorumOf(keys.length);
}
