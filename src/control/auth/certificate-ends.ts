/**
 * CertificateEnds: watches when the certificates of a listener end, its own and those of the clients' authorities, and
 * warns in time. A certificate that has ended still listens; whoever calls refuses it, or is refused.
 */
import { X509Certificate } from "node:crypto";
import type { Clock, TimerHandle } from "../../kernel/ports/clock.ts";
import type { Log } from "../../kernel/ports/log.ts";
import { EndWarnings } from "../../telemetry/end-warnings.ts";

export interface CertificateEnd {
  readonly use: "server" | "client authority";
  /** SHA-256 in hex with colons. */
  readonly fingerprint: string;
  readonly expiresMs: number;
}

/** `alysctl keys init` makes certificates for a year: a month is time enough to renew one by hand. */
const WARN_BELOW_MS = 30 * 24 * 3_600_000;

/** Warnings need no finer time. */
const LOOK_MS = 3_600_000;

/** Certificates of one file that are watched; further ones are not. */
const CERTIFICATES_MAX = 32;

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Each certificate of a PEM file. Throws on one that cannot be read. */
export function endsOf(pem: Buffer, use: CertificateEnd["use"]): CertificateEnd[] {
  const texts = (pem.toString("latin1").match(PEM) ?? []).slice(0, CERTIFICATES_MAX);
  return texts.map((text) => {
    const { fingerprint256, validToDate } = new X509Certificate(text);
    return { use, fingerprint: fingerprint256, expiresMs: validToDate.getTime() };
  });
}

export class CertificateEnds {
  readonly #clock: Clock;
  readonly #log: Log;
  #watched: readonly { readonly end: CertificateEnd; readonly warnings: EndWarnings }[] = [];
  #timer: TimerHandle | undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  get all(): readonly CertificateEnd[] {
    return this.#watched.map(({ end }) => end);
  }

  /** Others are in use from now on. */
  watch(ends: readonly CertificateEnd[]): void {
    this.#watched = ends.map((end) => ({ end, warnings: new EndWarnings(WARN_BELOW_MS) }));
    this.#timer?.cancel();
    this.#look();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    for (const { end, warnings } of this.#watched) {
      const { use, fingerprint, expiresMs } = end;
      const remainingMs = Math.floor(expiresMs - this.#clock.nowMs());
      const warning = warnings.look(remainingMs, this.#clock.monotonicMs());
      const fields = { use, fingerprint, expires: new Date(expiresMs).toISOString() };
      if (warning === "soon") this.#log.warn("a TLS certificate ends soon: renew it", fields);
      if (warning === "ended") this.#log.error("a TLS certificate has ended: callers are refused", fields);
    }
    this.#timer = this.#clock.setTimer(LOOK_MS, () => this.#look());
  }
}
