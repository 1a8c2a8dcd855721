/** The catalogue of reflection: every imported file is found, whatever file is asked for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { NodeService } from "../../../gen/alys/node/v1/node_pb.ts";
import { PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
} from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { Catalogue } from "../../../src/control/reflection.ts";

function ask(catalogue: Catalogue, messageRequest: ServerReflectionRequest["messageRequest"]) {
  return catalogue.answer(create(ServerReflectionRequestSchema, { host: "here", messageRequest }));
}

test("each answer carries all imports of its file, once", () => {
  const catalogue = new Catalogue([NodeService, PeerService]);
  const asked = new Set(["alys/node/v1/node.proto"]);
  for (const value of asked) {
    const { messageResponse } = ask(catalogue, { case: "fileByFilename", value });
    assert.equal(messageResponse.case, "fileDescriptorResponse", value);
    const files = messageResponse.value.fileDescriptorProto.map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    const names = files.map(({ name }) => name);
    assert.equal(names[0], value);
    assert.equal(new Set(names).size, names.length);
    for (const file of files) {
      for (const dependency of file.dependency) {
        assert.ok(names.includes(dependency), `${value} lacks ${dependency}`);
        asked.add(dependency);
      }
    }
  }
  assert.ok(asked.has("google/protobuf/descriptor.proto"));
});

test("an answer repeats host and question", () => {
  const answer = ask(new Catalogue([PeerService]), { case: "listServices", value: "*" });
  assert.equal(answer.validHost, "here");
  assert.equal(answer.originalRequest?.messageRequest.value, "*");
});

test("extension numbers of an unknown type are not found, of one without extensions are none", () => {
  const catalogue = new Catalogue([PeerService]);
  const unknown = ask(catalogue, { case: "allExtensionNumbersOfType", value: "no.Such" });
  assert.equal(unknown.messageResponse.case, "errorResponse");
  const none = ask(catalogue, { case: "allExtensionNumbersOfType", value: "alys.peer.v1.Ban" });
  assert.deepEqual(
    none.messageResponse.case === "allExtensionNumbersResponse" && none.messageResponse.value.extensionNumber,
    [],
  );
});
