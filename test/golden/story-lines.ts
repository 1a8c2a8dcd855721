/** An effect of the SyncMachine as one line of a golden story: what it is, then what a reader wants to know of it. */

import { Offence } from "../../gen/alys/peer/v1/peer_pb.ts";
import type { SyncEffect } from "../../src/actors/sync/effect.ts";
import { toHex } from "../../src/chain/hex.ts";
import type { StoryChains } from "./story-chains.ts";

/** `label` names what the effect asks for, where the story answers it by a later line. */
export function effectLine(effect: SyncEffect, chains: StoryChains, label: string): string {
  switch (effect.type) {
    case "request":
      return `request ${label} ${effect.peerId} ${effect.first}..${effect.first + effect.count - 1}`;
    case "cancel":
      return `cancel r${effect.requestId}`;
    case "validate":
      return `validate ${label} ${chains.runOf(effect.blocks)} ${effect.policy}, sets of ${effect.sets.basis}`;
    case "validateLive":
      return `validate ${label} ${chains.runOf([effect.block])} alone, sets of ${effect.sets.basis}`;
    case "import":
    case "importLive": {
      const { segment } = effect;
      const blocks = Array.from({ length: segment.count }, (_, index) =>
        segment.bytes.subarray(segment.offsets[index], segment.offsets[index + 1]),
      );
      return `import ${label} ${chains.runOf(blocks)}`;
    }
    case "offence":
      return `offence ${effect.peerId} ${nameIn(Offence, effect.offence)}: ${effect.detail}`;
    case "performance":
      return `performance ${effect.peerId} ${effect.succeeded ? `${effect.blocks} blocks` : "failed"}`;
    case "lookUp":
      return `look up ${label} ${effect.peerId} ${chains.nameOf(effect.hash)}`;
    case "verdict":
      return `verdict ${effect.handle} ${effect.verdict}`;
    case "checkTail":
      return `check tail ${effect.first}..${effect.first + effect.count - 1}`;
    case "accepted":
      return `accepted own ${effect.token} ${chains.nameOf(effect.hash)}`;
    case "refused":
      return `refused own ${effect.token}: ${effect.reason.message}`;
    case "warning":
      return `warning: ${effect.message} ${words(effect.fields, chains)}`;
    default:
      return words(effect, chains);
  }
}

/** Of a generated enum, the name of a value. */
export function nameIn(values: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(values).find((name) => values[name] === value) ?? String(value);
}

function words(fields: object, chains: StoryChains): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      if (value instanceof Uint8Array) return `${name}=${chains.nameOf(value)}`;
      if (name === "hash" && typeof value === "string") return `hash=${nameOfHex(value, chains)}`;
      return name === "type" ? String(value) : `${name}=${typeof value === "object" ? "…" : String(value)}`;
    })
    .join(" ");
}

function nameOfHex(hex: string, chains: StoryChains): string {
  const hash = Uint8Array.from(Buffer.from(hex, "hex"));
  return toHex(hash) === hex ? chains.nameOf(hash) : hex;
}
