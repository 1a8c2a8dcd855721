/** `alysctl node id`: the peer id of a node that need not run, nor have run. A file of its own, loaded when it is asked for. */

import { join } from "node:path";
import { env } from "node:process";
import { loadSettings } from "../config/load.ts";
import { realRandom } from "../kernel/ports/random.ts";
import { loadOrCreateIdentity } from "../p2p/identity.ts";
import type { Session } from "./session.ts";

/** Makes the identity that the first start would make. Rejects with Failure: what the configuration or the key file says. */
export async function showPeerId(session: Session, configFile: string): Promise<void> {
  const { storage } = loadSettings(configFile, env);
  const { peerId } = await loadOrCreateIdentity(join(storage.dataDirectory, "identity.key"), realRandom);
  session.terminal.out(session.isJson ? JSON.stringify({ peerId }) : peerId);
}
