/** What adversaries made and told, so that checkers know it again when they see it on an honest node. Hashes in hex. */

/** A chain beside ours, from `first` on. */
export interface Fork {
  readonly first: number;
  readonly blocks: readonly Uint8Array[];
}

export class Mischief {
  /** Digests of gossip messages that are invalid. */
  readonly badMessages = new Set<string>();
  /** Hashes of headers that somebody claims as a head and no quorum signed. */
  readonly liedHeads = new Set<string>();
  /** Hashes of certified blocks that leave the chain below the final block. */
  readonly forkBlocks = new Set<string>();
  fork: Fork | undefined;
  /** Hashes of certified blocks whose ancestors nobody has. */
  readonly strayBlocks = new Set<string>();
  /** Heights at which somebody served a good header with another body. */
  readonly badBodies = new Set<number>();
  /** Lowest height of a stray block that was gossiped near our head; what is looked up goes down from there. */
  strayFrom = Number.POSITIVE_INFINITY;
  /** Lowest height of a stray block that was asked for by its hash, and how often one was. */
  strayLowest = Number.POSITIVE_INFINITY;
  strayRequests = 0;
}
