/**
 * Clients that wait for a connection: the deferred answers of ConnectToPeer, by peer. Owned by Connections.
 */

import type { PeerInfo, PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { Deferred } from "../../kernel/actor/deferred.ts";
import { Failure } from "../../kernel/errors.ts";

export type ConnectAnswer = Deferred<typeof PeerService.method.connectToPeer.output>;

/** Clients that wait for one peer; one more is refused. */
const WAITING_MAX = 64;

export class ConnectWaiters {
  readonly #waiting = new Map<string, ConnectAnswer[]>();

  /** False when too many wait for this peer. Those that gave up meanwhile do not count. */
  add(peerId: string, answer: ConnectAnswer): boolean {
    const waiting = (this.#waiting.get(peerId) ?? []).filter((each) => !each.isSettled);
    if (waiting.length >= WAITING_MAX) return false;
    this.#waiting.set(peerId, [...waiting, answer]);
    return true;
  }

  has(peerId: string): boolean {
    return this.#waiting.get(peerId)?.some((each) => !each.isSettled) === true;
  }

  answer(peerId: string, answer: Failure | { readonly peer: PeerInfo }): void {
    const waiting = this.#waiting.get(peerId) ?? [];
    this.#waiting.delete(peerId);
    for (const each of waiting) {
      if (answer instanceof Failure) each.reject(answer);
      else each.resolve(answer);
    }
  }
}
