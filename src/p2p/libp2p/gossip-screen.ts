/**
 * Stands in front of gossipsub's router: counts what each RPC asks of it, and shows each message the intake (gossip-intake.ts)
 * before the router hears of it, so that what is refused takes no place in its caches. Gossipsub has no hook for either; its
 * router's own methods are replaced before it starts.
 */

import type { PeerId } from "@libp2p/interface";
import { assert } from "../../kernel/errors.ts";
import { messageId } from "../gossip-envelope.ts";
import type { Guard } from "./guard.ts";

/** A message as gossipsub decodes it. */
interface RpcMessage {
  readonly from?: Uint8Array;
  readonly data?: Uint8Array;
  readonly seqno?: Uint8Array;
  readonly topic: string;
  readonly signature?: Uint8Array;
  readonly key?: Uint8Array;
}

interface IdList {
  readonly messageIDs?: readonly Uint8Array[];
}

interface Rpc {
  readonly subscriptions?: readonly unknown[];
  readonly messages?: readonly RpcMessage[];
  readonly control?: {
    readonly ihave?: readonly IdList[];
    readonly iwant?: readonly IdList[];
    readonly idontwant?: readonly IdList[];
    readonly graft?: readonly unknown[];
    readonly prune?: readonly unknown[];
  };
}

/** What gossipsub's router has of its own. */
export interface ScreenedRouter {
  handleReceivedRpc(from: PeerId, rpc: Rpc): Promise<void>;
  handleReceivedMessage(from: PeerId, message: RpcMessage): Promise<void>;
  readonly seenCache: { has(id: string): boolean };
  readonly msgIdToStrFn: (id: Uint8Array) => string;
  readonly gossipTracer: {
    readonly promises: { readonly size: number };
    deliverMessage(id: string, isDuplicate?: boolean): void;
  };
}

/** Decides about a message; `pass` hands it to the router and is done when the router is done with it. */
export type Screen = (
  peerId: string,
  message: { readonly topicId: string; readonly data: Uint8Array },
  pass: () => Promise<void>,
) => Promise<"passed" | "refused">;

export interface ScreenParts {
  readonly guard: Guard;
  readonly screen: Screen;
  /** A message that names an author, or is signed: ours are not. */
  readonly onSigned: (peerId: string, bytes: Uint8Array) => void;
}

const NOTHING = new Uint8Array();

/** Puts the screen before the router. Before it starts. */
export function screenGossip(router: ScreenedRouter, { guard, screen, onSigned }: ScreenParts): void {
  assert(typeof router.handleReceivedRpc === "function", "gossipsub handles RPC by RPC");
  assert(typeof router.handleReceivedMessage === "function", "gossipsub handles message by message");
  assert(typeof router.seenCache?.has === "function", "gossipsub tells which messages it knows");
  assert(typeof router.gossipTracer?.promises?.size === "number", "gossipsub tells what it was promised");
  const handleRpc = router.handleReceivedRpc.bind(router);
  const handleMessage = router.handleReceivedMessage.bind(router);
  router.handleReceivedRpc = async (from, rpc) => {
    if (isWithinBudget(guard, from.toString(), rpc)) await handleRpc(from, rpc);
  };
  router.handleReceivedMessage = async (from, message) => {
    const peerId = from.toString();
    const { topic: topicId, data = NOTHING } = message;
    const author = authorBytes(message);
    if (author !== undefined) return onSigned(peerId, author);
    const outcome = await screen(peerId, { topicId, data }, () => handleMessage(from, message));
    // What we asked for and then left unheard was sent as promised.
    if (outcome === "refused" && router.gossipTracer.promises.size > 0)
      router.gossipTracer.deliverMessage(router.msgIdToStrFn(messageId(topicId, data)), true);
  };
}

/** The first of the fields that an unsigned message does not have; undefined when it has none. */
function authorBytes({ from, seqno, signature, key }: RpcMessage): Uint8Array | undefined {
  return [from, seqno, signature, key].find((bytes) => bytes !== undefined && bytes.length > 0);
}

/** Counts what the RPC asks for; false past a budget: then the peer is about to be cut, and nothing of it is carried out. */
function isWithinBudget(guard: Guard, peerId: string, { subscriptions, control }: Rpc): boolean {
  if (!guard.take(peerId, "gossipRpcs", 1)) return false;
  let controls = subscriptions?.length ?? 0;
  let ids = 0;
  const { ihave = [], iwant = [], idontwant = [], graft = [], prune = [] } = control ?? {};
  controls += ihave.length + iwant.length + graft.length + prune.length;
  for (const { messageIDs } of [...ihave, ...iwant, ...idontwant])
    ids += Math.max(1, messageIDs?.length ?? 0);
  if (controls > 0 && !guard.take(peerId, "gossipControls", controls)) return false;
  return ids === 0 || guard.take(peerId, "gossipIds", ids);
}
