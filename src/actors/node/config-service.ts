/** What the NodeActor asks of the node's configuration. The composition root hands in who answers. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  GetConfigResponseSchema,
  UpdateConfigRequest,
  UpdateConfigResponseSchema,
} from "../../../gen/alys/node/v1/node_pb.ts";

export interface NodeConfigService {
  /** What is in force, where it comes from, what waits for a restart; sensitive settings are hidden. */
  view(): MessageInitShape<typeof GetConfigResponseSchema>;
  /**
   * Checks a change, writes it down and puts it into force. Rejects with Failure: INVALID_ARGUMENT/CONFIG_INVALID with
   * the path of every faulty field, FAILED_PRECONDITION/CONFIG_FILE_ONLY, or that the file could not be written.
   */
  update(request: UpdateConfigRequest): Promise<MessageInitShape<typeof UpdateConfigResponseSchema>>;
}
