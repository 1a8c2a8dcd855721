/** `alysctl audit`: checks audit logs. Needs no node. */
import { createReadStream, statSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import { type ChainHead, verifyChain } from "../control/audit-chain.ts";
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
    .action((files: string[]) => run((session) => verify(session, files)));
}

async function verify(session: Session, files: readonly string[]): Promise<void> {
  let head: ChainHead | undefined;
  let total = 0;
  let first: number | undefined;
  const onBytes = progressOf(session, files);
  for (const file of files) {
    const verdict = await verifyFile(file, head, onBytes);
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
  const facts = { lines: total, first: first ?? 0, last: head?.sequence ?? 0, hash: head?.hash ?? "" };
  if (session.isJson) session.terminal.out(JSON.stringify(facts));
  else
    session.terminal.out(`sound: ${total} lines, ${facts.first} to ${facts.last}, last hash ${facts.hash}`);
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
): ReturnType<typeof verifyChain> {
  try {
    const input = createReadStream(file);
    input.on("data", (chunk) => onBytes(chunk.length));
    return await verifyChain(createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }), before);
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw failure("NOT_FOUND", "FILE_UNREADABLE", `${file}: ${asError(thrown).message}`);
  }
}
