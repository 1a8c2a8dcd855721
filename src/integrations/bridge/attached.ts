/**
 * AttachedBridge: hands members' messages to the attached BridgeActor when there is one, to the embedded twin otherwise.
 * The NetworkActor sees one bridge and never learns which.
 */

import type { AttachHub } from "../attach/hub.ts";
import type { BridgePort, FederationNote } from "./port.ts";

/** For the BridgeActor's word that it has the message. */
const DELIVER_MS_MAX = 5_000;

export class AttachedBridge implements BridgePort {
  readonly #hub: AttachHub;
  readonly #embedded: BridgePort;

  constructor(hub: AttachHub, embedded: BridgePort) {
    this.#hub = hub;
    this.#embedded = embedded;
  }

  async deliver(note: FederationNote): Promise<void> {
    if (!this.#hub.isAttached) return await this.#embedded.deliver(note);
    const { memberKey, label, content } = note;
    const call = { memberKey, label, message: content };
    await this.#hub.call("federationMessage", call, memberKey.length + content.length, DELIVER_MS_MAX);
  }

  close(): Promise<void> {
    return this.#embedded.close();
  }
}
