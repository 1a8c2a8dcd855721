/**
 * Who may call what: names the caller of every call by its token, its certificate or the listener that it came
 * through, holds it to the scope that the method's option asks for and to its rate, and ends streams whose right to
 * run has ended. One gate a listener; they share the store of tokens and the rates. Asked by `calls.ts`.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import type { Metadata } from "@grpc/grpc-js";
import type { Caller } from "../../kernel/call.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import { policyOf, type ScopeName } from "../../kernel/policy.ts";
import type { Clock, TimerHandle } from "../../kernel/ports/clock.ts";
import type { Outsider } from "../../kernel/stream/reader.ts";
import { ANONYMOUS } from "../live-calls.ts";
import type { RateLimiter } from "./buckets.ts";
import { grantOfCertificate, type PeerCertificate } from "./identity.ts";
import type { Revocations } from "./revocations.ts";
import { type Grant, hasScope, namesMethod } from "./token.ts";
import type { TokenStore } from "./token-store.ts";

/**
 * What a listener asks for where a call brings no token: nothing (whoever reaches it is the owner), nothing for reading
 * and a token for all else (every user of this machine reaches it), a token, or the certificate that TLS has checked.
 */
export type Trust = "owner" | "reader" | "token" | "certificate";

export interface GateParts {
  readonly trust: Trust;
  /** It is a listener of this machine: who brings no token is told where one lies. */
  readonly isLoopback?: boolean | undefined;
  readonly clock: Clock;
  readonly tokens: TokenStore | undefined;
  readonly rates: RateLimiter | undefined;
  readonly trustDomain: string;
  /** Certificates that are not taken any more. */
  readonly revocations?: Revocations | undefined;
}

/** A call as it was judged. */
export interface Admission {
  /**
   * Who calls, with the source of the name before it, so that no source can give the names of another: token:ci,
   * certificate:operator/ops; "owner" for whoever reaches a listener that asks for nothing, "anonymous" for nobody.
   */
  readonly principal: string;
  /**
   * By whom it is counted: a token's id, a certificate's fingerprint. A holder may narrow its name as it likes, and
   * stays the same holder.
   */
  readonly holder: string;
  /** Nobody vouches for it. */
  readonly isAnonymous: boolean;
  /** What bounds it, for handlers that hand on rights. */
  readonly caller?: Caller | undefined;
  readonly tokenId: string | undefined;
  readonly expiresMs: number | undefined;
  /** SHA-256 of the certificate that it came with. */
  readonly fingerprint?: string | undefined;
  /** It may command the node, whatever it asks for now. */
  readonly isAdministrator: boolean;
  /** Why it may not go on. */
  readonly refusal: Failure | undefined;
}

interface AuthContext {
  readonly sslPeerCertificate?: (PeerCertificate & { readonly fingerprint256?: string }) | undefined;
}

/** What the gate reads of a call of grpc-js. */
export interface JudgedCall {
  readonly metadata: Metadata;
  getAuthContext(): AuthContext;
}

const OWNER: Admission = {
  principal: "owner",
  holder: "owner",
  isAnonymous: false,
  tokenId: undefined,
  expiresMs: undefined,
  isAdministrator: true,
  refusal: undefined,
};
/** Whoever asks for what everybody may ask, on a listener where others bring tokens. */
const NOBODY: Admission = {
  ...OWNER,
  principal: ANONYMOUS,
  holder: ANONYMOUS,
  isAnonymous: true,
  isAdministrator: false,
};
/** Whoever reads on loopback without a token: any user of this machine. */
const LOOPBACK: Admission = { ...NOBODY, principal: "loopback", holder: "loopback", isAnonymous: false };

const BEARER = /^Bearer +([\w.-]{1,4096})$/i;

/** A stream of somebody who is not known is short: whoever needs a longer one asks again, or brings a token. */
const ANONYMOUS_STREAM_MS_MAX = 60_000;

/** Certificates that are remembered, so that one is read once; at the bound all are forgotten. */
const CERTIFICATES_MAX = 256;

const TOKEN_MISSING = failure(
  "UNAUTHENTICATED",
  "TOKEN_MISSING",
  "the call needs a token: authorization: Bearer TOKEN",
);
const TOKEN_MISSING_LOCAL = failure(
  "UNAUTHENTICATED",
  "TOKEN_MISSING",
  "on loopback this call needs a token, as any user of this machine can connect: authorization: Bearer TOKEN, with that of " +
    "control/local.token in the data directory, or a call by the unix socket there (control.sock); both are the " +
    "owner's alone, and `alysctl --node FOLDER` finds them",
);
const ANONYMOUS_STREAM_OVER = failure(
  "UNAVAILABLE",
  "ANONYMOUS_STREAM_OVER",
  `without a token a stream ends after ${ANONYMOUS_STREAM_MS_MAX / 1000} s; ask again, or bring a token`,
  { retryDelayMs: 1_000 },
);
const TOKEN_INVALID = failure("UNAUTHENTICATED", "TOKEN_INVALID", "the token is none that this node made");
const TOKEN_EXPIRED = failure("UNAUTHENTICATED", "TOKEN_EXPIRED", "the token has expired");
const TOKEN_REVOKED = failure("UNAUTHENTICATED", "TOKEN_REVOKED", "the token was revoked");
const CERTIFICATE_EXPIRED = failure(
  "UNAUTHENTICATED",
  "CERTIFICATE_EXPIRED",
  "the client's certificate has expired",
);
const CERTIFICATE_REVOKED = failure(
  "UNAUTHENTICATED",
  "CERTIFICATE_REVOKED",
  "the client's certificate was revoked",
);
const CERTIFICATE_UNNAMED = failure(
  "UNAUTHENTICATED",
  "CERTIFICATE_UNNAMED",
  "the client's certificate names nobody of this node's trust domain",
);

export class Gate {
  readonly #parts: GateParts;
  readonly #grants = new Map<string, Grant | undefined>();
  /** Streams that run by a token, to be ended when it is revoked. */
  readonly #streams = new Map<string, Set<(reason: Failure) => void>>();
  /** Streams that run by a certificate, to be ended when that is revoked. */
  readonly #certified = new Map<(reason: Failure) => void, Admission>();
  readonly #stopListening: readonly (() => void)[];

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.#stopListening = [
      parts.tokens?.onRevoked((id) => this.#revoked(id)) ?? (() => {}),
      parts.revocations?.onChange(() => this.#revokedCertificates()) ?? (() => {}),
    ];
  }

  /** Judges a call. */
  admit(method: DescMethod, call: JudgedCall): Admission {
    const { trust, tokens } = this.#parts;
    const scope = scopeOf(method);
    const given = call.metadata.get("authorization");
    // Whoever lost its certificate does not come in by it, whatever token it has found beside.
    if (trust === "certificate" && this.#isRevoked(call.getAuthContext())) {
      return { ...NOBODY, refusal: CERTIFICATE_REVOKED };
    }
    if (given.length > 0 && tokens !== undefined) return this.#byToken(method, scope, given, tokens);
    if (trust === "certificate") return this.#byCertificate(method, scope, call.getAuthContext());
    if (trust === "owner") return OWNER;
    if (trust === "reader") return this.#onLoopback(scope);
    return scope === "public" ? NOBODY : { ...NOBODY, refusal: this.#missing };
  }

  /** Watches over a stream that was admitted: `end` is called once its right ends, until it is let go. */
  watch(admission: Admission, end: (reason: Failure) => void): () => void {
    const { tokenId, expiresMs, fingerprint } = admission;
    if (admission.isAnonymous) {
      const timer = this.#parts.clock.setTimer(ANONYMOUS_STREAM_MS_MAX, () => end(ANONYMOUS_STREAM_OVER));
      return () => timer.cancel();
    }
    if (tokenId === undefined && expiresMs === undefined && fingerprint === undefined) return () => {};
    if (fingerprint !== undefined) this.#certified.set(end, admission);
    if (tokenId !== undefined) this.#streamsOf(tokenId).add(end);
    let timer: TimerHandle | undefined;
    const arm = (): void => {
      if (expiresMs === undefined) return;
      const leftMs = expiresMs - this.#parts.clock.nowMs();
      if (leftMs <= 0) end(tokenId === undefined ? CERTIFICATE_EXPIRED : TOKEN_EXPIRED);
      // The wall clock may have been set back meanwhile.
      else timer = this.#parts.clock.setTimer(leftMs, arm);
    };
    arm();
    return () => {
      timer?.cancel();
      this.#certified.delete(end);
      if (tokenId === undefined) return;
      const streams = this.#streams.get(tokenId);
      streams?.delete(end);
      if (streams?.size === 0) this.#streams.delete(tokenId);
    };
  }

  get #missing(): Failure {
    return this.#parts.isLoopback === true ? TOKEN_MISSING_LOCAL : TOKEN_MISSING;
  }

  /** Nobody said who it is, but it is on this machine: it may read. */
  #onLoopback(scope: ScopeName): Admission {
    if (scope !== "public" && scope !== "read") return { ...LOOPBACK, refusal: TOKEN_MISSING_LOCAL };
    return { ...LOOPBACK, refusal: this.#parts.rates?.take(LOOPBACK.holder, LOOPBACK.principal) };
  }

  /** Lets go of the store. */
  close(): void {
    for (const stop of this.#stopListening) stop();
  }

  #byToken(method: DescMethod, scope: ScopeName, given: readonly unknown[], tokens: TokenStore): Admission {
    const [text] = given;
    const token = given.length === 1 && typeof text === "string" ? BEARER.exec(text)?.[1] : undefined;
    const verified = token === undefined ? undefined : tokens.verify(token);
    if (verified === undefined) return { ...NOBODY, refusal: TOKEN_INVALID };
    const { id: tokenId, expiresMs } = verified;
    const principal = `token:${verified.principal}`;
    const holder = `token ${tokens.rootOf(tokenId)}`;
    let refusal: Failure | undefined;
    if (tokens.isRevoked(tokenId)) refusal = TOKEN_REVOKED;
    else if (expiresMs !== undefined && expiresMs <= this.#parts.clock.nowMs()) refusal = TOKEN_EXPIRED;
    else refusal = this.#refusal(verified, method, scope, holder);
    const caller = { ...verified, principal, tokenId };
    const isAdministrator = refusal === undefined && hasScope(verified, "admin");
    return { principal, holder, isAnonymous: false, isAdministrator, caller, tokenId, expiresMs, refusal };
  }

  #byCertificate(method: DescMethod, scope: ScopeName, context: AuthContext): Admission {
    const grant = this.#grantOf(context.sslPeerCertificate);
    if (grant === undefined) return { ...NOBODY, refusal: CERTIFICATE_UNNAMED };
    const { expiresMs } = grant;
    const fingerprint = context.sslPeerCertificate?.fingerprint256 ?? "";
    const isExpired = expiresMs !== undefined && expiresMs <= this.#parts.clock.nowMs();
    const principal = `certificate:${grant.principal}`;
    const holder = `certificate ${fingerprint}`;
    const refusal = isExpired ? CERTIFICATE_EXPIRED : this.#refusal(grant, method, scope, holder);
    const caller = { ...grant, principal, tokenId: undefined };
    return {
      principal,
      holder,
      isAnonymous: false,
      isAdministrator: refusal === undefined && hasScope(grant, "admin"),
      caller,
      tokenId: undefined,
      expiresMs,
      fingerprint,
      refusal,
    };
  }

  #isRevoked({ sslPeerCertificate: certificate }: AuthContext): boolean {
    const { revocations } = this.#parts;
    if (revocations === undefined || certificate?.fingerprint256 === undefined) return false;
    return revocations.isRevoked(certificate.fingerprint256, this.#grantOf(certificate)?.principal ?? "");
  }

  #grantOf(certificate: AuthContext["sslPeerCertificate"]): Grant | undefined {
    const fingerprint = certificate?.fingerprint256;
    if (certificate === undefined || fingerprint === undefined) return undefined;
    if (this.#grants.has(fingerprint)) return this.#grants.get(fingerprint);
    const grant = grantOfCertificate(certificate, this.#parts.trustDomain);
    if (this.#grants.size >= CERTIFICATES_MAX) this.#grants.clear();
    this.#grants.set(fingerprint, grant);
    return grant;
  }

  #refusal(grant: Grant, method: DescMethod, scope: ScopeName, holder: string): Failure | undefined {
    if (scope !== "public") {
      if (!hasScope(grant, scope)) {
        const text = `${method.name} needs the scope ${scope}; ${grant.principal} has ${grant.scope}`;
        return failure("PERMISSION_DENIED", "SCOPE_REQUIRED", text, { metadata: { scope } });
      }
      if (grant.methodLists.length > 0 && !namesMethod(grant, method.parent.typeName, method.name)) {
        const name = `${method.parent.typeName}/${method.name}`;
        const text = `${grant.principal} was not granted ${name}`;
        return failure("PERMISSION_DENIED", "METHOD_NOT_GRANTED", text, { metadata: { method: name } });
      }
    }
    return this.#parts.rates?.take(holder, grant.principal);
  }

  #streamsOf(tokenId: string): Set<(reason: Failure) => void> {
    const known = this.#streams.get(tokenId);
    if (known !== undefined) return known;
    const streams = new Set<(reason: Failure) => void>();
    this.#streams.set(tokenId, streams);
    return streams;
  }

  #revokedCertificates(): void {
    for (const [end, { fingerprint = "", principal }] of [...this.#certified]) {
      const name = principal.slice("certificate:".length);
      if (this.#parts.revocations?.isRevoked(fingerprint, name)) end(CERTIFICATE_REVOKED);
    }
  }

  #revoked(tokenId: string): void {
    for (const end of [...(this.#streams.get(tokenId) ?? [])]) end(TOKEN_REVOKED);
  }
}

/** What its calls are counted under: a name that somebody gives a narrowed token opens no other account. */
export function outsiderOf({ holder, isAdministrator }: Admission): Outsider {
  return { account: holder === OWNER.holder ? undefined : holder, isAdministrator };
}

/** Scopes of the services that are not ours and carry no option. */
const STANDARD_SCOPES: Readonly<Record<string, ScopeName>> = {
  "grpc.channelz.v1.Channelz": "admin",
  "grpc.health.v1.Health": "public",
  "grpc.reflection.v1.ServerReflection": "read",
  "grpc.reflection.v1alpha.ServerReflection": "read",
};

/** Whether a method is not ours: then it carries no policy, and changes nothing. */
export function isStandard(method: DescMethod): boolean {
  return method.parent.typeName in STANDARD_SCOPES;
}

/** The scope that a method asks for. */
export function scopeOf(method: DescMethod): ScopeName {
  return STANDARD_SCOPES[method.parent.typeName] ?? policyOf(method).scope;
}
