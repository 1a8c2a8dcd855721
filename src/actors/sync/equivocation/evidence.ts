/** Evidence: what two approvals of different headers of one slot prove. */

import type { ApprovalCheck } from "../../../chain/validator.ts";

/** What two approvals prove. Both were verified. */
export interface Evidence {
  readonly slot: number;
  /** 48 bytes each, one at least. */
  readonly guiltyKeys: readonly Uint8Array[];
  readonly first: ApprovalCheck;
  readonly second: ApprovalCheck;
}
