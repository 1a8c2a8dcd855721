/** gRPC by hand over node:http2, for callers that no library would be: unfinished messages, idle connections, floods. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { Socket } from "node:net";

export interface RawAnswer {
  /** Status of gRPC; undefined when the stream ended without one. */
  readonly status: number | undefined;
  readonly message: string;
}

/** A session that takes any certificate. `address` is HOST:PORT. */
export function rawSession(address: string): ClientHttp2Session {
  // What waits to be sent counts against the client's own limit, 10 MB otherwise.
  const session = connect(`https://${address}`, { rejectUnauthorized: false, maxSessionMemory: 1_000 });
  session.on("error", () => {});
  return session;
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

/** Begins a call; nothing of its message is sent. */
export function rawCall(
  session: ClientHttp2Session,
  path: string,
  headers: Record<string, string> = {},
): { readonly stream: ClientHttp2Stream; readonly answer: Promise<RawAnswer> } {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  let status: number | undefined;
  let message = "";
  const read = (fields: Record<string, unknown>): void => {
    if (fields["grpc-status"] === undefined) return;
    status = Number(fields["grpc-status"]);
    message = decodeURIComponent(String(fields["grpc-message"] ?? ""));
  };
  stream.on("response", read);
  stream.on("trailers", read);
  stream.on("error", () => {});
  stream.resume();
  const answer = new Promise<RawAnswer>((resolve) => {
    stream.once("close", () => resolve({ status, message }));
  });
  return { stream, answer };
}

/** The five bytes before a message. */
export function frameHeader(length: number): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(length, 1);
  return header;
}

/** Whether the session is connected, once that is known. */
export function isUp(session: ClientHttp2Session): Promise<boolean> {
  return new Promise((resolve) => {
    session.once("connect", () => resolve(true));
    session.once("close", () => resolve(false));
  });
}

/** A TCP connection that says nothing. */
export function idleSocket(address: string): Promise<Socket> {
  const socket = new Socket();
  socket.on("error", () => {});
  const at = address.lastIndexOf(":");
  return new Promise((resolve) => {
    socket.once("close", () => resolve(socket));
    socket.connect(Number(address.slice(at + 1)), address.slice(0, at), () => resolve(socket));
  });
}
