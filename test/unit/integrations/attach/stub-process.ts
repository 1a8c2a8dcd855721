/** A process that attaches in this one, for ports with a call or two: answers each call by a function. */

import { create, type DescMessage } from "@bufbuild/protobuf";
import { AttachHelloSchema } from "../../../../gen/alys/integration/v1/integration_pb.ts";
import type { ClientFrame, DuplexStream, NodeFrame } from "../../../../src/integrations/attach/frame.ts";
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

/** The same by pulling. The function that is answered makes it pull no more. */
export function pullProcess(
  hub: AttachHub,
  schema: DescMessage,
  answer: (call: NodeFrame["message"]) => object | undefined,
): () => void {
  const caller = new AbortController();
  const given = { protocolVersion: 1, instanceId: "stub", creditCalls: 4, creditBytes: 1_000n };
  const hello = create(AttachHelloSchema, given);
  const work = async (): Promise<void> => {
    while (!caller.signal.aborted) {
      const pulled = await hub.pulls.pull(
        { hello, epoch: 0n, waitMs: 30_000 },
        { principal: "stub", signal: caller.signal },
      );
      const frames = pulled.frames.flatMap(({ callId, message }) => {
        const said = callId > 0n ? answer(message) : undefined;
        return said === undefined ? [] : [create(schema, { callId, message: said } as never)];
      });
      const { epoch = 0n } = pulled.welcome;
      const request = { instanceId: "stub", epoch, frames: frames as unknown as ClientFrame[] };
      if (frames.length > 0) await hub.pulls.complete(request, { principal: "stub" });
    }
  };
  work().catch(() => {});
  return () => caller.abort();
}
