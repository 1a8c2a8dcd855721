/**
 * A Ref to an actor of this process. A request that is a message already is handed over as it is, an initializer
 * becomes a message here; nothing is copied.
 */
import { create, type DescMethod, type DescService } from "@bufbuild/protobuf";
import type { AskOptions, Ref } from "../ref.ts";
import type { StreamReader, Subscription, WatchOptions } from "../stream/reader.ts";
import type { MethodEntry, Waiter } from "./envelope.ts";
import type { MessageSeals } from "./freeze.ts";

/** The cell's side. */
export interface Receiver {
  readonly name: string;
  entryOf(method: DescMethod): MethodEntry;
  send(
    entry: MethodEntry,
    request: object,
    options: AskOptions | undefined,
    waiter: Waiter | undefined,
  ): void;
  watch(
    method: DescMethod,
    request: object,
    reader: StreamReader<object>,
    options: WatchOptions,
  ): Subscription;
}

export function localRef<S extends DescService>(
  service: S,
  receiver: Receiver,
  seals: MessageSeals | undefined,
): Ref<S> {
  const message = (method: DescMethod, init: unknown): object => {
    const request = create(method.input, init as never);
    seals?.seal(request, `${method.parent.typeName}.${method.name} request`);
    return request;
  };
  const ref = {
    service,
    name: receiver.name,
    ask(method: DescMethod, init: unknown, options?: AskOptions): Promise<object> {
      const entry = receiver.entryOf(method);
      const request = message(method, init);
      return new Promise((resolve, reject) => receiver.send(entry, request, options, { resolve, reject }));
    },
    tell(method: DescMethod, init: unknown, options?: AskOptions): void {
      receiver.send(receiver.entryOf(method), message(method, init), options, undefined);
    },
    watch(
      method: DescMethod,
      init: unknown,
      reader: StreamReader<object>,
      options: WatchOptions = {},
    ): Subscription {
      return receiver.watch(method, message(method, init), reader, options);
    },
  };
  // One place where the types of a single service meet the cell, which runs any service.
  return ref as unknown as Ref<S>;
}
