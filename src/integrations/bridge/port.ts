/**
 * The port of the BridgeActor: what the federation's own processes say to each other, and what they should know of the
 * chain. Messages arrive over the privileged channel of members; the bridge asks nobody.
 */

export interface FederationNote {
  /** BLS key of the member whose delegation the sender proved, 48 bytes. */
  readonly memberKey: Uint8Array;
  /** At most 64 characters. */
  readonly label: string;
  /** At most 1 MiB, opaque to the node. */
  readonly content: Uint8Array;
}

export interface BridgePort {
  /** Hands over a member's message. Rejects with a Failure UNAVAILABLE when no bridge is there to take it. */
  deliver(note: FederationNote): Promise<void>;
  close(): Promise<void>;
}
