/**
 * Settings of the NetworkActor, with the reasons of its constants. The composition root fills them from the file.
 */

import type { HostOptions } from "../../p2p/port.ts";

export interface NetworkActorConfig {
  /** How the host is opened unless StartNetwork says otherwise. */
  readonly host: HostOptions;
  /** Open the host when the actor starts. */
  readonly isAutoStart: boolean;
  /** Whole of a range request, milliseconds. */
  readonly requestDeadlineMs: number;
}

/** Blocks of one range request; a larger request of ours is a mistake, of a peer's is refused. */
export const RANGE_BLOCKS_MAX = 1024;

/** Bytes of blocks in one chunk of an answer: large enough that framing costs nothing, small enough to interleave. */
export const CHUNK_BLOCK_BYTES = 256 * 1024;

/** Bytes of blocks in one answer; a longer range is answered in part and asked for again. */
export const ANSWER_BLOCK_BYTES_MAX = 2 * 1024 * 1024;

/** To the first byte: a peer that thinks longer than this about a range it has is as good as silent. */
export const FIRST_BYTE_DEADLINE_MS = 5_000;

/** How long the EngineActor may think about a transaction before the message is ignored. */
export const TRANSACTION_DEADLINE_MS = 1_000;

/** Addresses to listen on that StartNetwork takes; more are refused with INVALID_ARGUMENT. */
export const LISTEN_ADDRESSES_MAX = 16;
/** Bootstrap addresses that StartNetwork takes; more are refused with INVALID_ARGUMENT. */
export const BOOTSTRAP_ADDRESSES_MAX = 64;
/** Members that it takes by their peer ids; more are refused with INVALID_ARGUMENT. */
export const MEMBER_PEERS_MAX = 64;

/**
 * Breaches of a protocol that leave no bytes to tell two apart count once in this time: a bad moment is one case, going
 * on is another.
 */
export const SAME_CASE_MS = 10_000;

/** Gossip blocks whose verdict is awaited, to be told when accepted: the host lets no more wait; past it the oldest go. */
export const AWAITED_BLOCKS_MAX = 64;
