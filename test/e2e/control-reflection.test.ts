/** Reflection and health as clients of other makers see them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { create, createFileRegistry, fromBinary, getOption, hasOption } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { policy } from "../../gen/alys/actor/v1/options_pb.ts";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../../gen/grpc/health/v1/health_pb.ts";
import {
  ServerReflection,
  type ServerReflectionRequest,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionV1alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import type { Connection } from "../../src/cli/client.ts";
import { world } from "./control-world.ts";

const run = promisify(execFile);

const SERVICES = [
  "alys.integration.v1.EngineService",
  "alys.sync.v1.SyncService",
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];

type Question = ServerReflectionRequest["messageRequest"];

async function reflect(connection: Connection, questions: Question[], service = ServerReflection) {
  const call = connection.duplex(service.method.serverReflectionInfo);
  for (const messageRequest of questions) call.send({ messageRequest } as never);
  call.halfClose();
  const answers = [];
  for await (const { messageResponse } of call.responses) answers.push(messageResponse);
  return answers;
}

const list: Question = { case: "listServices", value: "" };
const symbol = (value: string): Question => ({ case: "fileContainingSymbol", value });

test("reflection lists the services under both of its names", async (t) => {
  const { connection } = await world(t);
  for (const service of [ServerReflection, ServerReflectionV1alpha as unknown as typeof ServerReflection]) {
    const [answer] = await reflect(connection, [list], service);
    assert.equal(answer?.case, "listServicesResponse");
    assert.deepEqual(answer.value.service.map(({ name }) => name).sort(), SERVICES);
  }
});

test("reflection answers the whole closure with our options", async (t) => {
  const { connection } = await world(t);
  const [answer] = await reflect(connection, [symbol("alys.sync.v1.SyncService.GetSyncStatus")]);
  assert.equal(answer?.case, "fileDescriptorResponse");
  const file = answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  // Fails when an import is missing.
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: file.reverse() }));
  const service = registry.getService("alys.sync.v1.SyncService");
  assert.ok(service);
  for (const method of service.methods) assert.ok(hasOption(method, policy), method.name);
  assert.equal(getOption(service.method["getSyncStatus"]!, policy).deadlineMs, 1000);
});

test("reflection finds every kind of symbol, files and extensions, and says what it does not find", async (t) => {
  const { connection } = await world(t);
  const found = [
    "alys.sync.v1.SyncService",
    "alys.sync.v1.SyncStatus",
    "alys.sync.v1.SyncStatus.head",
    "alys.sync.v1.WatchSyncStatusResponse.event",
    "alys.sync.v1.SyncState",
    "alys.sync.v1.SYNC_STATE_SYNCED",
    "alys.actor.v1.policy",
    "google.rpc.BadRequest.FieldViolation",
    "google.rpc.Status",
    "grpc.health.v1.HealthCheckResponse.SERVING",
    "google.protobuf.MethodOptions",
  ];
  const extension = { containingType: "google.protobuf.MethodOptions", extensionNumber: 50001 };
  const others: Question[] = [
    { case: "fileByFilename", value: "alys/actor/v1/options.proto" },
    { case: "fileContainingExtension", value: extension } as Question,
  ];
  const answers = await reflect(connection, [...found.map(symbol), ...others]);
  assert.deepEqual([...new Set(answers.map((answer) => answer.case))], ["fileDescriptorResponse"]);
  const [numbers, missing, nothing] = await reflect(connection, [
    { case: "allExtensionNumbersOfType", value: "google.protobuf.MethodOptions" },
    symbol("alys.Nothing"),
    { case: undefined },
  ]);
  assert.deepEqual(numbers?.case === "allExtensionNumbersResponse" && numbers.value.extensionNumber, [50001]);
  assert.equal(missing?.case === "errorResponse" && missing.value.errorCode, 5);
  assert.equal(nothing?.case === "errorResponse" && nothing.value.errorCode, 3);
});

test("health knows the server and each service, by Check, List and Watch", async (t) => {
  const { connection, control } = await world(t);
  const health = connection.client(Health);
  assert.equal((await health.check({ service: SyncService.typeName })).status, Serving.SERVING);
  await assert.rejects(health.check({ service: "no.Such" }), { code: "NOT_FOUND" });
  const watching = health.watch({ service: SyncService.typeName })[Symbol.asyncIterator]();
  assert.equal((await watching.next()).value?.status, Serving.SERVING);
  control.setServing(SyncService.typeName, false);
  assert.equal((await watching.next()).value?.status, Serving.NOT_SERVING);
  const { statuses } = await health.list({});
  assert.deepEqual(
    Object.entries(statuses).map(([name, { status }]) => [name, status]),
    [
      ["", Serving.SERVING],
      ["alys.sync.v1.SyncService", Serving.NOT_SERVING],
      ["alys.integration.v1.EngineService", Serving.SERVING],
    ],
  );
  const unknown = health.watch({ service: "no.Such" })[Symbol.asyncIterator]();
  assert.equal((await unknown.next()).value?.status, Serving.SERVICE_UNKNOWN);
  await watching.return?.();
  await unknown.return?.();
});

test("without reflection nobody is told", async (t) => {
  const { connection } = await world(t, { reflection: false });
  await assert.rejects(reflect(connection, [list]), { code: "UNIMPLEMENTED" });
});

test("buf curl lists, calls and watches through reflection", async (t) => {
  const { control } = await world(t);
  const buf = async (...words: string[]): Promise<string> => {
    const options = ["curl", "--http2-prior-knowledge", "--protocol", "grpc"];
    return (await run("node_modules/.bin/buf", [...options, ...words])).stdout;
  };
  const url = `http://${control.address}`;
  const listed = (await buf("--list-services", url)).trim().split("\n");
  assert.deepEqual(listed.sort(), SERVICES);
  const methods = await buf("--list-methods", url);
  assert.match(methods, /alys\.sync\.v1\.SyncService\/StreamBlocks/);
  const answer = JSON.parse(await buf("-d", "{}", `${url}/alys.sync.v1.SyncService/GetSyncStatus`));
  assert.equal(answer.status.head.height, "10");
  const chunks = await buf(
    "-d",
    '{"startHeight":1,"count":2}',
    `${url}/alys.sync.v1.SyncService/StreamBlocks`,
  );
  assert.equal(chunks.match(/"startHeight"/g)?.length, 2);
});

test("grpcurl lists, describes, calls and shows error details, where it is installed", async (t) => {
  const grpcurl = findGrpcurl();
  if (grpcurl === undefined) {
    t.diagnostic("grpcurl is not installed; the tests with our own client and buf curl stand in for it");
    return;
  }
  const { control } = await world(t);
  await assertGrpcurl(t, grpcurl, control.address ?? "");
});

function findGrpcurl(): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), join(homedir(), "go", "bin")];
  return folders.map((folder) => join(folder, "grpcurl")).find((path) => existsSync(path));
}

async function assertGrpcurl(t: TestContext, grpcurl: string, address: string): Promise<void> {
  const say = async (...words: string[]): Promise<string> =>
    (await run(grpcurl, ["-plaintext", ...words])).stdout;
  t.diagnostic((await run(grpcurl, ["-version"])).stderr.trim());
  assert.deepEqual((await say(address, "list")).trim().split("\n"), SERVICES);
  assert.match(await say(address, "list", "alys.sync.v1.SyncService"), /SyncService\.GetSyncStatus/);
  const described = await say(address, "describe", "alys.sync.v1.SyncService");
  assert.match(described, /\.alys\.actor\.v1\.policy/);
  // Every service and everything behind it.
  assert.match(await say(address, "describe"), /grpc\.reflection\.v1alpha\.ServerReflection is a service/);
  const answer = JSON.parse(await say(address, "alys.sync.v1.SyncService/GetSyncStatus"));
  assert.equal(answer.status.head.height, "10");
  const failed = await say("-d", "{}", address, "alys.sync.v1.SyncService/GetBlock").then(
    () => "it succeeded",
    (error: { stderr: string }) => error.stderr,
  );
  assert.match(failed, /Code: InvalidArgument/);
  assert.match(failed, /google\.rpc\.ErrorInfo/);
  assert.match(failed, /BAD_HASH/);
}
