/**
 * TLS credentials of a listener that follow their files: certificate, key and the clients' authorities are read again
 * when they change and are taken over only when they fit together, so that a renewal needs no restart and a half-written
 * one does no harm. Connections that stand keep the certificate that they began with, but end when the authority that
 * vouched for their client is not among those in the file any more.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContextOptions, type TlsOptions } from "node:tls";
import { asError, Failure, failure } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { Log } from "../../kernel/ports/log.ts";
import { type CertificateEnd, CertificateEnds, endsOf } from "./certificate-ends.ts";
import { FollowedFiles } from "./followed-files.ts";

export interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Authorities of clients' certificates; with it a client must bring one. */
  readonly clientCaFile: string | undefined;
}

/** Anyone but the owner may neither read nor write a private key. */
const OTHERS = 0o077;

/** A caller that has not finished its TLS handshake by then is cut off: anybody can open connections. */
const HANDSHAKE_MS_MAX = 10_000;

interface Loaded {
  readonly context: SecureContextOptions;
  /** Those that sign clients' certificates. */
  readonly authorities: readonly X509Certificate[];
  readonly fingerprint: string;
  readonly expires: string;
  readonly ends: readonly CertificateEnd[];
}

/** Reads the files. Throws Failure FAILED_PRECONDITION/TLS_FILES that names the one that is wrong. */
export function openCredentials(files: TlsFiles, clock: Clock, log: Log): RotatingCredentials {
  return new RotatingCredentials(files, loadTls(files), clock, log);
}

export class RotatingCredentials {
  readonly #files: TlsFiles;
  readonly #log: Log;
  readonly #followed: FollowedFiles;
  readonly #renewed = new Set<(context: SecureContextOptions) => void>();
  readonly #changed = new Set<() => void>();
  #loaded: Loaded;
  readonly #ends: CertificateEnds;

  constructor(files: TlsFiles, loaded: Loaded, clock: Clock, log: Log) {
    this.#files = files;
    this.#log = log;
    this.#loaded = loaded;
    const { fingerprint, expires, ends } = loaded;
    this.#ends = new CertificateEnds(clock, log);
    this.#ends.watch(ends);
    log.info("a server certificate is in use", { fingerprint, expires });
    const paths = [files.certificateFile, files.keyFile, files.clientCaFile];
    const given = paths.filter((path) => path !== undefined);
    this.#followed = new FollowedFiles(given, clock, () => this.#take());
  }

  /** How a TLS server begins; `onRenewed` tells of what comes later. */
  get serverOptions(): TlsOptions {
    const isMutual = this.#files.clientCaFile !== undefined;
    return {
      requestCert: isMutual,
      rejectUnauthorized: isMutual,
      minVersion: "TLSv1.3",
      handshakeTimeout: HANDSHAKE_MS_MAX,
      ...this.#loaded.context,
    };
  }

  /** Whether one of the authorities of now vouches for a chain of certificates, the client's first, that once was sound. */
  trusts(chain: readonly X509Certificate[]): boolean {
    return chain.some((one) =>
      this.#loaded.authorities.some(
        (authority) =>
          one.fingerprint256 === authority.fingerprint256 ||
          (one.checkIssued(authority) && one.verify(authority.publicKey)),
      ),
    );
  }

  /** Calls `listener` with each new certificate, until the returned function is called. */
  onRenewed(listener: (context: SecureContextOptions) => void): () => void {
    this.#renewed.add(listener);
    return () => this.#renewed.delete(listener);
  }

  /** Calls `listener` when the authorities are others than before, until the returned function is called. */
  onAuthorities(listener: () => void): () => void {
    this.#changed.add(listener);
    return () => this.#changed.delete(listener);
  }

  /** When the certificates in use end. */
  get ends(): readonly CertificateEnd[] {
    return this.#ends.all;
  }

  /** Stops following the files. */
  close(): void {
    this.#ends.close();
    this.#followed.close();
  }

  /** Takes over files that changed; keeps what it has while they do not fit together. */
  refresh(): void {
    this.#followed.refresh();
  }

  #take(): void {
    try {
      const before = this.#loaded;
      this.#loaded = loadTls(this.#files);
      const { context, fingerprint, expires, authorities, ends } = this.#loaded;
      for (const listener of [...this.#renewed]) listener(context);
      this.#ends.watch(ends);
      this.#log.info("the server certificate was renewed", { fingerprint, expires });
      if (namesOf(authorities) === namesOf(before.authorities)) return;
      this.#log.warn("the clients' authorities changed", { authorities: authorities.length });
      for (const listener of [...this.#changed]) listener();
    } catch (error) {
      this.#log.warn("the new TLS files are not used", { error });
    }
  }
}

function loadTls({ certificateFile, keyFile, clientCaFile }: TlsFiles): Loaded {
  const certificate = read(certificateFile, "tls.certificate_file");
  const key = read(keyFile, "tls.key_file");
  if ((statSync(keyFile).mode & OTHERS) !== 0) {
    throw tlsFailure("tls.key_file", `others can read ${keyFile}; run: chmod 600 ${keyFile}`);
  }
  const ca = clientCaFile === undefined ? undefined : read(clientCaFile, "tls.client_ca_file");
  const context = { cert: [certificate], key: [key], ...(ca === undefined ? {} : { ca }) };
  try {
    const leaf = new X509Certificate(certificate);
    if (!leaf.checkPrivateKey(createPrivateKey(key))) {
      throw tlsFailure("tls.key_file", `${keyFile} is not the key of ${certificateFile}`);
    }
    const authorities = ca === undefined ? [] : certificatesOf(ca);
    createSecureContext(context);
    const ends = [
      ...endsOf(certificate, "server"),
      ...(ca === undefined ? [] : endsOf(ca, "client authority")),
    ];
    return { context, authorities, fingerprint: leaf.fingerprint256, expires: leaf.validTo, ends };
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw tlsFailure("tls.certificate_file", `the TLS files cannot be used: ${asError(thrown).message}`);
  }
}

/** All certificates of a PEM file; at least one, or it throws. */
function certificatesOf(pem: Buffer): readonly X509Certificate[] {
  const found = pem.toString("latin1").match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  return (found ?? [pem]).map((one) => new X509Certificate(one));
}

const namesOf = (certificates: readonly X509Certificate[]): string =>
  certificates.map(({ fingerprint256 }) => fingerprint256).join(" ");

function read(file: string, field: string): Buffer {
  if (file === "") throw tlsFailure(field, "it is not set, and a TLS listener needs it");
  try {
    return readFileSync(file);
  } catch (thrown) {
    throw tlsFailure(field, asError(thrown).message);
  }
}

function tlsFailure(field: string, why: string): Failure {
  return failure("FAILED_PRECONDITION", "TLS_FILES", `control.${field}: ${why}`, {
    field: `control.${field}`,
  });
}
