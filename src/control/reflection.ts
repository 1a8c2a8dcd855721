/**
 * Server reflection, v1 and under the name of v1alpha, straight from the descriptors of the services:
 * custom options are kept, each answer carries the whole closure of imports, and nothing is parsed at
 * start.
 */
import { create, type DescExtension, type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { type Server, status } from "@grpc/grpc-js";
import { file_alys_actor_v1_reason } from "../../gen/alys/actor/v1/reason_pb.ts";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import { file_google_rpc_status } from "../../gen/google/rpc/status_pb.ts";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionV1alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { type CallHost, duplexCall } from "./calls.ts";
import { rawDefinition } from "./codec.ts";

type Answer = ServerReflectionResponse["messageResponse"];

/** Answers what can be asked about a fixed set of services. Pure. */
export class Catalogue {
  readonly #services: readonly DescService[];
  readonly #files = new Map<string, DescFile>();
  readonly #serialized = new Map<string, Uint8Array>();
  /** File by fully qualified name: services, methods, messages, fields, enums, enum values, extensions. */
  readonly #symbols = new Map<string, DescFile>();
  readonly #extensions: DescExtension[] = [];

  /** `moreFiles` are for messages that no service names, such as the details of errors. */
  constructor(services: readonly DescService[], moreFiles: readonly DescFile[] = []) {
    this.#services = services;
    for (const service of services) this.#addFile(service.file);
    for (const file of moreFiles) this.#addFile(file);
  }

  answer(request: ServerReflectionRequest): ServerReflectionResponse {
    return create(ServerReflectionResponseSchema, {
      validHost: request.host,
      originalRequest: request,
      messageResponse: this.#answerTo(request.messageRequest),
    });
  }

  #answerTo(asked: ServerReflectionRequest["messageRequest"]): Answer {
    switch (asked.case) {
      case "listServices": {
        const service = this.#services.map(({ typeName }) => ({ name: typeName }));
        return answerOf({ case: "listServicesResponse", value: { service } });
      }
      case "fileByFilename":
        return this.#fileAnswer(this.#files.get(asked.value));
      case "fileContainingSymbol":
        return this.#fileAnswer(this.#symbols.get(asked.value));
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = asked.value;
        const found = this.#extensionsOf(containingType).find(({ number }) => number === extensionNumber);
        return this.#fileAnswer(found?.file);
      }
      case "allExtensionNumbersOfType": {
        if (!this.#symbols.has(asked.value)) return notFound();
        const extensionNumber = this.#extensionsOf(asked.value).map(({ number }) => number);
        const value = { baseTypeName: asked.value, extensionNumber };
        return answerOf({ case: "allExtensionNumbersResponse", value });
      }
      default:
        return errorAnswer(status.INVALID_ARGUMENT, "the request asks nothing");
    }
  }

  #addFile(file: DescFile): void {
    if (this.#files.has(fileName(file))) return;
    this.#files.set(fileName(file), file);
    for (const service of file.services) {
      this.#symbols.set(service.typeName, file);
      for (const { name } of service.methods) this.#symbols.set(`${service.typeName}.${name}`, file);
    }
    this.#addTypes(file, file);
    for (const dependency of file.dependencies) this.#addFile(dependency);
  }

  #addTypes(file: DescFile, scope: Pick<DescFile, "messages" | "enums" | "extensions">): void {
    for (const one of scope.enums) {
      this.#symbols.set(one.typeName, file);
      const outer = one.typeName.slice(0, -one.name.length);
      for (const { name } of one.values) this.#symbols.set(`${outer}${name}`, file);
    }
    for (const extension of scope.extensions) {
      this.#symbols.set(extension.typeName, file);
      this.#extensions.push(extension);
    }
    for (const message of scope.messages) {
      this.#symbols.set(message.typeName, file);
      for (const { name } of message.members) this.#symbols.set(`${message.typeName}.${name}`, file);
      this.#addTypes(file, {
        messages: message.nestedMessages,
        enums: message.nestedEnums,
        extensions: message.nestedExtensions,
      });
    }
  }

  #extensionsOf(typeName: string): DescExtension[] {
    return this.#extensions.filter(({ extendee }) => extendee.typeName === typeName);
  }

  #fileAnswer(file: DescFile | undefined): Answer {
    if (file === undefined) return notFound();
    const seen = new Set<DescFile>();
    const closure: DescFile[] = [];
    const visit = (one: DescFile): void => {
      if (seen.has(one)) return;
      seen.add(one);
      one.dependencies.forEach(visit);
      closure.push(one);
    };
    visit(file);
    // The file that was asked for first, and each one before those that it imports: some clients build from the end.
    closure.reverse();
    const fileDescriptorProto = closure.map((one) => this.#serializedOf(one));
    return answerOf({ case: "fileDescriptorResponse", value: { fileDescriptorProto } });
  }

  #serializedOf(file: DescFile): Uint8Array {
    const known = this.#serialized.get(fileName(file));
    if (known !== undefined) return known;
    const bytes = toBinary(FileDescriptorProtoSchema, file.proto);
    this.#serialized.set(fileName(file), bytes);
    return bytes;
  }
}

/** With its extension; `DescFile.name` has none. */
function fileName(file: DescFile): string {
  return file.proto.name;
}

type AnswerInit = NonNullable<
  NonNullable<Parameters<typeof create<typeof ServerReflectionResponseSchema>>[1]>["messageResponse"]
>;

function answerOf(messageResponse: AnswerInit): Answer {
  return create(ServerReflectionResponseSchema, { messageResponse }).messageResponse;
}

function errorAnswer(errorCode: number, errorMessage: string): Answer {
  return answerOf({ case: "errorResponse", value: { errorCode, errorMessage } });
}

function notFound(): Answer {
  return errorAnswer(status.NOT_FOUND, "not found");
}

/** Adds reflection on `services`, itself included, to the server. */
export function addReflection(server: Server, services: readonly DescService[], host: CallHost): void {
  const all = [...services, ServerReflection, ServerReflectionV1alpha];
  const catalogue = new Catalogue(all, [
    file_alys_actor_v1_reason,
    file_google_rpc_error_details,
    file_google_rpc_status,
  ]);
  for (const { method } of [ServerReflection, ServerReflectionV1alpha]) {
    const handler = duplexCall(method.serverReflectionInfo, host, async (requests, _incoming, send) => {
      for await (const request of requests) await send(catalogue.answer(request as ServerReflectionRequest));
    });
    server.addService(rawDefinition([method.serverReflectionInfo]), { serverReflectionInfo: handler });
  }
}
