/**
 * The chain of the audit log: each line is JSON with its number, the hash of the line before it and its own hash, so
 * that a line cannot be changed, dropped or put in between without the next one showing it. Who can rewrite the whole
 * file can rewrite the chain: note its last hash elsewhere. Touches no file itself: written by `audit-file.ts`, checked by
 * `alysctl audit verify`.
 */
import { hash } from "node:crypto";

/** Where a chain stands. */
export interface ChainHead {
  /** Number of the last line, from 1; 0 before the first. */
  readonly sequence: number;
  /** SHA-256 of the last line, hex. */
  readonly hash: string;
}

export const CHAIN_START: ChainHead = { sequence: 0, hash: "0".repeat(64) };

const HEAD = /^(\d{1,15}):([0-9a-f]{64})$/;

/** A head as people keep it: "SEQUENCE:HASH". */
export function textOfHead({ sequence, hash: own }: ChainHead): string {
  return `${sequence}:${own}`;
}

/** Undefined for what is no head. */
export function parseHead(text: string): ChainHead | undefined {
  const [, sequence, own] = HEAD.exec(text) ?? [];
  return sequence === undefined || own === undefined ? undefined : { sequence: Number(sequence), hash: own };
}

/** The hash stands last and covers everything before it. */
const TAIL = /,"hash":"([0-9a-f]{64})"\}$/;

/** The next line, without its line feed, and where the chain stands then. */
export function chainLine(head: ChainHead, time: string, fields: object): { line: string; head: ChainHead } {
  const sequence = head.sequence + 1;
  const body = JSON.stringify({ seq: sequence, time, ...fields, prev: head.hash });
  const own = hash("sha256", body, "hex");
  return { line: `${body.slice(0, -1)},"hash":"${own}"}`, head: { sequence, hash: own } };
}

/** Where the chain stands after this line; why not, when it is broken there. Without `before` any place will do. */
export function checkLine(line: string, before: ChainHead | undefined): ChainHead | string {
  const own = TAIL.exec(line)?.[1];
  if (own === undefined) return "it is no line of an audit log";
  const body = `${line.slice(0, -own.length - '"hash":"'.length - 3)}}`;
  if (hash("sha256", body, "hex") !== own) return "its content does not match its hash";
  let fields: { seq?: unknown; prev?: unknown };
  try {
    fields = JSON.parse(line) as { seq?: unknown; prev?: unknown };
  } catch {
    return "it is no JSON";
  }
  const { seq, prev } = fields;
  if (typeof seq !== "number" || typeof prev !== "string") return "it has no number or no predecessor";
  const expected = before ?? (seq === 1 ? CHAIN_START : { sequence: seq - 1, hash: prev });
  if (seq !== expected.sequence + 1) return `its number is ${seq}, expected ${expected.sequence + 1}`;
  if (prev !== expected.hash) return "it does not follow from the line before it";
  return { sequence: seq, hash: own };
}

export type ChainVerdict =
  | { readonly ok: true; readonly lines: number; readonly first: number; readonly head: ChainHead }
  | { readonly ok: false; readonly line: number; readonly why: string };

/**
 * Checks lines in order, from wherever the first one stands or from `before`, and tells `onLine` where the chain stands
 * after each. Line numbers count from 1.
 */
export async function verifyChain(
  lines: AsyncIterable<string> | Iterable<string>,
  before?: ChainHead,
  onLine: (head: ChainHead) => void = () => {},
): Promise<ChainVerdict> {
  let head = before;
  let first = 0;
  let count = 0;
  for await (const line of lines) {
    count += 1;
    const next = checkLine(line, head);
    if (typeof next === "string") return { ok: false, line: count, why: next };
    if (count === 1) first = next.sequence;
    head = next;
    onLine(next);
  }
  return { ok: true, lines: count, first, head: head ?? CHAIN_START };
}
