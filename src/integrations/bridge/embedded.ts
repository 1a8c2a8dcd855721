/**
 * EmbeddedBridge: what a node without an attached BridgeActor does with the messages of members: it logs that they
 * came. Their content is opaque and may be secret, so only its length is written.
 */

import { toHex } from "../../chain/hex.ts";
import type { Log } from "../../kernel/log.ts";
import type { BridgePort, FederationNote } from "./port.ts";

export class EmbeddedBridge implements BridgePort {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  deliver(note: FederationNote): Promise<void> {
    this.#log.info("federation message", {
      memberKey: toHex(note.memberKey),
      label: note.label,
      bytes: note.content.length,
    });
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
