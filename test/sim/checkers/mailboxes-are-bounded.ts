/** No mailbox holds more than its lanes allow. The world looks after every turn; here is counted that it had reason to. */

import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class MailboxesAreBounded implements Checker {
  readonly name = "mailbox-bounds";
  occasions = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  sample(): void {
    // More than one message in a mailbox: something was queued at all.
    if (this.#world.mailboxDepthMax > 1) this.occasions += 1;
  }
}
