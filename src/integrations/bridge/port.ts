/**
 * The port of the BridgeActor: what the federation's own processes say to each other, and what they should know of the
 * chain. Messages arrive over the privileged channel of members; the bridge asks nobody.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  AuthoritiesNoticeSchema,
  EquivocationNoticeSchema,
  FederationNoticeSchema,
  PegNoticeSchema,
} from "../../../gen/alys/integration/v1/notice_pb.ts";

export interface FederationNote {
  /** BLS key of the member whose delegation the sender proved, 48 bytes. */
  readonly memberKey: Uint8Array;
  /** At most 64 characters. */
  readonly label: string;
  /** At most 1 MiB, opaque to the node. */
  readonly content: Uint8Array;
}

export interface BridgePort {
  /**
   * Hands over a member's message and gives the reply to it, which may be empty. Rejects with a Failure UNAVAILABLE when
   * no bridge is there to take it.
   */
  deliver(note: FederationNote): Promise<Uint8Array>;
  close(): Promise<void>;
}

export type BridgeNotice =
  | { readonly kind: "peg"; readonly value: MessageInitShape<typeof PegNoticeSchema> }
  | { readonly kind: "authorities"; readonly value: MessageInitShape<typeof AuthoritiesNoticeSchema> }
  | { readonly kind: "federation"; readonly value: MessageInitShape<typeof FederationNoticeSchema> }
  | { readonly kind: "equivocation"; readonly value: MessageInitShape<typeof EquivocationNoticeSchema> };

/** Who is told of what the bridge should know. */
export interface BridgeListener {
  /** Wants no answer. */
  tell(notice: BridgeNotice): void;
}
