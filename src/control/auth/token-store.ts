/**
 * The tokens that this node made: its root key, what is kept of each token, and which are revoked. A token whose record
 * is not here is not taken, so a lost file locks out and never lets in. Owns the folder; used by the gate, which asks
 * on every call, and by the node's actor, which makes and revokes.
 */
import { chmodSync, existsSync, lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Caller } from "../../kernel/call.ts";
import { asError, assert, Failure, failure } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import { makeFolder } from "../../kernel/ports/folder.ts";
import type { Random } from "../../kernel/ports/random.ts";
import { writeFileAtomic, writeFileAtomicSync } from "../../storage/files.ts";
import { boundByMinter } from "./minting.ts";
import { readOwn } from "./own-file.ts";
import { type Caveat, type GrantedScope, mintToken, type VerifiedToken, verifyToken } from "./token.ts";
import { LOCAL_TOKEN_FILE } from "./token-files.ts";

/** What is kept of a token; times in Unix milliseconds. */
export interface TokenRecord {
  readonly id: string;
  readonly principal: string;
  readonly scope: GrantedScope;
  readonly methods: readonly string[];
  readonly createdMs: number;
  readonly expiresMs: number | undefined;
  readonly revokedMs: number | undefined;
  /** It is, or was, the one that the node makes for its owner's programs on this machine. */
  readonly isLocal?: boolean | undefined;
  /** The limited token that it was made with: it is revoked with that one, and its calls count as that one's. */
  readonly parent?: string | undefined;
}

export interface TokenOrder {
  readonly principal: string;
  readonly scope: GrantedScope;
  readonly methods: readonly string[];
  readonly lifetimeMs: number | undefined;
  /** Who makes it: what bounds the maker bounds the token. Undefined for the node itself. */
  readonly minter?: Caller | undefined;
}

/** Tokens that are kept; at the bound a new one is refused until some expire, but for the local one. 300 bytes each. */
const TOKENS_MAX = 10_000;
/** Verified tokens that are remembered, so that a call costs a look-up and no hashes; at the bound all are forgotten. */
const REMEMBERED_MAX = 1_024;
/** Records of local tokens that were replaced, for whoever reads the audit log beside them; the oldest is forgotten. */
const LOCAL_RECORDS_MAX = 32;
/** Records of expired tokens stay this long, for whoever reads the audit log beside them. */
const EXPIRED_KEPT_MS = 7 * 24 * 3_600_000;

/** A token made with one that was made with one, and so on; one more is refused. */
const GENERATIONS_MAX = 8;

const ROOT_KEY_BYTES = 32;
const ID_BYTES = 12;
const ROOT_KEY_FILE = "root.key";
const RECORDS_FILE = "tokens.json";

const LOCAL_PRINCIPAL = "local";
const TOO_MANY_GENERATIONS = failure(
  "PERMISSION_DENIED",
  "TOKEN_EXCEEDS_MINTER",
  `a token made with a token has at most ${GENERATIONS_MAX} generations`,
);

/** Tokens that are there from the first start that needs them, by file name. */
const FIRST_TOKENS: readonly (readonly [file: string, principal: string, scope: GrantedScope])[] = [
  ["admin.token", "admin", "admin"],
  ["operator.token", "operator", "operate"],
  ["readonly.token", "readonly", "read"],
];

export interface TokenStoreParts {
  /** Made with mode 0700. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  /** A listener asks for tokens: there must be some to begin with. */
  readonly isNeeded: boolean;
}

/** Opens the folder, making key and first tokens where there are none. Throws Failure. */
export function openTokenStore(parts: TokenStoreParts): TokenStore {
  const { directory, random } = parts;
  try {
    makeFolder(directory, 0o700);
    if (!lstatSync(directory).isDirectory()) {
      throw failure("FAILED_PRECONDITION", "TOKEN_FILES_BAD", `${directory} is no folder, or a link to one`);
    }
    chmodSync(directory, 0o700);
    const keyFile = join(directory, ROOT_KEY_FILE);
    if (!existsSync(keyFile)) writeFileAtomicSync(keyFile, random.bytes(ROOT_KEY_BYTES));
    const rootKey = readFileSync(keyFile);
    if (rootKey.length !== ROOT_KEY_BYTES) {
      throw failure("FAILED_PRECONDITION", "TOKEN_FILES_BAD", `${keyFile} has not ${ROOT_KEY_BYTES} bytes`);
    }
    const store = new TokenStore(parts, rootKey, readRecords(join(directory, RECORDS_FILE)));
    if (parts.isNeeded) store.makeFirst();
    store.keepLocal();
    return store;
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === "Failure") throw thrown;
    const why = asError(thrown).message;
    throw failure(
      "FAILED_PRECONDITION",
      "TOKEN_FILES_BAD",
      `the tokens in ${directory} cannot be used: ${why}`,
    );
  }
}

function readRecords(file: string): TokenRecord[] {
  if (!existsSync(file)) return [];
  const records: unknown = JSON.parse(readFileSync(file, "utf8"));
  assert(
    Array.isArray(records) && records.length <= TOKENS_MAX + LOCAL_RECORDS_MAX + 1,
    `${file} is no list of tokens`,
  );
  return records.map((record: TokenRecord) => {
    assert(typeof record.id === "string" && typeof record.principal === "string", `${file} holds no tokens`);
    return { ...record, expiresMs: record.expiresMs, revokedMs: record.revokedMs };
  });
}

export class TokenStore {
  readonly #parts: TokenStoreParts;
  readonly #rootKey: Uint8Array;
  readonly #records: Map<string, TokenRecord>;
  readonly #verified = new Map<string, VerifiedToken>();
  readonly #listeners = new Set<(id: string) => void>();
  #saving: Promise<void> = Promise.resolve();

  /** Made by `openTokenStore`. */
  constructor(parts: TokenStoreParts, rootKey: Uint8Array, records: readonly TokenRecord[]) {
    this.#parts = parts;
    this.#rootKey = rootKey;
    this.#records = new Map(records.map((record) => [record.id, record]));
  }

  /** What a token grants, revoked and expired ones included; undefined for what is no token of ours. */
  verify(token: string): VerifiedToken | undefined {
    const known = this.#verified.get(token);
    if (known !== undefined) return known;
    const verified = verifyToken(this.#rootKey, token);
    if (verified === undefined || !this.#records.has(verified.id)) return undefined;
    if (this.#verified.size >= REMEMBERED_MAX) this.#verified.clear();
    this.#verified.set(token, verified);
    return verified;
  }

  /** Whether it, or one that it was made with, was revoked. */
  isRevoked(id: string): boolean {
    return this.#lineage(id).some(({ revokedMs }) => revokedMs !== undefined);
  }

  /** The token whose limits this one has: calls of both count together. */
  rootOf(id: string): string {
    return this.#lineage(id).at(-1)?.id ?? id;
  }

  /** The token and those that it was made with, to the one that nothing limited. */
  #lineage(id: string): readonly TokenRecord[] {
    const lineage: TokenRecord[] = [];
    let next = this.#records.get(id);
    while (next !== undefined && lineage.length < GENERATIONS_MAX) {
      lineage.push(next);
      next = next.parent === undefined ? undefined : this.#records.get(next.parent);
    }
    return lineage;
  }

  /** Oldest first. */
  records(): readonly TokenRecord[] {
    return [...this.#records.values()];
  }

  /** Makes a token and keeps its record; resolves when that is on disk. RESOURCE_EXHAUSTED/TOO_MANY_TOKENS. */
  async create(order: TokenOrder): Promise<{ token: string; record: TokenRecord }> {
    const made = this.#make(order);
    if (made instanceof Error) throw made;
    try {
      await this.#save();
    } catch (thrown) {
      this.#records.delete(made.record.id);
      throw thrown;
    }
    return made;
  }

  /** Revokes; resolves when that is on disk, but it holds at once. Idempotent. NOT_FOUND/TOKEN_UNKNOWN. */
  async revoke(id: string): Promise<TokenRecord> {
    const record = this.#records.get(id);
    if (record === undefined) throw failure("NOT_FOUND", "TOKEN_UNKNOWN", `there is no token ${id}`);
    if (record.revokedMs !== undefined) return record;
    const revoked = { ...record, revokedMs: this.#parts.clock.nowMs() };
    this.#records.set(id, revoked);
    for (const { id: made } of this.records()) {
      if (!this.#lineage(made).some((one) => one.id === id)) continue;
      for (const listener of this.#listeners) listener(made);
    }
    if (revoked.isLocal === true) this.#makeLocal();
    await this.#save();
    return revoked;
  }

  /** Calls `listener` with the id of each token that is revoked, until the returned function is called. */
  onRevoked(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Makes the tokens of the first start. A file that is there is kept. */
  makeFirst(): void {
    const missing = FIRST_TOKENS.filter(([file]) => !existsSync(join(this.#parts.directory, file)));
    // Whoever removed one of them on purpose does not want it back: only an empty store is filled.
    const isEmpty = [...this.#records.values()].every(({ isLocal }) => isLocal === true);
    if (missing.length === 0 || !isEmpty) return;
    for (const [file, principal, scope] of missing) {
      const made = this.#make({ principal, scope, methods: [], lifetimeMs: undefined });
      if (made instanceof Error) throw made;
      writeFileAtomicSync(join(this.#parts.directory, file), new TextEncoder().encode(`${made.token}\n`));
    }
    writeFileAtomicSync(this.#recordsFile, this.#serialized());
  }

  /**
   * Sees that the local token is there, and nobody else's: a file that is missing, is a link, is or was open to others, or
   * holds a token that is none (any more) is replaced, and what it replaces is revoked. So whoever deletes it and starts
   * the node again has taken it back.
   */
  keepLocal(): void {
    const text = readOwn(this.#localFile);
    const token = text === undefined ? undefined : this.verify(text.trim());
    const record = token === undefined ? undefined : this.#records.get(token.id);
    if (record?.isLocal === true && record.revokedMs === undefined) return;
    const nowMs = this.#parts.clock.nowMs();
    for (const [id, old] of this.#records) {
      if (old.isLocal === true && old.revokedMs === undefined)
        this.#records.set(id, { ...old, revokedMs: nowMs });
    }
    this.#makeLocal();
    writeFileAtomicSync(this.#recordsFile, this.#serialized());
  }

  /** A new local token, in its file at once; its record is for the caller to save. */
  #makeLocal(): void {
    this.#forgetOldLocal();
    const order = { principal: LOCAL_PRINCIPAL, scope: "admin", methods: [], lifetimeMs: undefined } as const;
    const made = this.#make(order, true);
    if (made instanceof Error) throw made;
    writeFileAtomicSync(this.#localFile, new TextEncoder().encode(`${made.token}\n`));
  }

  /** Every rotation leaves a record: of those that were revoked only the newest are kept. */
  #forgetOldLocal(): void {
    const old = [...this.#records.values()].filter(
      ({ isLocal, revokedMs }) => isLocal && revokedMs !== undefined,
    );
    for (const { id } of old.slice(0, Math.max(0, old.length - LOCAL_RECORDS_MAX))) this.#records.delete(id);
  }

  get #localFile(): string {
    return join(this.#parts.directory, LOCAL_TOKEN_FILE);
  }

  #make(order: TokenOrder, isLocal = false): { token: string; record: TokenRecord } | Failure {
    const { clock, random } = this.#parts;
    const nowMs = clock.nowMs();
    this.#forgetExpired(nowMs);
    if (this.#records.size >= TOKENS_MAX && !isLocal) {
      return failure("RESOURCE_EXHAUSTED", "TOO_MANY_TOKENS", `there are ${TOKENS_MAX} tokens already`);
    }
    const { principal, scope, lifetimeMs, minter } = order;
    const asked = lifetimeMs === undefined ? undefined : nowMs + lifetimeMs;
    const own = minter?.tokenId === undefined ? undefined : this.#records.get(minter.tokenId);
    if (own !== undefined && this.#lineage(own.id).length >= GENERATIONS_MAX) return TOO_MANY_GENERATIONS;
    const wanted = { ...order, expiresMs: asked };
    // Its name is one that nobody else may have.
    const bounds = isLocal ? { ...wanted, parent: undefined } : boundByMinter(wanted, minter, own);
    if (bounds instanceof Failure) return bounds;
    const { methods, expiresMs, parent } = bounds;
    const id = Buffer.from(random.bytes(ID_BYTES)).toString("hex");
    const caveats: Caveat[] = [
      { kind: "principal", name: principal },
      { kind: "scope", scope },
      ...(methods.length > 0 ? [{ kind: "methods" as const, methods }] : []),
      ...(expiresMs === undefined ? [] : [{ kind: "expires" as const, atMs: expiresMs }]),
    ];
    const kept = { id, principal, scope, methods, createdMs: nowMs, expiresMs, revokedMs: undefined };
    const record = {
      ...kept,
      ...(parent === undefined ? {} : { parent }),
      ...(isLocal ? { isLocal } : {}),
    };
    this.#records.set(id, record);
    return { token: mintToken(this.#rootKey, id, caveats), record };
  }

  #forgetExpired(nowMs: number): void {
    for (const { id, expiresMs } of this.#records.values()) {
      if (expiresMs !== undefined && expiresMs + EXPIRED_KEPT_MS < nowMs) this.#records.delete(id);
    }
  }

  get #recordsFile(): string {
    return join(this.#parts.directory, RECORDS_FILE);
  }

  #serialized(): Uint8Array {
    return new TextEncoder().encode(`${JSON.stringify([...this.#records.values()], undefined, 1)}\n`);
  }

  /** One write at a time, each with everything that is known when it begins. */
  #save(): Promise<void> {
    const save = this.#saving.then(() => writeFileAtomic(this.#recordsFile, this.#serialized()));
    this.#saving = save.catch(() => {});
    return save;
  }
}
