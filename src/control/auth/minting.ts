/**
 * What a token may be that somebody makes with a token or certificate: never more than its maker. What the maker does not
 * ask for is bounded in silence, what it asks for beyond its own is refused. Pure; asked by `token-store.ts`.
 */
import type { Caller } from "../../kernel/call.ts";
import { Failure, failure } from "../../kernel/errors.ts";
import { type GrantedScope, METHODS_MAX, SCOPE_ORDER } from "./token.ts";

export interface Wanted {
  readonly principal: string;
  readonly scope: GrantedScope;
  /** `package.Service/Method` or `package.Service/*`; none means every method of the scope. */
  readonly methods: readonly string[];
  /** Unix milliseconds; undefined for no end. */
  readonly expiresMs: number | undefined;
}

export interface Bounds {
  readonly methods: readonly string[];
  readonly expiresMs: number | undefined;
  /** The maker's token, when that is limited. */
  readonly parent: string | undefined;
}

/** What is kept of the maker's token. */
export interface MinterRecord {
  readonly id: string;
  readonly principal: string;
  readonly parent?: string | undefined;
}

/** Names that the node gives itself to callers without a token or certificate, and the sources of names. */
const RESERVED: ReadonlySet<string> = new Set([
  "owner",
  "anonymous",
  "loopback",
  "token",
  "certificate",
  "local",
]);

/**
 * The token's methods and end. PERMISSION_DENIED/TOKEN_EXCEEDS_MINTER says what goes beyond the maker,
 * INVALID_ARGUMENT/PRINCIPAL_RESERVED that nobody can have the name. Without a maker only the name is looked at.
 */
export function boundByMinter(
  wanted: Wanted,
  minter: Caller | undefined,
  record: MinterRecord | undefined,
): Bounds | Failure {
  const { principal, scope, methods, expiresMs } = wanted;
  if (RESERVED.has(principal.split("/")[0] ?? "")) return reserved(principal);
  if (minter === undefined) return { methods, expiresMs, parent: undefined };
  if (SCOPE_ORDER.indexOf(scope) > SCOPE_ORDER.indexOf(minter.scope)) {
    return exceeds("scope", `the scope ${scope} is more than ${minter.scope}`);
  }
  const endMs = minter.expiresMs ?? Number.POSITIVE_INFINITY;
  if (expiresMs !== undefined && expiresMs > endMs) {
    return exceeds(
      "lifetime_ms",
      `it would outlive what it is made with, which ends at ${new Date(endMs).toISOString()}`,
    );
  }
  const bounded = boundMethods(methods, minter.methodLists);
  if (bounded instanceof Failure) return bounded;
  const bounds = { methods: bounded, expiresMs: expiresMs ?? minter.expiresMs };
  if (minter.tokenId === undefined) return { ...bounds, parent: undefined };
  if (record === undefined) return exceeds("", "what it would be made with has expired");
  if (!isLimited(minter, record)) return { ...bounds, parent: undefined };
  const name = nameOf(minter);
  if (principal !== name && !principal.startsWith(`${name}/`)) {
    return exceeds("principal", `its name must be ${name} or begin with ${name}/`);
  }
  return { ...bounds, parent: record.id };
}

/** A whole token may make others of any name; one that was narrowed, ends, or was made by such a one, may not. */
function isLimited(minter: Caller, record: MinterRecord): boolean {
  const { methodLists, expiresMs } = minter;
  if (methodLists.length > 0 || expiresMs !== undefined || record.parent !== undefined) return true;
  return nameOf(minter) !== record.principal;
}

const nameOf = ({ principal }: Caller): string => principal.slice(principal.indexOf(":") + 1);

function boundMethods(
  methods: readonly string[],
  lists: readonly (readonly string[])[],
): readonly string[] | Failure {
  if (lists.length === 0) return methods;
  const isGranted = (method: string): boolean =>
    lists.every((list) => list.some((pattern) => covers(pattern, method)));
  const beyond = methods.find((method) => !isGranted(method));
  if (beyond !== undefined) return exceeds("methods", `${beyond} was not granted to what it is made with`);
  if (methods.length > 0) return methods;
  // Of each two that overlap one is the smaller, so what all lists have in common is made of their own entries.
  const common = [...new Set(lists.flat())].filter(isGranted);
  if (common.length > 0 && common.length <= METHODS_MAX) return common;
  return exceeds(
    "methods",
    "name the methods: those of what it is made with have too many or none in common",
  );
}

function covers(pattern: string, method: string): boolean {
  return pattern === method || (pattern.endsWith("/*") && method.startsWith(pattern.slice(0, -1)));
}

function exceeds(field: string, why: string): Failure {
  return failure(
    "PERMISSION_DENIED",
    "TOKEN_EXCEEDS_MINTER",
    `the token was not made: ${why}`,
    field === "" ? {} : { field },
  );
}

function reserved(principal: string): Failure {
  const text = `"${principal}" is a name that the node gives itself`;
  return failure("INVALID_ARGUMENT", "PRINCIPAL_RESERVED", text, { field: "principal" });
}
