/**
 * Loads the configuration: TOML file, then environment overrides (ALYS__SYNC__SYNC_THRESHOLD=0.99), then checks and
 * defaults. Owns nothing; the composition root calls it once. Errors are one Failure that lists every fault by key.
 */

import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import { parse } from "smol-toml";
import { type NodeConfig, NodeConfigSchema } from "../../gen/alys/config/v1/config_pb.ts";
import { failure } from "../kernel/errors.ts";
import { type ConfigFault, checkTable, isTable } from "./check.ts";
import { RULES } from "./table.ts";

/** A message of which every field is set. */
export type Filled<T> = {
  readonly [K in Exclude<keyof T, "$typeName" | "$unknown">]-?: NonNullable<T[K]> extends Message
    ? Filled<NonNullable<T[K]>>
    : NonNullable<T[K]>;
};

/** The configuration in force: every setting has a value, paths are absolute. */
export type Settings = Filled<NodeConfig>;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Largest configuration file; a larger one is refused. */
const FILE_BYTES_MAX = 1024 * 1024;
const OVERRIDE_PREFIX = "ALYS__";

/** Settings that are paths: relative ones are taken from the folder of the configuration file. */
const PATHS = [
  "storage.data_directory",
  "chain.specification_file",
  "chain.proofs_file",
  "producer.authority_key_file",
  "control.tls.certificate_file",
  "control.tls.key_file",
  "control.tls.client_ca_file",
];

/** Settings that are paths in the data directory. */
const DATA_PATHS = ["control.unix_socket", "control.audit_file"];

/** Reads a TOML file. Throws a Failure INVALID_ARGUMENT or NOT_FOUND that names the file and every faulty key. */
export function loadSettings(file: string, environment: Environment): Settings {
  let source: string;
  try {
    source = readFileSync(file, "utf8");
  } catch (error) {
    throw failure(
      "NOT_FOUND",
      "CONFIG_UNREADABLE",
      `configuration file ${file} cannot be read: ${(error as Error).message}`,
    );
  }
  return parseSettings(source, environment, dirname(resolve(file)), file);
}

/** The same from text; `directory` is what relative paths are taken from, `name` is what errors call the text. */
export function parseSettings(
  source: string,
  environment: Environment,
  directory: string,
  name: string,
): Settings {
  if (source.length > FILE_BYTES_MAX) {
    throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", `${name} is larger than ${FILE_BYTES_MAX} bytes`);
  }
  let raw: Record<string, unknown>;
  try {
    raw = parse(source);
  } catch (error) {
    throw failure(
      "INVALID_ARGUMENT",
      "CONFIG_INVALID",
      `${name} is not TOML: ${(error as Error).message.trim()}`,
    );
  }
  const faults: ConfigFault[] = [];
  applyOverrides(raw, environment, faults);
  const checked = checkTable(NodeConfigSchema, raw, "", faults);
  if (faults.length > 0) {
    const lines = faults.map((fault) => `  ${fault.key}: ${fault.problem}`);
    throw failure(
      "INVALID_ARGUMENT",
      "CONFIG_INVALID",
      `${name} is not a valid configuration:\n${lines.join("\n")}`,
      {
        field: faults[0]?.key ?? "",
      },
    );
  }
  resolvePaths(checked, directory);
  return fromJson(NodeConfigSchema, checked as JsonValue) as Settings;
}

/** ALYS__SECTION__KEY=value sets section.key; the value is read by the kind of its rule. */
function applyOverrides(raw: Record<string, unknown>, environment: Environment, faults: ConfigFault[]): void {
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(OVERRIDE_PREFIX) || value === undefined) continue;
    const key = variable.slice(OVERRIDE_PREFIX.length).toLowerCase().replaceAll("__", ".");
    const rule = RULES[key];
    if (rule === undefined) {
      faults.push({ key, problem: `is not a setting (environment variable ${variable})` });
      continue;
    }
    if (rule.kind === "number") setAt(raw, key, value.trim() === "" ? value : Number(value));
    else if (rule.kind === "boolean")
      setAt(raw, key, value === "true" ? true : value === "false" ? false : value);
    else if (rule.kind === "list") setAt(raw, key, value === "" ? [] : value.split(","));
    else setAt(raw, key, value);
  }
}

function setAt(raw: Record<string, unknown>, key: string, value: unknown): void {
  const names = key.split(".");
  const last = names.pop() ?? "";
  let table = raw;
  for (const name of names) {
    if (!isTable(table[name])) table[name] = {};
    table = table[name] as Record<string, unknown>;
  }
  table[last] = value;
}

function resolvePaths(checked: Record<string, unknown>, directory: string): void {
  for (const key of PATHS) {
    const value = valueAt(checked, key);
    if (typeof value === "string" && value !== "") setAt(checked, key, resolve(directory, value));
  }
  const directoryOfData = String(valueAt(checked, "storage.data_directory"));
  for (const key of DATA_PATHS) {
    const value = valueAt(checked, key);
    if (typeof value === "string" && value !== "") setAt(checked, key, resolve(directoryOfData, value));
  }
}

function valueAt(checked: Record<string, unknown>, key: string): unknown {
  return key.split(".").reduce<unknown>((table, name) => (isTable(table) ? table[name] : undefined), checked);
}
