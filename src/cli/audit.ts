/** `alysctl audit`: checks audit logs. Needs no node. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import { type ChainHead, verifyChain } from "../control/audit-chain.ts";
import { asError, Failure, failure } from "../kernel/errors.ts";
import type { Run, Session } from "./session.ts";

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
  for (const file of files) {
    const verdict = await verifyFile(file, head);
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

async function verifyFile(file: string, before: ChainHead | undefined): ReturnType<typeof verifyChain> {
  try {
    const input = createReadStream(file, "utf8");
    return await verifyChain(createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }), before);
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw failure("NOT_FOUND", "FILE_UNREADABLE", `${file}: ${asError(thrown).message}`);
  }
}
