/**
 * A process that serves the same methods twice: `bare` with nothing but grpc-js and protobuf-es, `ours` through the control
 * plane and a real actor. The benchmark starts one of each and measures them by turns. Tells its address and a token on
 * standard output, then answers commands; ends with its parent.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { create, type DescMethod, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServiceDefinition } from "@grpc/grpc-js";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { openAuditLog } from "../../src/control/audit-log.ts";
import { openTokenStore } from "../../src/control/auth/token-store.ts";
import { asBuffer, pathOf } from "../../src/control/codec.ts";
import { startControl } from "../../src/control/server.ts";
import { actorCell } from "../../src/kernel/actor/cell.ts";
import { environment } from "../../src/kernel/actor/environment.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { CHUNK_BYTES, STATUS } from "./load.ts";
import { servedChain } from "./served-chain.ts";
import { servedSync } from "./served-sync.ts";

const BLOCK = new Uint8Array(CHUNK_BYTES).fill(7);
const chunkOf = (startHeight: bigint) => ({ startHeight, blocks: [BLOCK] });

/** A thousand streams, and an account has at most 512. */
const READER_ACCOUNTS = 4;

interface Served {
  readonly address: string;
  readonly token: string;
  /** Of several accounts, for more streams than one may have. */
  readonly readerTokens?: readonly string[];
  /** Publishes a change of the status; only ours has one. */
  readonly publish?: (height: bigint) => void;
  /** Calls that run, and readers of the status. */
  readonly streams?: () => number;
}

async function serveOurs(): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), "alys-bench-control-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const { definition, publish, readers } = servedSync();
  const cell = actorCell(definition, environment({ log: silentLog }));
  cell.child.start();
  const tokens = openTokenStore({
    directory: folder,
    clock: realClock,
    random: realRandom,
    isNeeded: true,
  });
  const audit = await openAuditLog({
    path: join(folder, "audit.jsonl"),
    bytesMax: 64 * 1024 * 1024,
    filesMax: 2,
    headFile: "",
    clock: realClock,
    log: silentLog,
  });
  const control = await startControl({
    services: [{ service: SyncService, ref: cell.ref }, servedChain()],
    listenAddress: "127.0.0.1:0",
    reflection: true,
    log: silentLog,
    clock: realClock,
    tokens,
    audit,
    // As configured by default but for the rate: it is what is measured.
    rateLimit: { callsPerSecond: 1_000_000, burst: 1_000_000 },
  });
  const token = readFileSync(join(folder, "operator.token"), "utf8").trim();
  const readerTokens: string[] = [];
  for (let made = 0; made < READER_ACCOUNTS; made++) {
    const order = { principal: `reader-${made}`, scope: "read", methods: [], lifetimeMs: undefined } as const;
    readerTokens.push((await tokens.create(order)).token);
  }
  const streams = (): number => control.liveCalls + readers();
  return { address: control.address ?? "", token, readerTokens, publish, streams };
}

/** What generated code for grpc-js does: decode, answer, encode. */
async function serveBare(): Promise<Served> {
  const server = new Server();
  const { getSyncStatus, pauseSync, streamBlocks } = SyncService.method;
  const definitionOf = (method: DescMethod) => ({
    path: pathOf(method),
    requestStream: false,
    responseStream: method.methodKind === "server_streaming",
    requestSerialize: (message: object) => asBuffer(toBinary(method.input, message as never)),
    requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes),
    responseSerialize: (message: object) =>
      asBuffer(toBinary(method.output, create(method.output, message as never))),
    responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
  });
  const methods = { getSyncStatus, pauseSync, streamBlocks };
  const definitions = Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [name, definitionOf(method)]),
  );
  server.addService(definitions as ServiceDefinition, {
    getSyncStatus: (_: unknown, callback: (error: null, answer: object) => void) =>
      callback(null, { status: STATUS }),
    pauseSync: (_: unknown, callback: (error: null, answer: object) => void) => callback(null, {}),
    // biome-ignore lint/suspicious/noExplicitAny: grpc-js's type of a call needs its definition's types.
    streamBlocks: (call: any) => {
      let made = 0n;
      const push = (): void => {
        while (made < call.request.count) {
          if (!call.write(chunkOf(made++))) {
            call.once("drain", push);
            return;
          }
        }
        call.end();
      };
      push();
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { address: `127.0.0.1:${port}`, token: "" };
}

/** Anonymous memory of this process; what is mapped from files is not counted. */
function rssAnonBytes(): number {
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}

const { publish, streams, ...served } = await (process.argv[2] === "ours" ? serveOurs() : serveBare());
const tell = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
tell(served);
let height = 0n;
/** What calls may leave behind, after collection. */
async function footprint(): Promise<object> {
  for (let times = 0; times < 4; times++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const resources = process.getActiveResourcesInfo();
  const timers = resources.filter((kind) => kind === "Timeout").length;
  return {
    heapBytes: process.memoryUsage().heapUsed,
    streams: streams?.() ?? 0,
    timers,
    handles: resources.length - timers,
    listeners: process.eventNames().reduce((sum, event) => sum + process.listenerCount(event), 0),
  };
}

// One command a line: `memory`, `footprint`, or `publish COUNT EVERY_MS`.
createInterface({ input: process.stdin }).on("line", (line) => {
  const [command, count, everyMs] = line.split(" ");
  if (command === "memory") {
    globalThis.gc?.();
    return tell({ rssAnonBytes: rssAnonBytes() });
  }
  if (command === "footprint") return void footprint().then(tell);
  let left = Number(count);
  const timer = setInterval(() => {
    publish?.(++height);
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    tell({ published: Number(count) });
  }, Number(everyMs));
});
process.stdin.on("end", () => process.exit(0));
