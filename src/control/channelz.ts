/**
 * channelz (grpc.channelz.v1): the connections, sockets and calls that grpc-js counts, for callers with the scope admin.
 * grpc-js has the handlers but knows neither our gate nor our audit log: its own coding is taken, its server is not.
 */
import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import {
  getChannelzHandlers,
  getChannelzServiceDefinition,
  type MethodDefinition,
  type Server,
  type ServiceError,
} from "@grpc/grpc-js";
import { Channelz } from "../../gen/grpc/channelz/v1/channelz_pb.ts";
import { failure } from "../kernel/errors.ts";
import { type CallHost, unaryCall } from "./calls.ts";
import { asBuffer, asBytes, rawDefinition } from "./codec.ts";

type Handler = (
  call: { readonly request: object },
  callback: (error: Partial<ServiceError> | null, answer?: object) => void,
) => void;

/** Serves channelz; loads the schema that grpc-js carries, some 50 ms. */
export function addChannelz(server: Server, host: CallHost): void {
  const definitions = getChannelzServiceDefinition() as unknown as Readonly<
    Record<string, MethodDefinition<object, object>>
  >;
  const handlers = getChannelzHandlers() as unknown as Readonly<Record<string, Handler>>;
  const bound = Channelz.methods.map((method) => {
    const [definition, handler] = [definitions[method.name], handlers[method.name]];
    if (definition === undefined || handler === undefined) {
      throw failure("UNIMPLEMENTED", "CHANNELZ_METHOD", `grpc-js does not answer channelz's ${method.name}`);
    }
    const answer = (request: object): Promise<object> =>
      new Promise((resolve, reject) => {
        const frame = asBuffer(toBinary(method.input, request as Message));
        handler({ request: definition.requestDeserialize(frame) }, (error, value) => {
          if (value !== undefined) {
            resolve(fromBinary(method.output, asBytes(definition.responseSerialize(value))));
          } else {
            const text = error?.details ?? "there is no such entity";
            reject(failure("NOT_FOUND", "CHANNELZ_UNKNOWN", text));
          }
        });
      });
    return [method.localName, unaryCall(method, host, answer)] as const;
  });
  server.addService(rawDefinition(Channelz.methods), Object.fromEntries(bound));
}
