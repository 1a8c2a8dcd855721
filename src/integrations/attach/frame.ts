/**
 * What is said on an Attach stream, whichever service it belongs to: the three services have the same frames but for
 * their calls and answers. Here too is the duplex stream itself, abstract, so that nothing here knows of gRPC.
 */

/** What a client says; `message` is a oneof of the service's request. */
export interface ClientFrame {
  readonly callId: bigint;
  readonly message: { readonly case: string | undefined; readonly value?: unknown };
}

/** What the node says, as an initializer of the service's response. */
export interface NodeFrame {
  readonly callId: bigint;
  /** Milliseconds that the call may take; 0 for what is no call. */
  readonly deadlineMs: number;
  readonly message: { readonly case: string; readonly value: object };
}

/** Both directions of an attachment, as the listener hands them over. */
export interface DuplexStream {
  /** Who calls, as the control plane knows it; undefined where nobody asks. */
  readonly principal?: string | undefined;
  /** Decoded requests; ends at the client's half-close, throws a Failure when it leaves. */
  readonly requests: AsyncIterable<object>;
  /** Aborts when the stream ends, whoever ended it. */
  readonly signal: AbortSignal;
  /** Resolves when there is room for the next one; rejects when the client is gone. */
  send(response: object): Promise<void>;
}
