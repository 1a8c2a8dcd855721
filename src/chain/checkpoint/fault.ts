/** What can be wrong with a checkpoint, its evidence or its file, one name a check. Operators and tests read them. */

export type CheckpointFault =
  /** Bytes that are no checkpoint, header, approval, change or proof. */
  | "MALFORMED"
  /** Genesis needs no checkpoint. */
  | "GENESIS"
  /** On a chain that requires AuxPoW its block carries none. */
  | "AUXPOW_MISSING"
  /** The AuxPoW is not in the body that the checkpoint's header commits to. */
  | "AUXPOW_BODY"
  /** It lacks the work that it claims, or its proof is not in order. */
  | "AUXPOW_WORK"
  /** The last block that it covers is not in the checkpoint's history. */
  | "AUXPOW_RANGE"
  /** The peaks are not those that its header commits to. */
  | "HISTORY_ROOT"
  /** The set is not the one that its header names, or has a key that is none. */
  | "AUTHORITIES_ROOT"
  /** No quorum of the set approved the header. */
  | "APPROVAL"
  /** The later header is less than 64 blocks above. */
  | "LATER_TOO_LOW"
  /** The checkpoint is not in the later header's history. */
  | "LATER_INCLUSION"
  /** The later header names another set than the changes lead to. */
  | "LATER_AUTHORITIES"
  /** No quorum approved the later header. */
  | "LATER_APPROVAL"
  | "TOO_MANY_CHANGES"
  /** Changes are not ascending, 64 blocks apart, above the known one and below the later header. */
  | "CHANGE_ORDER"
  /** The header with the change names another set than was in force. */
  | "CHANGE_AUTHORITIES"
  /** The set before it did not approve the header with the change. */
  | "CHANGE_APPROVAL"
  /** The change is not in the body that its header commits to. */
  | "CHANGE_BODY"
  /** It breaks a rule of changes: not one key more or less, a bad key, a bad proof of possession. */
  | "CHANGE_INVALID"
  /** The block with the change is not in the history. */
  | "CHANGE_INCLUSION"
  /** The changes do not lead from the known set to the checkpoint's. */
  | "CHANGES_INCOMPLETE"
  /** The stored block is not the checkpoint's. */
  | "BLOCK"
  /** The file's checksum, version or chain. */
  | "CHECKSUM"
  | "VERSION"
  | "OTHER_CHAIN";
