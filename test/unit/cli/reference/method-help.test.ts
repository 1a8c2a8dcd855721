/** The help of methods: every one has its comment, its fields and an example that the method takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromJsonString } from "@bufbuild/protobuf";
import { SyncService } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { runAlysctl } from "../../../../src/cli/program.ts";
import { methodHelp } from "../../../../src/cli/reference/method-help.ts";
import { readComments } from "../../../../src/cli/reference/proto-comments.ts";
import { ALYS_SERVICES, SERVICES } from "../../../../src/cli/reference/services.ts";
import { MemoryTerminal } from "../../../../src/cli/terminal.ts";

const comments = readComments("proto");

test("methodHelp gives each method's comment, fields and a request that parses", () => {
  for (const method of SERVICES.flatMap(({ methods }) => methods)) {
    const help = methodHelp(method, comments, 100);
    const example = /^Example: alysctl call \S+ '(.*)'$/m.exec(help)?.[1] ?? "";
    fromJsonString(method.input, example);
    for (const field of method.input.fields)
      assert.match(help, new RegExp(`^  ${field.jsonName}: `, "m"), method.name);
    const isOurs = ALYS_SERVICES.includes(method.parent);
    if (isOurs) assert.match(help, /^scope +\w+$/m, method.name);
  }
});

test("methodHelp tells rules, and the lines are not too long", () => {
  const help = methodHelp(SyncService.method.getBlock, comments, 60);
  assert.match(help, /^ {2}hash: bytes; one of by; 32 bytes$/m);
  for (const line of help.split("\n")) assert.ok(line.length <= 75 || line.startsWith("Example"), line);
});

test("alysctl call --help takes a method before and after it, and a wrong one is named", async () => {
  const helpFor = async (...args: string[]): Promise<string> => {
    const terminal = new MemoryTerminal();
    assert.equal(await runAlysctl(args, terminal, new AbortController().signal), 0);
    return terminal.text;
  };
  const help = await helpFor("call", "--help", "SyncService/GetBlock");
  assert.match(help, /GetBlock answers a block/);
  assert.equal(await helpFor("call", "SyncService/GetBlock", "--help"), help);
  assert.match(await helpFor("call", "--help"), /--list/);
  assert.match(await helpFor("call", "--help", "SyncService/Fly"), /has no method Fly/);
});
