/** `alysctl audit`: checks audit logs. Needs no node. */
import { createReadStream, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Command, InvalidArgumentError } from "commander";
import { CHAIN_START, type ChainHead, parseHead, textOfHead, verifyChain } from "../control/audit-chain.ts";
import { asError, Failure, failure } from "../kernel/errors.ts";
import type { Run, Session } from "./session.ts";

/** Smaller logs are verified before anybody could read a progress bar. */
const SHOWN_BYTES_MIN = 8 * 1024 * 1024;

export function addAuditCommands(program: Command, run: Run): void {
  const audit = program.command("audit").description("audit logs of a node; needs no node");
  audit
    .command("verify <files...>")
    .description(
      "check the chain of audit logs, oldest file first; names the first broken line (exit status 25)",
    )
    .option(
      "--expect-head <sequence:hash>",
      "head that was noted before, as audit head prints it: its line must be there (exit status 25)",
      parseExpected,
    )
    .action((files: string[], options: { readonly expectHead?: ChainHead }) =>
      run((session) => verify(session, files, options.expectHead)),
    );
  audit
    .command("head <files...>")
    .description("check the chain, and print its last line's number and hash, to be kept elsewhere")
    .action((files: string[]) => run((session) => head(session, files)));
}

function parseExpected(text: string): ChainHead {
  const head = parseHead(text.trim());
  if (head === undefined) throw new InvalidArgumentError("a head is SEQUENCE:HASH, as audit head prints it");
  return head;
}

async function verify(session: Session, files: readonly string[], expected?: ChainHead): Promise<void> {
  const { total, first, last } = await verifyFiles(session, files, expected);
  const facts = { lines: total, first: first ?? 0, last: last?.sequence ?? 0, hash: last?.hash ?? "" };
  if (session.isJson) session.terminal.out(JSON.stringify(facts));
  else
    session.terminal.out(`sound: ${total} lines, ${facts.first} to ${facts.last}, last hash ${facts.hash}`);
}

async function head(session: Session, files: readonly string[]): Promise<void> {
  const { last } = await verifyFiles(session, files);
  const text = textOfHead(last ?? CHAIN_START);
  session.terminal.out(session.isJson ? JSON.stringify({ head: text }) : text);
}

interface Verified {
  readonly total: number;
  /** Number of the first line. */
  readonly first: number | undefined;
  readonly last: ChainHead | undefined;
}

async function verifyFiles(
  session: Session,
  files: readonly string[],
  expected?: ChainHead,
): Promise<Verified> {
  let isFound = false;
  const onLine = ({ sequence, hash }: ChainHead): void => {
    if (sequence === expected?.sequence && hash === expected.hash) isFound = true;
  };
  let head: ChainHead | undefined;
  let total = 0;
  let first: number | undefined;
  const onBytes = progressOf(session, files);
  for (const file of files) {
    const verdict = await verifyFile(file, head, onBytes, onLine);
    if (!verdict.ok) {
      const text = `${file}:${verdict.line}: ${verdict.why}`;
      throw failure("DATA_LOSS", "AUDIT_CHAIN_BROKEN", text, {
        metadata: { file, line: String(verdict.line) },
      });
    }
    total += verdict.lines;
    if (verdict.lines === 0) continue;
    first ??= verdict.first;
    head = verdict.head;
  }
  const verified = { total, first, last: head };
  if (expected !== undefined && !isFound && expected.sequence > 0) throw missing(expected, verified);
  return verified;
}

function missing(expected: ChainHead, { first, last }: Verified): Failure {
  const { sequence } = expected;
  const text = textOfHead(expected);
  if (first !== undefined && sequence < first) {
    const why = `the files begin with line ${first}: name older ones, too, or a later head`;
    return failure("OUT_OF_RANGE", "AUDIT_HEAD_TOO_OLD", `${text} cannot be looked for: ${why}`);
  }
  const why =
    sequence > (last?.sequence ?? 0)
      ? `the log ends with line ${last?.sequence ?? 0}: it was cut`
      : "that line has another hash: the chain was made anew";
  return failure("DATA_LOSS", "AUDIT_HEAD_MISSING", `${text} is not in the log: ${why}`);
}

/** Shows how far we are while large logs are read; a function that is told how many bytes more. */
function progressOf(session: Session, files: readonly string[]): (bytes: number) => void {
  const total = files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
  if (session.isJson || total < SHOWN_BYTES_MIN) return () => undefined;
  const line = session.progress();
  let done = 0;
  return (bytes) => {
    done += bytes;
    line.show({ label: "verifying", done, total, unit: "bytes" }, done === total);
    if (done === total) line.end();
  };
}

async function verifyFile(
  file: string,
  before: ChainHead | undefined,
  onBytes: (bytes: number) => void,
  onLine: (head: ChainHead) => void,
): ReturnType<typeof verifyChain> {
  try {
    const input = createReadStream(file);
    input.on("data", (chunk) => onBytes(chunk.length));
    return await verifyChain(createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }), before, onLine);
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw failure("NOT_FOUND", "FILE_UNREADABLE", `${file}: ${asError(thrown).message}`);
  }
}
