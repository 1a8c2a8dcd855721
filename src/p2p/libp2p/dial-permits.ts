/** Which dials are ours. What libp2p's services would dial by themselves has no permit. */

/** Peers to which a dial of ours is under way. */
export class DialPermits {
  readonly #dials = new Map<string, number>();
  #running = 0;

  /** Dials of ours under way. */
  get running(): number {
    return this.#running;
  }

  has(peerId: string): boolean {
    return this.#dials.has(peerId);
  }

  /** Runs a dial that may go to these peers. */
  async during<T>(peerIds: readonly string[], dial: () => Promise<T>): Promise<T> {
    for (const peerId of peerIds) this.#dials.set(peerId, (this.#dials.get(peerId) ?? 0) + 1);
    this.#running += 1;
    try {
      return await dial();
    } finally {
      this.#running -= 1;
      for (const peerId of peerIds) this.#end(peerId);
    }
  }

  #end(peerId: string): void {
    const count = this.#dials.get(peerId) ?? 0;
    if (count > 1) this.#dials.set(peerId, count - 1);
    else this.#dials.delete(peerId);
  }
}
