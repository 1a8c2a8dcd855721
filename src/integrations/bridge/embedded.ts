/**
 * EmbeddedBridge: what a node without an attached BridgeActor does with the messages of members and with what happens to
 * the federation: it logs that they came. Contents are opaque and may be secret, so only their lengths are written.
 */

import { toHex } from "../../chain/hex.ts";
import type { Log } from "../../kernel/ports/log.ts";
import type { BridgeListener, BridgeNotice, BridgePort, FederationNote } from "./port.ts";

export class EmbeddedBridge implements BridgePort, BridgeListener {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  deliver(note: FederationNote): Promise<Uint8Array> {
    this.#log.info("federation message", {
      memberKey: toHex(note.memberKey),
      label: note.label,
      bytes: note.content.length,
    });
    return Promise.resolve(new Uint8Array());
  }

  tell({ kind }: BridgeNotice): void {
    this.#log.debug("the bridge should know", { kind });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
