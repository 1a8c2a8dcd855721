/**
 * PenaltyBrake: where several independent peers would be punished for identical bytes, it is likelier that this node is
 * wrong (an old version, a broken disk, another reading of a rule) than that all of them lie. Then nobody is punished: what
 * was applied already is taken back, and an alarm is raised. Pure, time is an argument. Owned by the PenaltyPolicy.
 */

/** Peers independent of each other from which on nobody is punished: two may be one liar and its echo. */
const ACCUSED_MIN = 3;

/** How long accusations of the same bytes count together: longer than any block takes to reach every neighbour. */
const WINDOW_MS = 600_000;

/** Cases remembered; at the bound the oldest is forgotten, and is a new one if it comes up again. */
const CASES_MAX = 1024;

/** Accused of one case; more are let go with the others, once the brake is on, without being remembered. */
const ACCUSED_MAX = 64;

/**
 * Times in a window that one peer is let go: twice as often as a chain of 2 s slots has blocks, so that a node that is wrong
 * about all of them stays connected, and a gang that is many on purpose is not free to send what it likes.
 */
export const LENIENCE_MAX = 600;

/** Peers whose lenience is counted; at the bound the oldest is forgotten. */
const LENIENT_PEERS_MAX = 4096;

export interface Accusation {
  readonly peerId: string;
  /** Digest of the bytes, hex. */
  readonly digest: string;
  /** What peers that depend on each other share: a public subnet; undefined where there is none, as in local networks. */
  readonly origin: string | undefined;
}

/** What was applied to one of the accused, to be taken back. */
export interface Applied {
  readonly peerId: string;
  readonly penalty: number;
  readonly atMs: number;
}

export type Decision =
  /** The penalty is due; `apply` remembers what it was. */
  | { readonly kind: "punish" }
  /** Nobody is punished for these bytes; `taken`: what is to be taken back, `isNew`: the alarm is to be raised. */
  | {
      readonly kind: "brake";
      readonly isNew: boolean;
      readonly taken: readonly Applied[];
      readonly accused: readonly string[];
    };

interface Case {
  readonly beganMs: number;
  /** By peer id. */
  readonly origins: Map<string, string>;
  applied: Applied[];
  isBraked: boolean;
}

const PUNISH: Decision = { kind: "punish" };

export class PenaltyBrake {
  readonly #cases = new Map<string, Case>();
  readonly #lenience = new Map<string, { readonly beganMs: number; count: number }>();

  hear({ peerId, digest, origin }: Accusation, nowMs: number): Decision {
    const found = this.#case(digest, nowMs);
    const { origins } = found;
    if (origins.size < ACCUSED_MAX) origins.set(peerId, origin ?? `peer ${peerId}`);
    const accused = [...origins.keys()];
    if (found.isBraked) {
      return this.#isLenient(peerId, nowMs) ? { kind: "brake", isNew: false, taken: [], accused } : PUNISH;
    }
    if (new Set(origins.values()).size < ACCUSED_MIN || !this.#isLenient(peerId, nowMs)) return PUNISH;
    found.isBraked = true;
    const taken = found.applied;
    found.applied = [];
    return { kind: "brake", isNew: true, taken, accused };
  }

  /** This penalty was applied for these bytes. */
  applied(digest: string, applied: Applied): void {
    const found = this.#cases.get(digest);
    if (found !== undefined && found.applied.length < ACCUSED_MAX) found.applied.push(applied);
  }

  #isLenient(peerId: string, nowMs: number): boolean {
    const known = this.#lenience.get(peerId);
    if (known !== undefined && nowMs - known.beganMs < WINDOW_MS) return ++known.count <= LENIENCE_MAX;
    this.#lenience.delete(peerId);
    if (this.#lenience.size >= LENIENT_PEERS_MAX) {
      this.#lenience.delete(this.#lenience.keys().next().value ?? "");
    }
    this.#lenience.set(peerId, { beganMs: nowMs, count: 1 });
    return true;
  }

  #case(digest: string, nowMs: number): Case {
    const known = this.#cases.get(digest);
    if (known !== undefined && nowMs - known.beganMs < WINDOW_MS) return known;
    this.#cases.delete(digest);
    if (this.#cases.size >= CASES_MAX) this.#cases.delete(this.#cases.keys().next().value ?? "");
    const made: Case = { beganMs: nowMs, origins: new Map(), applied: [], isBraked: false };
    this.#cases.set(digest, made);
    return made;
  }
}
