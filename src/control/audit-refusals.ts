/**
 * Refused calls in few lines: anybody who can connect can be refused as often as it likes, so they are counted by why and
 * from where, and each count is one line a minute. Written to a file of their own by `audit-log.ts`, so that no number of
 * them moves out what was done.
 */
import { isIP } from "node:net";
import type { Clock, TimerHandle } from "../kernel/ports/clock.ts";
import type { AuditEntry } from "./audit.ts";

/** Longest time that a count is only in memory. */
const SUMMARY_MS = 60_000;
/** Kinds of refused calls (why, from where, by whom) that one summary of the audit log tells apart; at the bound the rest is counted together. */
const KINDS_MAX = 64;

/** One line of the summary; the caller that is named is the first of them. */
export interface RefusalSummary {
  readonly reason: string;
  readonly code: string;
  /** Where they came from: unix, loopback, private, public; "other" for what is beyond the bound. */
  readonly from: string;
  /** Who they were: anonymous, token, certificate, owner. */
  readonly source: string;
  readonly calls: number;
  readonly firstTime: string;
  readonly lastTime: string;
  readonly first: Pick<AuditEntry, "principal" | "token" | "peer" | "method" | "correlationId">;
}

interface Counted {
  readonly entry: AuditEntry;
  readonly kind: Pick<RefusalSummary, "reason" | "code" | "from" | "source">;
  readonly firstMs: number;
  lastMs: number;
  calls: number;
}

export class RefusalSummaries {
  readonly #clock: Clock;
  readonly #write: (summary: RefusalSummary) => void;
  readonly #counted = new Map<string, Counted>();
  #timer: TimerHandle | undefined;

  constructor(clock: Clock, write: (summary: RefusalSummary) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  count(entry: AuditEntry): void {
    const nowMs = this.#clock.nowMs();
    let kind = kindOf(entry);
    let key = Object.values(kind).join(" ");
    if (!this.#counted.has(key) && this.#counted.size >= KINDS_MAX) {
      kind = { reason: "OTHER", code: "OTHER", from: "other", source: "other" };
      key = "other";
    }
    const known = this.#counted.get(key);
    if (known === undefined) {
      this.#counted.set(key, { entry, kind, firstMs: nowMs, lastMs: nowMs, calls: 1 });
      this.#timer ??= this.#clock.setTimer(SUMMARY_MS, () => this.flush());
      return;
    }
    known.lastMs = nowMs;
    known.calls += 1;
  }

  /** Writes what was counted. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const counted = [...this.#counted.values()];
    this.#counted.clear();
    for (const { entry, kind, firstMs, lastMs, calls } of counted) {
      const { principal, token, peer, method, correlationId } = entry;
      this.#write({
        ...kind,
        calls,
        firstTime: new Date(firstMs).toISOString(),
        lastTime: new Date(lastMs).toISOString(),
        first: { principal, token, peer, method, correlationId },
      });
    }
  }
}

function kindOf({ reason = "", code, peer, principal }: AuditEntry): Counted["kind"] {
  return { reason, code, from: classOf(peer), source: principal.split(":")[0] ?? principal };
}

/** What kind of address a peer ("192.0.2.1:4711", "::1:4711", "unix") has. */
export function classOf(peer: string): string {
  const last = peer.lastIndexOf(":");
  const host = peer.slice(0, last).replace(/^::ffff:(?=\d+\.)/, "");
  if (last < 0 || isIP(host) === 0) return "unix";
  if (host === "::1" || host.startsWith("127.")) return "loopback";
  return PRIVATE.test(host) ? "private" : "public";
}

/** RFC 1918, RFC 3927, RFC 4193 and link-local IPv6. */
const PRIVATE =
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/i;
