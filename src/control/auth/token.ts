/**
 * Tokens of the control plane: an id and a chain of caveats, each bound to what stands before it by HMAC-SHA256, so
 * that a holder can narrow its token without asking anybody and nobody can widen one (Birgisson et al., "Macaroons",
 * NDSS 2014). Pure: the root key and the time are handed in. `token-store.ts` makes tokens and knows which are revoked.
 *
 *   alys1.ID.CAVEAT.CAVEAT….SIGNATURE      caveats and signature in base64url
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { ScopeName } from "../../kernel/policy.ts";

const VERSION = "alys1";
/** A longer text is no token. Room for all caveats at their longest is not needed: metadata has its own limits. */
const TOKEN_LENGTH_MAX = 4_096;
/** More caveats are refused, so that verifying costs at most this many hashes. */
const CAVEATS_MAX = 16;
/** Methods that one caveat may list; more are refused. */
export const METHODS_MAX = 32;

const ID = /^[0-9a-f]{24}$/;
const SIGNATURE = /^[\w-]{43}$/;
export const PRINCIPAL = /^[a-z0-9._-]{1,64}(?:\/[a-z0-9._-]{1,64}){0,3}$/;
const METHOD = /^[\w.]{1,96}\/(?:\w{1,64}|\*)$/;

/** What narrows a token. */
export type Caveat =
  | { readonly kind: "principal"; readonly name: string }
  | { readonly kind: "scope"; readonly scope: GrantedScope }
  /** `package.Service/Method` or `package.Service/*`. */
  | { readonly kind: "methods"; readonly methods: readonly string[] }
  | { readonly kind: "expires"; readonly atMs: number };

export type GrantedScope = Extract<ScopeName, "read" | "operate" | "admin">;

/** What a token, a certificate or the listener grants. */
export interface Grant {
  readonly principal: string;
  readonly scope: GrantedScope;
  /** Each list must name the method; none means every method of the scope. */
  readonly methodLists: readonly (readonly string[])[];
  /** Unix milliseconds; undefined for no end. */
  readonly expiresMs: number | undefined;
}

export interface VerifiedToken extends Grant {
  readonly id: string;
}

/** Each scope includes those before it. */
export const SCOPE_ORDER: readonly ScopeName[] = ["public", "read", "operate", "admin"];

/** Makes a token. `caveats` must begin with a principal and hold a scope, or nobody can use it. */
export function mintToken(rootKey: Uint8Array, id: string, caveats: readonly Caveat[]): string {
  const parts = [VERSION, id];
  let signature = first(rootKey, id);
  for (const caveat of caveats) {
    const text = writeCaveat(caveat);
    parts.push(encode(text));
    signature = next(signature, text);
  }
  return [...parts, signature.toString("base64url")].join(".");
}

/** Narrows a token; needs nothing but the token. Undefined when it is none. */
export function attenuateToken(token: string, caveats: readonly Caveat[]): string | undefined {
  const parts = split(token);
  if (parts === undefined) return undefined;
  let signature: Buffer = Buffer.from(parts.signature, "base64url");
  const added = caveats.map((caveat) => {
    const text = writeCaveat(caveat);
    signature = next(signature, text);
    return encode(text);
  });
  return [VERSION, parts.id, ...parts.caveats, ...added, signature.toString("base64url")].join(".");
}

/** What the token grants; undefined when it is none of ours, was tampered with, or contradicts itself. */
export function verifyToken(rootKey: Uint8Array, token: string): VerifiedToken | undefined {
  const parts = split(token);
  if (parts === undefined) return undefined;
  const texts = parts.caveats.map((part) => Buffer.from(part, "base64url").toString("utf8"));
  const signature = texts.reduce(next, first(rootKey, parts.id));
  if (!timingSafeEqual(signature, Buffer.from(parts.signature, "base64url"))) return undefined;
  const caveats: Caveat[] = [];
  for (const text of texts) {
    const caveat = readCaveat(text);
    // A caveat that is not understood cannot be enforced.
    if (caveat === undefined) return undefined;
    caveats.push(caveat);
  }
  const grant = grantOf(caveats);
  return grant === undefined ? undefined : { id: parts.id, ...grant };
}

/** Whether the grant names the method; the scope is another question. */
export function namesMethod(grant: Grant, service: string, method: string): boolean {
  return grant.methodLists.every((list) =>
    list.some((name) => name === `${service}/${method}` || name === `${service}/*`),
  );
}

export function hasScope(grant: Grant, scope: ScopeName): boolean {
  const wanted = SCOPE_ORDER.indexOf(scope);
  return wanted >= 0 && wanted <= SCOPE_ORDER.indexOf(grant.scope);
}

/** Everything that all caveats grant together. */
function grantOf(caveats: readonly Caveat[]): Grant | undefined {
  let principal: string | undefined;
  let scope: GrantedScope | undefined;
  let expiresMs: number | undefined;
  const methodLists: (readonly string[])[] = [];
  for (const caveat of caveats) {
    switch (caveat.kind) {
      case "principal":
        // A holder may add a name below its own, not take another.
        if (principal !== undefined && !caveat.name.startsWith(`${principal}/`)) return undefined;
        principal = caveat.name;
        break;
      case "scope":
        if (scope === undefined || SCOPE_ORDER.indexOf(caveat.scope) < SCOPE_ORDER.indexOf(scope)) {
          scope = caveat.scope;
        }
        break;
      case "methods":
        methodLists.push(caveat.methods);
        break;
      case "expires":
        expiresMs = Math.min(expiresMs ?? Number.POSITIVE_INFINITY, caveat.atMs);
        break;
    }
  }
  if (principal === undefined || scope === undefined) return undefined;
  return { principal, scope, methodLists, expiresMs };
}

function writeCaveat(caveat: Caveat): string {
  switch (caveat.kind) {
    case "principal":
      return `principal=${caveat.name}`;
    case "scope":
      return `scope=${caveat.scope}`;
    case "methods":
      return `methods=${caveat.methods.join(",")}`;
    case "expires":
      return `expires=${caveat.atMs}`;
  }
}

function readCaveat(text: string): Caveat | undefined {
  const at = text.indexOf("=");
  const value = text.slice(at + 1);
  switch (text.slice(0, at)) {
    case "principal":
      return PRINCIPAL.test(value) ? { kind: "principal", name: value } : undefined;
    case "scope":
      return value === "read" || value === "operate" || value === "admin"
        ? { kind: "scope", scope: value }
        : undefined;
    case "methods": {
      const methods = value.split(",");
      return methods.length <= METHODS_MAX && methods.every(isMethodPattern)
        ? { kind: "methods", methods }
        : undefined;
    }
    case "expires":
      return /^\d{1,15}$/.test(value) ? { kind: "expires", atMs: Number(value) } : undefined;
    default:
      return undefined;
  }
}

/** `package.Service/Method` or `package.Service/*`. */
export function isMethodPattern(text: string): boolean {
  return METHOD.test(text);
}

function split(token: string): { id: string; caveats: string[]; signature: string } | undefined {
  if (token.length > TOKEN_LENGTH_MAX) return undefined;
  const [version, id = "", ...rest] = token.split(".");
  const signature = rest.pop() ?? "";
  if (version !== VERSION || !ID.test(id) || !SIGNATURE.test(signature)) return undefined;
  if (![...rest, signature].every(isCanonical)) return undefined;
  return rest.length <= CAVEATS_MAX ? { id, caveats: rest, signature } : undefined;
}

/** Base64url has spare bits at its end: one text a token, or a revoked one could be spelled anew. */
function isCanonical(text: string): boolean {
  return Buffer.from(text, "base64url").toString("base64url") === text;
}

function first(rootKey: Uint8Array, id: string): Buffer {
  return createHmac("sha256", rootKey).update(`${VERSION}.${id}`).digest();
}

function next(signature: Buffer, caveat: string): Buffer {
  return createHmac("sha256", signature).update(caveat).digest();
}

function encode(text: string): string {
  return Buffer.from(text, "utf8").toString("base64url");
}
