/**
 * Who claims which place: a few peers at most may claim one host and port, whoever names it, so that nobody can have many
 * made-up peers all point at one victim. Owned by the PeerStore. Pure.
 */

/** Peers that may claim one target. One more displaces one that is believed less or has failed there, or is refused. */
export const CLAIMS_PER_TARGET_MAX = 4;

export interface Claim {
  readonly peerId: string;
  /** How far the claim is believed: the higher displaces the lower. */
  readonly worth: number;
}

export class Claims {
  readonly #byTarget = new Map<string, Set<string>>();

  /** Targets that anybody claims. */
  get size(): number {
    return this.#byTarget.size;
  }

  /** Who is to go for one more claim: a peer id; "nobody" when there is room, "newcomer" when the claim is worth no more. */
  displacedBy(target: string, newcomer: Claim, worthOf: (peerId: string) => number): string {
    const peers = this.#byTarget.get(target);
    if (peers === undefined || peers.has(newcomer.peerId) || peers.size < CLAIMS_PER_TARGET_MAX)
      return "nobody";
    const [least] = [...peers]
      .map((peerId) => ({ peerId, worth: worthOf(peerId) }))
      .sort((left, right) => left.worth - right.worth);
    return least !== undefined && least.worth < newcomer.worth ? least.peerId : "newcomer";
  }

  /** The targets that a peer claims are now these instead of those. */
  replace(peerId: string, before: readonly string[], after: readonly string[]): void {
    for (const target of before) if (!after.includes(target)) this.#remove(target, peerId);
    for (const target of after) {
      const peers = this.#byTarget.get(target) ?? new Set();
      this.#byTarget.set(target, peers.add(peerId));
    }
  }

  #remove(target: string, peerId: string): void {
    const peers = this.#byTarget.get(target);
    if (peers?.delete(peerId) === true && peers.size === 0) this.#byTarget.delete(target);
  }
}
