/**
 * The audit log of the control plane: one line for each call that changes state and for each refused one,
 * with who, what and how it ended. Reading calls leave a line at debug level only.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Clock } from "../kernel/clock.ts";
import type { Failure, StatusCode } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";

/** Codes that say that the caller was turned away, not that the work failed. */
const REFUSALS: ReadonlySet<StatusCode> = new Set([
  "PERMISSION_DENIED",
  "UNAUTHENTICATED",
  "RESOURCE_EXHAUSTED",
]);

export interface AuditRecord {
  /** The call ended; `reason` is undefined for OK. */
  end(reason: Failure | undefined): void;
}

export class Audit {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #name: string;
  readonly #changesState: boolean;

  constructor(method: DescMethod, parts: { readonly log: Log; readonly clock: Clock }) {
    this.#log = parts.log;
    this.#clock = parts.clock;
    this.#name = `${method.parent.typeName}/${method.name}`;
    this.#changesState =
      method.methodKind !== "server_streaming" &&
      method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  }

  begin(correlationId: string, peer: string): AuditRecord {
    const startedMs = this.#clock.monotonicMs();
    return {
      end: (reason) => {
        const fields = {
          method: this.#name,
          peer,
          correlationId,
          code: reason?.code ?? "OK",
          reason: reason?.reason,
          durationMs: Math.round(this.#clock.monotonicMs() - startedMs),
        };
        if (reason !== undefined && REFUSALS.has(reason.code)) this.#log.warn("control call refused", fields);
        else if (this.#changesState) this.#log.info("control call", fields);
        else this.#log.debug("control call", fields);
      },
    };
  }
}
