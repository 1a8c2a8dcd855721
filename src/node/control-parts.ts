/**
 * What the control plane stands on beside the actors: its tokens and its audit log, opened from the settings, and the
 * settings in the control plane's words.
 */

import { join } from "node:path";
import type { ControlConfig, ControlTlsConfig } from "../../gen/alys/config/v1/config_pb.ts";
import type { Filled, Settings } from "../config/load.ts";
import { type AuditLog, openAuditLog } from "../control/audit-log.ts";
import { openTokenStore, type TokenStore } from "../control/auth/token-store.ts";
import type { ControlOptions } from "../control/server.ts";
import { realClock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { realRandom } from "../kernel/random.ts";

export interface ControlParts {
  readonly tokens: TokenStore;
  readonly audit: AuditLog | undefined;
  /** Where to listen, whom to trust, what to write down. */
  readonly options: Omit<ControlOptions, "services" | "log" | "clock">;
}

/** Folder of the data directory with the root key, the records and the first tokens. */
const TOKENS_FOLDER = "control";

/** Rejects with Failure when files cannot be used. */
export async function openControlParts(settings: Settings, log: Log): Promise<ControlParts> {
  const control = settings.control as Filled<ControlConfig> & { readonly tls: Filled<ControlTlsConfig> };
  const tokens = openTokenStore({
    directory: join(settings.storage.dataDirectory, TOKENS_FOLDER),
    clock: realClock,
    random: realRandom,
    isNeeded: control.requireTokens || control.tls.listenAddress !== "",
  });
  const audit =
    control.auditFile === ""
      ? undefined
      : await openAuditLog({
          path: control.auditFile,
          bytesMax: Number(control.auditBytesMax),
          filesMax: control.auditFilesMax,
          headFile: control.auditHeadFile,
          clock: realClock,
          log,
        });
  return {
    tokens,
    audit,
    options: {
      listenAddress: control.listenAddress,
      unixSocket: control.unixSocket,
      reflection: control.reflection,
      channelz: control.channelz,
      requireTokens: control.requireTokens,
      tls: control.tls,
      tokens,
      rateLimit: { callsPerSecond: control.callsPerSecond, burst: control.callsBurst },
      audit,
    },
  };
}
