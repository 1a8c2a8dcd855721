/**
 * The composition root: opens what a node stands on and has it composed (composition.ts). With the rest of node/ it is the one place
 * that picks implementations. main.ts runs it.
 */

import { Composition } from "./composition.ts";
import { type ControlParts, openControlParts } from "./control-parts.ts";
import { openResources } from "./resources.ts";
import type { NodeOptions, RunningNode } from "./running.ts";

/** Starts a node. Throws a Failure that says what could not be opened; then nothing is left open. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { log } = options;
  const { settings } = options.loaded;
  const resources = await openResources(settings, log);
  let controlParts: ControlParts | undefined;
  try {
    controlParts = await openControlParts(settings, log.child({ part: "control" }));
    return await new Composition(options, resources, controlParts).start();
  } catch (error) {
    await controlParts?.audit?.close();
    await resources
      .close()
      .catch((secondary: unknown) => log.error("closing failed too", { error: secondary }));
    throw error;
  }
}
