/** The peers that finished the status handshake, and the member key that each one's delegation proved. */

import { PeerDirectory } from "../peer-directory.ts";

interface GreetedPeer {
  /** 48 bytes when the peer is a member or its sentry. */
  readonly memberKey: Uint8Array | undefined;
}

export class Greeted extends PeerDirectory<GreetedPeer> {
  constructor() {
    super(({ memberKey }) => ({ memberKey: memberKey.length > 0 ? memberKey : undefined }));
  }

  /** 48 bytes when the peer is a member or its sentry. */
  memberKey(peerId: string): Uint8Array | undefined {
    return this.get(peerId)?.memberKey;
  }
}
