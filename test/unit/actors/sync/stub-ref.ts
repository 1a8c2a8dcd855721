/**
 * A hand-written Ref for tests: asks are answered by functions, streams are fed by hand, tells are
 * remembered.
 */

import { create, type DescMethod, type DescService } from "@bufbuild/protobuf";
import { failure } from "../../../../src/kernel/errors.ts";
import type {
  RequestOf,
  ResponseInitOf,
  StreamMethodOf,
  UnaryMethodOf,
} from "../../../../src/kernel/protocol.ts";
import type { AskOptions, Ref } from "../../../../src/kernel/ref.ts";
import type { StreamReader, Subscription } from "../../../../src/kernel/stream/reader.ts";

type Answer = (request: never, options: AskOptions | undefined) => Promise<object> | object;

export interface StubRef<S extends DescService> extends Ref<S> {
  /** Answers a method from now on; one without is UNIMPLEMENTED. */
  on<M extends UnaryMethodOf<S>>(
    method: M,
    answer: (
      request: RequestOf<M>,
      options: AskOptions | undefined,
    ) => Promise<ResponseInitOf<M>> | ResponseInitOf<M>,
  ): void;
  emit<M extends StreamMethodOf<S>>(method: M, message: ResponseInitOf<M>): void;
  end<M extends StreamMethodOf<S>>(method: M): void;
  readers<M extends StreamMethodOf<S>>(method: M): number;
  /** Requests that were told to this method. */
  told<M extends UnaryMethodOf<S>>(method: M): RequestOf<M>[];
}

export function stubRef<S extends DescService>(service: S, name: string): StubRef<S> {
  const answers = new Map<string, Answer>();
  const readers = new Map<string, Set<StreamReader<never>>>();
  const tells = new Map<string, object[]>();
  const readersOf = (method: DescMethod): Set<StreamReader<never>> => {
    const found = readers.get(method.name) ?? new Set();
    readers.set(method.name, found);
    return found;
  };
  const stub = {
    service,
    name,
    ask: async (method: DescMethod, request: object, options?: AskOptions): Promise<object> => {
      const answer = answers.get(method.name);
      if (answer === undefined) throw failure("UNIMPLEMENTED", "STUB", `${method.name} is not stubbed`);
      const reply = await answer(create(method.input, request as never) as never, options);
      return create(method.output, reply as never);
    },
    tell: (method: DescMethod, request: object) => {
      const list = tells.get(method.name) ?? [];
      list.push(create(method.input, request as never));
      tells.set(method.name, list);
    },
    watch: (method: DescMethod, _request: object, reader: StreamReader<never>): Subscription => {
      readersOf(method).add(reader);
      const close = () => readersOf(method).delete(reader);
      return { close, pause() {}, resume() {}, pending: { messages: 0, bytes: 0 } };
    },
    on: (method: DescMethod, answer: Answer) => void answers.set(method.name, answer),
    emit: (method: DescMethod, message: object) => {
      for (const reader of [...readersOf(method)]) {
        reader.onMessage(create(method.output, message as never) as never);
      }
    },
    end: (method: DescMethod) => {
      const ended = [...readersOf(method)];
      readersOf(method).clear();
      for (const reader of ended) reader.onEnd(failure("UNAVAILABLE", "ACTOR_DOWN", "stub"));
    },
    readers: (method: DescMethod) => readersOf(method).size,
    told: (method: DescMethod) => tells.get(method.name) ?? [],
  };
  return stub as unknown as StubRef<S>;
}
