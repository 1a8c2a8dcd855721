/**
 * AttachedBridge: hands members' messages to the attached BridgeActor when there is one, to the embedded twin otherwise.
 * The NetworkActor sees one bridge and never learns which.
 */

import type { FederationMessageResult } from "../../../gen/alys/integration/v1/integration_pb.ts";
import type { AttachHub } from "../attach/hub.ts";
import type { BridgeListener, BridgeNotice, BridgePort, FederationNote } from "./port.ts";

/** For the BridgeActor's word that it has the message. */
const DELIVER_MS_MAX = 5_000;

export class AttachedBridge implements BridgePort, BridgeListener {
  readonly #hub: AttachHub;
  readonly #embedded: BridgePort & BridgeListener;

  constructor(hub: AttachHub, embedded: BridgePort & BridgeListener) {
    this.#hub = hub;
    this.#embedded = embedded;
  }

  async deliver(note: FederationNote): Promise<Uint8Array> {
    if (!this.#hub.isAttached) return await this.#embedded.deliver(note);
    const { memberKey, label, content } = note;
    const call = { memberKey, label, message: content };
    const bytes = memberKey.length + content.length;
    const answer = await this.#hub.call("federationMessage", call, bytes, DELIVER_MS_MAX);
    return (answer as FederationMessageResult).reply;
  }

  tell(notice: BridgeNotice): void {
    if (this.#hub.isAttached) this.#hub.notify(notice.kind, notice.value);
    else this.#embedded.tell(notice);
  }

  close(): Promise<void> {
    return this.#embedded.close();
  }
}
