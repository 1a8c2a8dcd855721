/** What is below libp2p's public interface: the muxer of a connection, and frames of yamux made by hand. */

import type { Connection, Stream } from "@libp2p/interface";

export interface BareMuxer {
  /** A stream on which nothing is negotiated. */
  createStream(): Promise<Stream> | Stream;
  /** Sends a frame of yamux as it is; absent on QUIC. */
  sendFrame?(header: YamuxHeader): boolean;
}

export interface YamuxHeader {
  /** 0 data, 1 window update, 2 ping, 3 go away. */
  readonly type: number;
  /** 1 SYN, 2 ACK, 4 FIN, 8 RST. */
  readonly flag: number;
  readonly streamID: number;
  readonly length: number;
}

export function muxerOf(connection: Connection): BareMuxer {
  const { muxer } = connection as unknown as { readonly muxer: BareMuxer };
  return muxer;
}
