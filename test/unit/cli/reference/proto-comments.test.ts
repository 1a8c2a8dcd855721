/** The scanner of comments, against buf's own source information. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { protoFolder, readComments, scanComments } from "../../../../src/cli/reference/proto-comments.ts";

/** Names of a file's elements by their path in the descriptor, "4,0,2,1": message 0's field 1. */
function namesOf(file: FileDescriptorProto): Map<string, string> {
  const names = new Map<string, string>();
  const enumNames = (path: number[], prefix: string, one: FileDescriptorProto["enumType"][number]): void => {
    names.set(String(path), `${prefix}.${one.name}`);
    for (const [index, value] of one.value.entries())
      names.set(String([...path, 2, index]), `${prefix}.${one.name}.${value.name}`);
  };
  const messageNames = (
    path: number[],
    prefix: string,
    one: FileDescriptorProto["messageType"][number],
  ): void => {
    const name = `${prefix}.${one.name}`;
    names.set(String(path), name);
    for (const [index, field] of one.field.entries())
      names.set(String([...path, 2, index]), `${name}.${field.name}`);
    for (const [index, oneof] of one.oneofDecl.entries())
      names.set(String([...path, 8, index]), `${name}.${oneof.name}`);
    for (const [index, inner] of one.nestedType.entries()) messageNames([...path, 3, index], name, inner);
    for (const [index, inner] of one.enumType.entries()) enumNames([...path, 4, index], name, inner);
  };
  for (const [index, one] of file.messageType.entries()) messageNames([4, index], file.package, one);
  for (const [index, one] of file.enumType.entries()) enumNames([5, index], file.package, one);
  for (const [index, service] of file.service.entries()) {
    names.set(String([6, index]), `${file.package}.${service.name}`);
    for (const [at, method] of service.method.entries())
      names.set(String([6, index, 2, at]), `${file.package}.${service.name}.${method.name}`);
  }
  return names;
}

test("readComments reads the comments that buf reads", () => {
  const image = execFileSync("node_modules/.bin/buf", ["build", "proto", "-o", "-#format=binpb"], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const expected = new Map<string, string>();
  for (const file of fromBinary(FileDescriptorSetSchema, image).file) {
    if (!file.package.startsWith("alys.")) continue;
    const names = namesOf(file);
    for (const { path, leadingComments } of file.sourceCodeInfo?.location ?? []) {
      const name = names.get(String(path));
      if (name === undefined || leadingComments === "") continue;
      const lines = leadingComments.trimEnd().split("\n");
      expected.set(name, lines.map((line) => line.trim()).join("\n"));
    }
  }
  const read = [...readComments("proto")].filter(
    ([name]) => expected.has(name) || /^alys\..*[a-z]/.test(name),
  );
  const ours = new Map(read.filter(([name]) => name.startsWith("alys.")));
  assert.ok(expected.size > 500);
  assert.deepEqual(Object.fromEntries([...ours].sort()), Object.fromEntries([...expected].sort()));
});

test("scanComments takes nested messages, oneofs, options over several lines and strings with braces", () => {
  const comments = scanComments(`
syntax = "proto3";
package a.b;

// Not of S: a blank line follows.

// S serves.
service S {
  // Get gets
  // a thing.
  rpc Get(In) returns (Out) {
    // Not a field's.
    option (x) = {name: "}{", list: {a: 1}};
  }
  rpc Bare(In) returns (Out);
}
message In {
  // Inner is inside.
  message Inner {
    // Deep.
    map<string, a.b.Out> deep = 1;
  }
  oneof by {
    // One.
    uint32 one = 1 [(rules) = {
      min: 1
    }];
  }
  // After.
  optional bytes after = 2;
}
// E enumerates.
enum E {
  E_UNSPECIFIED = 0;
  // First.
  E_FIRST = 1;
}
`);
  assert.deepEqual(Object.fromEntries(comments), {
    "a.b.S": "S serves.",
    "a.b.S.Get": "Get gets\na thing.",
    "a.b.In.Inner": "Inner is inside.",
    "a.b.In.Inner.deep": "Deep.",
    "a.b.In.one": "One.",
    "a.b.In.after": "After.",
    "a.b.E": "E enumerates.",
    "a.b.E.E_FIRST": "First.",
  });
});

test("protoFolder finds the files", () => {
  assert.match(protoFolder() ?? "", /proto$/);
});
