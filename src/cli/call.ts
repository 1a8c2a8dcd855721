/** `alysctl call`: any method of any service by its name, with protobuf's JSON in and out. */
import { type DescMethod, type DescService, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { NetworkService } from "../../gen/alys/network/v1/network_pb.ts";
import { NodeService } from "../../gen/alys/node/v1/node_pb.ts";
import { PeerService } from "../../gen/alys/peer/v1/peer_pb.ts";
import { ProducerService } from "../../gen/alys/producer/v1/producer_pb.ts";
import { SupervisorService } from "../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { asError, type Failure, failure } from "../kernel/errors.ts";
import { policyOf } from "../kernel/protocol.ts";
import type { Run, Session } from "./session.ts";
import { renderTable } from "./table.ts";

/** Services that can be called by name. Those of Attach alone need a program on the other side. */
const SERVICES: readonly DescService[] = [
  NodeService,
  SupervisorService,
  SyncService,
  NetworkService,
  PeerService,
  ProducerService,
  Health,
];

export function addCallCommand(program: Command, run: Run): void {
  program
    .command("call")
    .description("call any method: call SyncService/GetBlock '{\"height\": 7}'")
    .argument("[method]", "SERVICE/METHOD, the service with or without its package")
    .argument("[request]", "protobuf's JSON (bytes in base64), or - to read it from standard input", "{}")
    .option("--list", "list all methods")
    .action((method: string | undefined, request: string, { list }: { list?: boolean }) =>
      run(async (session) => {
        if (list === true || method === undefined) return listMethods(session);
        return callMethod(session, method, request);
      }),
    );
}

function listMethods(session: Session): void {
  const all = SERVICES.flatMap(({ methods }) => methods);
  if (session.isJson) {
    session.terminal.out(JSON.stringify(all.map(nameOf), undefined, 2));
    return;
  }
  const rows = all.map((method) => [
    nameOf(method),
    method.methodKind === "unary" ? "one answer" : "stream",
    method.parent === Health ? "public" : policyOf(method).scope,
  ]);
  session.terminal.out(renderTable(["METHOD", "ANSWERS", "SCOPE"], rows));
}

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

async function callMethod(session: Session, name: string, request: string): Promise<void> {
  const method = findMethod(name);
  if (!("methodKind" in method)) throw method;
  const message = parseRequest(method, request === "-" ? await session.terminal.read() : request);
  const print = (answer: object, indent: number | undefined): void => {
    const json = toJson(method.output, answer as never, { alwaysEmitImplicit: true });
    session.terminal.out(JSON.stringify(json, undefined, indent));
  };
  if (method.methodKind === "unary") {
    print(await session.connection.unary(method, message, session.call), 2);
    return;
  }
  for await (const answer of session.connection.stream(method, message, session.call))
    print(answer, undefined);
}

/** By full or short name of the service, and the method's name in either spelling. Exported for tests. */
export function findMethod(name: string): DescMethod | Failure {
  const [serviceName = "", methodName = ""] = name.split("/");
  const service = SERVICES.find(
    (one) => one.typeName === serviceName || one.name.toLowerCase() === serviceName.toLowerCase(),
  );
  if (service === undefined) {
    const known = SERVICES.map((one) => one.name).join(", ");
    return failure("INVALID_ARGUMENT", "UNKNOWN_SERVICE", `there is no service ${serviceName}, but ${known}`);
  }
  const method = service.methods.find((one) => one.name === methodName || one.localName === methodName);
  if (method !== undefined) return method;
  const known = service.methods.map((one) => one.name).join(", ");
  const text = `${service.name} has no method ${methodName}, but ${known}`;
  return failure("INVALID_ARGUMENT", "UNKNOWN_METHOD", text);
}

function parseRequest(method: DescMethod, text: string): object {
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch (thrown) {
    throw failure("INVALID_ARGUMENT", "NOT_JSON", `the request is not JSON: ${asError(thrown).message}`);
  }
  try {
    return fromJson(method.input, json);
  } catch (thrown) {
    const text = `the request is no ${method.input.typeName}: ${asError(thrown).message}`;
    throw failure("INVALID_ARGUMENT", "BAD_REQUEST", text);
  }
}
