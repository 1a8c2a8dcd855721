/**
 * Makes an alysd misbehave: imported before its main module, it stands between the node and its host. What the node
 * answers with blocks is withheld (silent), sent a piece every two seconds (slow), or changed by a bit (lying).
 * Everything else it does honestly, so that its head is proven and it is asked.
 */

import { isMainThread } from "node:worker_threads";
import type { Host } from "../../src/p2p/port.ts";
import { type Misbehaviour, ROGUE_VARIABLE } from "./misbehaviour.ts";

const SLOW_MS = 2_000;

type Respond = Host["respond"];
type Answer = Parameters<Respond>[1];

if (isMainThread) {
  const { Libp2pHost } = await import("../../src/p2p/libp2p/host.ts");
  const honest: Respond = Libp2pHost.prototype.respond;
  Libp2pHost.prototype.respond = function (this: Host, handle, answer): void {
    const adversary = misbehaving(answer, process.env[ROGUE_VARIABLE] as Misbehaviour);
    if (adversary !== undefined) honest.call(this, handle, adversary);
  };
}

/** Blocks are answered by a generator, all else by arrays. */
function misbehaving(answer: Answer, kind: Misbehaviour): Answer | undefined {
  if (typeof answer === "string" || !("next" in answer)) return answer;
  if (kind === "silent") return undefined;
  return kind === "slow" ? slowly(answer) : falsely(answer);
}

async function* slowly(answer: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  for await (const chunk of answer) {
    await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    yield chunk;
  }
}

async function* falsely(answer: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  for await (const chunk of answer) {
    const changed = chunk.slice();
    const middle = changed.length >> 1;
    changed[middle] = (changed[middle] ?? 0) ^ 1;
    yield changed;
  }
}
