/** A process that attaches in this one, for ports with a call or two: answers each call by a function. */

import { create, type DescMessage } from "@bufbuild/protobuf";
import type { DuplexStream, NodeFrame } from "../../../../src/integrations/attach/frame.ts";
import type { AttachHub } from "../../../../src/integrations/attach/hub.ts";
import { failure } from "../../../../src/kernel/errors.ts";

/** Attaches; `answer` gives the answer's oneof, or undefined for none. The function that is answered kills it. */
export function attachProcess(
  hub: AttachHub,
  schema: DescMessage,
  answer: (call: NodeFrame["message"]) => object | undefined,
): () => void {
  const controller = new AbortController();
  const hello = { protocolVersion: 1, instanceId: "stub", creditCalls: 1, creditBytes: 1_000n };
  const queue: object[] = [create(schema, { message: { case: "hello", value: hello } } as never)];
  let wake = (): void => {};
  async function* requests(): AsyncGenerator<object> {
    while (!controller.signal.aborted) {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) yield next;
      if (controller.signal.aborted) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    throw controller.signal.reason;
  }
  const stream: DuplexStream = {
    requests: requests(),
    signal: controller.signal,
    send(frame) {
      const { callId, message } = frame as NodeFrame;
      const said = callId > 0n ? answer(message) : undefined;
      if (said !== undefined) queue.push(create(schema, { callId, message: said } as never));
      wake();
      return Promise.resolve();
    },
  };
  hub.handler(stream).catch(() => {});
  return () => {
    controller.abort(failure("CANCELLED", "CALLER_GONE", "killed"));
    wake();
  };
}
