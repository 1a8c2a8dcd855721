/**
 * Readers of WatchSyncStatus by the hundred: most read and time each change from its publishing, some take the connection
 * and never read a byte.
 */
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Client, type ClientReadableStream, credentials, Metadata } from "@grpc/grpc-js";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { asBuffer, asBytes, pathOf } from "../../src/control/codec.ts";

const METHOD = SyncService.method.watchSyncStatus;
const REQUEST = asBuffer(toBinary(METHOD.input, create(METHOD.input)));
/** Streams of one connection; the server takes 256. */
const STREAMS_MAX = 250;

const through = (bytes: Buffer): Buffer => bytes;

export class WatchLoad {
  readonly #address: string;
  readonly #tokens: readonly string[];
  readonly #clients: Client[] = [];
  readonly #calls: ClientReadableStream<Buffer>[] = [];
  readonly #sessions: ClientHttp2Session[] = [];
  /** Milliseconds from publishing to reading, of every change and reader. */
  readonly latenciesMs: number[] = [];

  /** `tokens`: readers take them by turns. */
  constructor(address: string, tokens: readonly string[]) {
    this.#address = address;
    this.#tokens = tokens;
  }

  /** Resolves when each has its snapshot. */
  async read(readers: number): Promise<void> {
    const opened: Promise<unknown>[] = [];
    for (let made = 0; made < readers; made++) {
      if (made % STREAMS_MAX === 0) this.#clients.push(this.#client());
      const metadata = new Metadata();
      metadata.set("authorization", this.#authorization(made));
      const client = this.#clients.at(-1);
      const call = client?.makeServerStreamRequest(pathOf(METHOD), through, through, REQUEST, metadata);
      if (call === undefined) throw new Error("no client");
      call.on("error", () => {});
      opened.push(once(call, "data"));
      call.on("data", (frame: Buffer) => {
        const { position, event } = fromBinary(METHOD.output, asBytes(frame));
        if (event.case !== "status" || position?.time === undefined) return;
        this.latenciesMs.push(Date.now() - timestampMs(position.time));
      });
      this.#calls.push(call);
    }
    await Promise.all(opened);
  }

  /** Opens streams whose windows have no room for a single byte, ever. Resolves when each has its headers. */
  async neverRead(readers: number): Promise<void> {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(REQUEST.length, 1);
    let session: ClientHttp2Session | undefined;
    const opened: Promise<unknown>[] = [];
    for (let made = 0; made < readers; made++) {
      if (session === undefined || made % STREAMS_MAX === 0) {
        session = connectHttp2(`http://${this.#address}`, { settings: { initialWindowSize: 0 } });
        this.#sessions.push(session);
      }
      const stream = session.request({
        ":method": "POST",
        ":path": pathOf(METHOD),
        "content-type": "application/grpc",
        te: "trailers",
        authorization: this.#authorization(made),
      });
      stream.on("error", () => {});
      opened.push(once(stream, "response"));
      stream.end(Buffer.concat([prefix, REQUEST]));
    }
    await Promise.all(opened);
  }

  close(): void {
    for (const call of this.#calls) call.cancel();
    for (const client of this.#clients) client.close();
    for (const session of this.#sessions) session.destroy();
  }

  #authorization(reader: number): string {
    return `Bearer ${this.#tokens[reader % this.#tokens.length]}`;
  }

  #client(): Client {
    return new Client(this.#address, credentials.createInsecure(), {
      "grpc.enable_channelz": 0,
      "grpc.use_local_subchannel_pool": 1,
    });
  }
}
