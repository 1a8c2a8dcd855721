/** What can be said of the clients without their toolchains: their generated code is of this schema, and no file names a host or a machine. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { schemaHash } from "../scripts/schema-hash.ts";

const ROOT = resolve(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

test("the clients' generated code is of the schema in proto/", () => {
  const made = read("clients/schema.sha256").trim();
  assert.equal(made, schemaHash(ROOT), "run `npm run gen:clients` (go, python3, cargo) and commit clients/");
});

test("the clients' generated code has all services", () => {
  const protos = globSync("proto/alys/**/*.proto", { cwd: ROOT });
  assert.ok(protos.length > 10);
  for (const proto of protos) {
    const services = [...read(proto).matchAll(/^service (\w+)/gm)].map(([, name]) => name);
    const path = proto.replace(/^proto\//, "").replace(/\.proto$/, "");
    const rust = path.split("/").slice(0, -1).join(".");
    for (const service of services) {
      assert.match(read(`clients/go/gen/${path}_grpc.pb.go`), new RegExp(`func New${service}Client\\(`));
      assert.match(read(`clients/python/${path}_pb2_grpc.pyi`), new RegExp(`class ${service}Stub`));
      assert.match(read(`clients/rust/src/proto/${rust}.rs`), new RegExp(`pub struct ${service}Client<`));
    }
  }
});

test("every proto names its Go package, so that buf generate works over the whole of proto/", () => {
  for (const proto of globSync("proto/**/*.proto", { cwd: ROOT }))
    assert.match(read(proto), /^option go_package = ".+";$/m, proto);
});

test("no file of the clients names a folder of a machine or a package server", () => {
  const files = execFileSync("git", ["ls-files", "clients"], { cwd: ROOT, encoding: "utf8" })
    .trim()
    .split("\n");
  assert.ok(files.length > 50);
  for (const file of files) {
    // Cargo's own name for its registry, whichever server it asks.
    const text = read(file).replaceAll("registry+https://github.com/rust-lang/crates.io-index", "");
    assert.doesNotMatch(
      text,
      /\/(?:root|home|work)\/|goproxy|proxy\.golang|index\.crates|pypi\.org|registry\.npmjs/i,
      file,
    );
  }
});
