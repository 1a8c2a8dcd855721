/**
 * Settings of the ProducerActor and its constants with their reasons. The composition root fills the settings from
 * the configuration file.
 */

export interface ProducerConfig {
  /** How long a proposal may gather approvals, milliseconds. Federation timing: 500. */
  readonly consensusTimeoutMs: number;
  /** How long we wait for a block that is just arriving, milliseconds. Federation timing: 100. */
  readonly graceMs: number;
  /** Length of the transaction made up for a block that has none, 0 for none; at most 1 MiB. */
  readonly fillerBytes: number;
  /** Blocks from one AuxPoW to the next that we mine ourselves, on chains of trivial work; undefined or 0: we mine none. */
  readonly mineAuxPowEvery?: number;
  /** Slots that a member listens in after its start where that is more than is derived; undefined or 0: it is not. */
  readonly listeningSlots?: number;
}

/**
 * Tries for one AuxPoW, some 10 ms of our turn. At the bound the block goes without one, and the next of ours tries again.
 */
export const MINING_TRIES_MAX = 4_096;

/** Work that needs more tries than this on average is none for us: it would only cost time. */
export const MINING_TRIES_EXPECTED_MAX = 1_024;

/** Blocks that one AuxPoW covers at most: their hashes are read in our turn. What is above is left to the next. */
export const MINED_RANGE_MAX = 4_096;

/**
 * Proposals that wait for their parent or for the verification of their signatures. A member makes one a slot, so that
 * even all 15 at once fit; one more is refused as BUSY, and its author counts us as silent.
 */
export const PROPOSALS_MAX = 16;

/** Submitted transactions that wait for a block of ours; at the bound SubmitTransaction is refused. */
export const TRANSACTIONS_MAX = 4096;
/** Their bytes, 8 MiB: some six blocks. At the bound as above. */
export const TRANSACTIONS_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Transactions in one block of ours in bytes, offsets included: a SignedBlock has at most 2 MiB, and each member's
 * validation time (200 ms) has to hold it. What does not fit waits for our next block.
 */
export const BLOCK_TRANSACTION_BYTES_MAX = 1_500_000;

/**
 * The least that a block of ours is cut down to, bytes of transactions. A proposal that does not reach the members in time is tried
 * again with half as much: else its transactions stay, others come, and the next one is later still.
 */
export const BLOCK_TRANSACTION_BYTES_MIN = 8 * 1024;

/** Deadline of the question whether we may produce, milliseconds: answered from memory, or the slot is lost anyway. */
export const PERMISSION_DEADLINE_MS = 250;

/** Slots that a member listens in beyond one for each member: signing-guard.ts has the derivation. */
export const LISTENING_SLOTS_MORE = 2;

/**
 * Signatures of this process that are remembered, half an hour where it signs in every slot. What is seen of an older slot
 * is nobody's any more: it neither stops the member nor clears it.
 */
export const SIGNED_REMEMBERED_MAX = 1_024;

/** Newest blocks of our own chain that are searched for forgotten signatures of ours, once a slot: four rounds of the largest federation. */
export const SEARCHED_BLOCKS_MAX = 64;
/** Their bytes, 4 MiB: read in one turn. What is below is not searched; listening covers it. */
export const SEARCHED_BYTES_MAX = 4 * 1024 * 1024;
