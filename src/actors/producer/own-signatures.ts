/**
 * Signatures of our own key in blocks of our own chain: found by their bits, to be verified before anybody believes them.
 * Reads; keeps nothing.
 */

import { decodeApproval } from "../../chain/approval.ts";
import { splitBlock } from "../../chain/block.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { decodeHeader, headerHash } from "../../chain/header.ts";
import { authorOf } from "../../chain/rules.ts";
import type { ApprovalCheck } from "../../chain/validator.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import { SEARCHED_BLOCKS_MAX, SEARCHED_BYTES_MAX } from "./config.ts";

export interface OwnSignature {
  readonly slot: number;
  /** Block hash, 32 bytes. */
  readonly hash: Uint8Array;
  /** Our key is the slot's author. */
  readonly isAuthor: boolean;
  /** What has to verify for the signature to be ours. */
  readonly check: ApprovalCheck;
}

export interface Found {
  readonly signatures: readonly OwnSignature[];
  /** Height of the newest block that was looked at. */
  readonly searchedHeight: number;
}

/** Looks through the newest blocks above `searchedHeight`, no more than a turn has time for. */
export function findOwnSignatures(chain: ChainPort, key: Uint8Array, searchedHeight: number): Found {
  const { head, earliestHeight } = chain.snapshot();
  const first = Math.max(1, earliestHeight, searchedHeight + 1, head.height - SEARCHED_BLOCKS_MAX + 1);
  if (first > head.height) return { signatures: [], searchedHeight };
  const blocks = chain.readRange(first, head.height - first + 1, SEARCHED_BYTES_MAX);
  const signatures = blocks.flatMap((block) => ownSignature(chain, key, block) ?? []);
  return { signatures, searchedHeight: first + blocks.length - 1 };
}

function ownSignature(chain: ChainPort, key: Uint8Array, block: Uint8Array): OwnSignature | undefined {
  const { header, approval } = splitBlock(block);
  const { height, slot } = decodeHeader(header);
  const authorities = chain.authoritiesAt(height);
  const index = authorities.keys.findIndex((one) => equalBytes(one, key));
  if (index < 0 || (decodeApproval(approval).bits & (1 << index)) === 0) return undefined;
  const check = { header: header.slice(), approval: approval.slice(), authorities };
  return {
    slot,
    hash: headerHash(header),
    isAuthor: authorOf(slot, authorities.keys.length) === index,
    check,
  };
}
