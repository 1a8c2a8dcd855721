/** `alysctl node config get`: every setting there is, in a table of a hundred columns. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  ConfigEffect,
  ConfigOrigin,
  type ConfigSetting,
  ConfigSettingSchema,
} from "../../../gen/alys/node/v1/node_pb.ts";
import { settingsTable } from "../../../src/cli/config.ts";
import { RULES } from "../../../src/config/table.ts";

function settings(value: string, nextValue?: string): ConfigSetting[] {
  return Object.keys(RULES).map((key) =>
    create(ConfigSettingSchema, {
      key,
      value,
      origin: ConfigOrigin.ENVIRONMENT,
      effect: ConfigEffect.FILE_ONLY,
      ...(nextValue !== undefined && { nextValue, awaitsRestart: true }),
    }),
  );
}

const LIST = JSON.stringify(
  Array.from({ length: 40 }, (_, index) => `/dns4/host-${index}.example/tcp/55444`),
);

test("settingsTable is never wider than 100 columns, whatever the values are", () => {
  for (const all of [settings("true"), settings(LIST), settings(LIST, LIST), settings("7", LIST)]) {
    const lines = settingsTable(all).split("\n");
    const widest = lines.reduce((most, { length }) => Math.max(most, length), 0);
    assert.ok(widest <= 100, `${widest} columns`);
  }
});

test("settingsTable wraps a path, cuts a long list and says where the whole is", () => {
  const path = '"/var/lib/alys/members/alice/data/chain/specification.json"';
  const wrapped = settingsTable(settings(path));
  const column = wrapped.split("\n")[0]?.indexOf("VALUE") ?? 0;
  const ends = wrapped.split("\n")[0]?.indexOf("FROM") ?? 0;
  const first = Object.keys(RULES).length;
  assert.ok(wrapped.split("\n").length > first + 1);
  const pieces = wrapped
    .split("\n")
    .slice(1)
    .map((line) => line.slice(column, ends).trim());
  assert.ok(pieces.join("").startsWith(path), pieces.slice(0, 4).join("|"));
  assert.doesNotMatch(wrapped, /…/);
  const cut = settingsTable(settings(LIST));
  assert.match(cut, /…\n/);
  assert.match(cut, /\n… marks values that are cut; --json has them whole$/);
});

test("settingsTable has a column for the next start only when a setting waits for it", () => {
  assert.doesNotMatch(settingsTable(settings("1")), /NEXT START/);
  assert.match(settingsTable(settings("1", "2")), /NEXT START\n.* 1 +environment +file only +2\n/);
});
