/**
 * A hand-written Ref: asks are answered by functions, streams are fed by hand. Stands where the actors below the one
 * under test would be.
 */

import { create, type DescMethod, type DescService } from "@bufbuild/protobuf";
import { failure } from "../../../../src/kernel/errors.ts";
import type {
  RequestInitOf,
  ResponseInitOf,
  StreamMethodOf,
  UnaryMethodOf,
} from "../../../../src/kernel/protocol.ts";
import type { AskOptions, Ref } from "../../../../src/kernel/ref.ts";
import type { StreamReader, Subscription } from "../../../../src/kernel/stream/reader.ts";

type Answer = (request: never, options: AskOptions | undefined) => Promise<object> | object;

export interface StubRef<S extends DescService> extends Ref<S> {
  /** Answers a method, until told otherwise; one that was never told of is UNIMPLEMENTED. */
  on<M extends UnaryMethodOf<S>>(
    method: M,
    answer: (
      request: RequestInitOf<M>,
      options: AskOptions | undefined,
    ) => Promise<ResponseInitOf<M>> | ResponseInitOf<M>,
  ): void;
  /** Feeds all readers of a stream. */
  emit<M extends StreamMethodOf<S>>(method: M, message: ResponseInitOf<M>): void;
  /** Ends all readers of a stream, as a restart of the actor does. */
  end<M extends StreamMethodOf<S>>(method: M): void;
  /** Open readers of a stream. */
  readers<M extends StreamMethodOf<S>>(method: M): number;
}

export function stubRef<S extends DescService>(service: S, name: string): StubRef<S> {
  const answers = new Map<string, Answer>();
  const readers = new Map<string, Set<StreamReader<never>>>();
  const readersOf = (method: DescMethod): Set<StreamReader<never>> => {
    const found = readers.get(method.name) ?? new Set();
    readers.set(method.name, found);
    return found;
  };
  const ask = async (method: DescMethod, request: object, options?: AskOptions): Promise<object> => {
    const answer = answers.get(method.name);
    if (answer === undefined) throw failure("UNIMPLEMENTED", "STUB", `${method.name} is not stubbed`);
    const reply = await answer(create(method.input, request as never) as never, options);
    return create(method.output, reply as never);
  };
  const watch = (method: DescMethod, _request: object, reader: StreamReader<never>): Subscription => {
    readersOf(method).add(reader);
    const close = () => readersOf(method).delete(reader);
    return { close, pause() {}, resume() {}, pending: { messages: 0, bytes: 0 } };
  };
  const stub = {
    service,
    name,
    ask,
    tell: (method: DescMethod, request: object) => void ask(method, request).catch(() => undefined),
    watch,
    on: (method: DescMethod, answer: Answer) => void answers.set(method.name, answer),
    emit: (method: DescMethod, message: object) => {
      for (const reader of [...readersOf(method)])
        reader.onMessage(create(method.output, message as never) as never);
    },
    end: (method: DescMethod) => {
      const ended = [...readersOf(method)];
      readersOf(method).clear();
      for (const reader of ended) reader.onEnd(failure("UNAVAILABLE", "ACTOR_DOWN", "stub"));
    },
    readers: (method: DescMethod) => readersOf(method).size,
  };
  return stub as unknown as StubRef<S>;
}
