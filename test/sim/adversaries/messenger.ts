/** A peer that does nothing but pass on, once, what it is given: how a block that was kept back comes out after all. */

import { Adversary } from "./adversary.ts";

export class Messenger extends Adversary {
  protected act(): void {}

  get isConnected(): boolean {
    return this.connected().length > 0;
  }

  publish(block: Uint8Array): void {
    this.gossipBlock(block, false);
  }
}
