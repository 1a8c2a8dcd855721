/** Readers that subscribe and leave, and clients that are gone without a word. */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectSocket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { asBuffer, pathOf } from "../../src/control/codec.ts";

const METHOD = SyncService.method.watchSyncStatus;
const REQUEST = asBuffer(toBinary(METHOD.input, create(METHOD.input)));
const AT_A_TIME = 20;

const through = (bytes: Buffer): Buffer => bytes;

async function times(count: number, one: () => Promise<void>): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await one();
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}

/** Cancellations of one connection: past a burst of 1,000 HTTP/2 takes them for an attack and ends the session. */
const CYCLES_A_CONNECTION = 500;

/** Subscribes and leaves after the snapshot, so often. */
export async function subscribeAndLeave(address: string, cycles: number): Promise<void> {
  for (let left = cycles; left > 0; left -= CYCLES_A_CONNECTION) {
    const client = new Client(address, credentials.createInsecure(), {
      "grpc.enable_channelz": 0,
      "grpc.use_local_subchannel_pool": 1,
    });
    await times(Math.min(left, CYCLES_A_CONNECTION), async () => {
      const call = client.makeServerStreamRequest(pathOf(METHOD), through, through, REQUEST);
      call.on("error", () => {});
      await once(call, "data");
      call.cancel();
    });
    client.close();
  }
}

/** Subscribes on a connection of its own, whose socket is reset after the snapshot began to come, so often. */
export async function subscribeAndVanish(address: string, clients: number): Promise<void> {
  const [host = "", port] = address.split(":");
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(REQUEST.length, 1);
  await times(clients, async () => {
    const socket = connectSocket(Number(port), host);
    const session = connectHttp2(`http://${address}`, { createConnection: () => socket });
    const stream = session.request({
      ":method": "POST",
      ":path": pathOf(METHOD),
      "content-type": "application/grpc",
      te: "trailers",
    });
    for (const each of [socket, session, stream]) each.on("error", () => {});
    stream.end(Buffer.concat([prefix, REQUEST]));
    await once(stream, "data");
    const closed = once(socket, "close");
    socket.resetAndDestroy();
    await closed;
    session.destroy();
  });
}
