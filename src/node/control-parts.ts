/**
 * What the control plane depends on beside the actors: its tokens and its audit log, opened from the settings, and the
 * settings in the control plane's words.
 */

import { join } from "node:path";
import type { ControlConfig, ControlTlsConfig } from "../../gen/alys/config/v1/config_pb.ts";
import type { Filled, Settings } from "../config/load.ts";
import { type AuditLog, openAuditLog } from "../control/audit-log.ts";
import { TOKENS_FOLDER } from "../control/auth/token-files.ts";
import { openTokenStore, type TokenStore } from "../control/auth/token-store.ts";
import type { ControlOptions } from "../control/server.ts";
import { isSocketPath } from "../control/socket.ts";
import { realClock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { realRandom } from "../kernel/ports/random.ts";

export interface ControlParts {
  readonly tokens: TokenStore;
  readonly audit: AuditLog | undefined;
  /** Where to listen, whom to trust, what to write down. */
  readonly options: Omit<ControlOptions, "services" | "log" | "clock">;
}

/** The name that config/table.ts gives the socket. */
const DEFAULT_SOCKET = "control.sock";

/** Rejects with Failure when files cannot be used. */
export async function openControlParts(settings: Settings, log: Log): Promise<ControlParts> {
  const control = settings.control as Filled<ControlConfig> & { readonly tls: Filled<ControlTlsConfig> };
  const tokens = openTokenStore({
    directory: join(settings.storage.dataDirectory, TOKENS_FOLDER),
    clock: realClock,
    random: realRandom,
    isNeeded: control.requireTokens || control.loopbackReads === "token" || control.tls.listenAddress !== "",
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
      unixSocket: socketOf(settings, log),
      reflection: control.reflection,
      channelz: control.channelz,
      requireTokens: control.requireTokens,
      loopbackReads: control.loopbackReads === "token" ? "token" : "open",
      tls: control.tls,
      tokens,
      rateLimit: { callsPerSecond: control.callsPerSecond, burst: control.callsBurst },
      audit,
    },
  };
}

/** Where a socket is not asked for by its path, a data directory with a long one is no reason not to start. */
function socketOf({ control, storage }: Settings, log: Log): string {
  const { unixSocket } = control;
  const isDefault = unixSocket === join(storage.dataDirectory, DEFAULT_SOCKET);
  if (!isDefault || isSocketPath(unixSocket) || control.listenAddress === "") return unixSocket;
  log.warn("no unix socket: its path would be too long; set control.unix_socket to a shorter one", {
    path: unixSocket,
    instead: "loopback and the token in control/local.token",
  });
  return "";
}
