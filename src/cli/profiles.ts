/** `alysctl node cpu-profile` and `heap-snapshot`: files for Chrome's DevTools, fetched in chunks and written as they come. */
import { createWriteStream, renameSync, rmSync, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { type Command, Option } from "commander";
import { NodeService } from "../../gen/alys/node/v1/node_pb.ts";
import { asError, failure } from "../kernel/errors.ts";
import { size } from "./format.ts";
import { parseDuration } from "./options.ts";
import type { Run, Session } from "./session.ts";

const RECORDED_MS_DEFAULT = 5_000;

/** What both answers are made of. */
interface Chunk {
  readonly chunk: Uint8Array;
  readonly totalBytes: bigint;
}

export function addProfileCommands(node: Command, run: Run): void {
  node
    .command("cpu-profile")
    .description("record what the main thread does, for Chrome's DevTools")
    .addOption(
      new Option("--for <duration>", "how long").default(RECORDED_MS_DEFAULT, "5s").argParser(parseDuration),
    )
    .requiredOption("--out <file>", "file.cpuprofile")
    .action(({ for: durationMs, out }: { for: number; out: string }) =>
      run((session) => {
        const chunks = session.client(NodeService).recordCpuProfile({ durationMs }, session.call);
        return download(session, `recording ${durationMs / 1_000} s`, chunks, out);
      }),
    );
  node
    .command("heap-snapshot")
    .description("write a snapshot of the heap; the node stands still meanwhile, and keys are in it")
    .requiredOption("--out <file>", "file.heapsnapshot; made with mode 0600")
    .action(({ out }: { out: string }) =>
      run((session) => {
        const chunks = session.client(NodeService).takeHeapSnapshot({}, session.call);
        return download(session, "snapshot", chunks, out);
      }),
    );
}

/** Into a file beside the wanted one, which is there when it is whole. */
async function download(
  session: Session,
  label: string,
  chunks: AsyncIterable<Chunk>,
  out: string,
): Promise<void> {
  const partial = `${out}.part`;
  const file = createWriteStream(partial, { mode: 0o600 });
  const line = session.progress();
  let done = 0;
  try {
    if (!session.isJson) line.show({ label, done });
    for await (const { chunk, totalBytes } of chunks) {
      await write(file, chunk);
      done += chunk.length;
      const isLast = BigInt(done) === totalBytes;
      if (!session.isJson) line.show({ label, done, total: totalBytes, unit: "bytes" }, isLast);
    }
    file.end();
    await finished(file);
    renameSync(partial, out);
  } catch (thrown) {
    file.destroy();
    rmSync(partial, { force: true });
    throw thrown;
  } finally {
    line.end();
  }
  if (session.isJson) session.terminal.out(JSON.stringify({ file: out, bytes: done }));
  else session.terminal.out(`${out}: ${size(done)}`);
}

function write(file: WriteStream, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    file.write(chunk, (error) => {
      if (error === undefined || error === null) resolve();
      else reject(failure("FAILED_PRECONDITION", "FILE_NOT_WRITTEN", asError(error).message));
    });
  });
}
