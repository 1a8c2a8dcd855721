/**
 * The layers of the configuration: defaults, file, environment, overrides; a later one wins over those before it. Puts
 * them together, checks the whole, and says where each setting comes from. Reads no file itself: load.ts reads the layers, config-service.ts lays
 * another over them.
 */

import { resolve } from "node:path";
import { type DescMessage, fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import { type NodeConfig, NodeConfigSchema } from "../../gen/alys/config/v1/config_pb.ts";
import { type ConfigFault, checkTable, isTable } from "./check.ts";
import { effectOf } from "./effects.ts";
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

export type Origin = "default" | "file" | "environment" | "override";

/** Values by dotted key, as TOML has them. */
export type Values = ReadonlyMap<string, unknown>;

export interface Layers {
  /** Tables of the file. */
  readonly file: Readonly<Record<string, unknown>>;
  readonly environment: Values;
  readonly overrides: Values;
  /** What relative paths are taken from. */
  readonly directory: string;
}

/** The layers put together. Only to be used when there are no faults. */
export interface Settled {
  readonly settings: Settings;
  /** Protobuf JSON of the settings with names as in the file. */
  readonly table: Record<string, unknown>;
  readonly origins: ReadonlyMap<string, Origin>;
}

const OVERRIDE_PREFIX = "ALYS__";

/** Settings that are paths: relative ones are taken from the folder of the configuration file. */
const PATHS = [
  "storage.data_directory",
  "chain.specification_file",
  "chain.proofs_file",
  "network.federation.delegation_file",
  "producer.authority_key_file",
  "control.tls.certificate_file",
  "control.tls.key_file",
  "control.tls.client_ca_file",
  "control.tls.revoked_file",
  "telemetry.log_file",
];

/** Settings that are paths in the data directory. */
const DATA_PATHS = ["control.unix_socket", "control.audit_file", "control.audit_head_file"];

/** ALYS__SECTION__KEY=value sets section.key; the value is read by the kind of its rule. */
export function environmentValues(environment: Environment, faults: ConfigFault[]): Values {
  const values = new Map<string, unknown>();
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(OVERRIDE_PREFIX) || value === undefined) continue;
    const key = variable.slice(OVERRIDE_PREFIX.length).toLowerCase().replaceAll("__", ".");
    const rule = RULES[key];
    if (rule === undefined) {
      faults.push({ key, problem: `is not a setting (environment variable ${variable})` });
      continue;
    }
    if (rule.kind === "number") values.set(key, numberOf(value));
    else if (rule.kind === "boolean") {
      values.set(key, value === "true" ? true : value === "false" ? false : value);
    } else if (rule.kind === "list") values.set(key, value === "" ? [] : value.split(","));
    else values.set(key, value);
  }
  return values;
}

/** As it is where it says no number: the check then shows it. */
function numberOf(text: string): number | string {
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

/** The environment variable of a setting. */
const variableOf = (key: string): string => `${OVERRIDE_PREFIX}${key.replaceAll(".", "__").toUpperCase()}`;

/** The settings that an overrides file names, by key. */
export function overrideValues(
  table: Readonly<Record<string, unknown>>,
  faults: ConfigFault[],
  path = "",
): Values {
  const values = new Map<string, unknown>();
  for (const [name, value] of Object.entries(table)) {
    const key = path === "" ? name : `${path}.${name}`;
    if (isTable(value)) {
      for (const [inner, one] of overrideValues(value, faults, key)) values.set(inner, one);
    } else if (RULES[key] === undefined) faults.push({ key, problem: "is not a setting" });
    else if (effectOf(key) === "file_only") {
      faults.push({ key, problem: "can only be set in the configuration file or the environment" });
    } else values.set(key, value);
  }
  return values;
}

/** Puts the layers together; undefined when that brought faults to light. */
export function settle(layers: Layers, faults: ConfigFault[]): Settled | undefined {
  const { file, environment, overrides, directory } = layers;
  const raw = structuredClone(file) as Record<string, unknown>;
  for (const values of [environment, overrides]) {
    for (const [key, value] of values) setAt(raw, key, value);
  }
  const table = checkTable(NodeConfigSchema, raw, "", faults);
  if (faults.length === 0) checkPaths(table, faults);
  if (faults.length === 0) checkTogether(table, raw, faults);
  if (faults.length > 0) {
    for (const [at, { key, problem }] of faults.entries()) {
      const isOfEnvironment = environment.has(key) && !overrides.has(key);
      if (isOfEnvironment)
        faults[at] = { key, problem: `${problem} (environment variable ${variableOf(key)})` };
    }
    return undefined;
  }
  resolvePaths(table, directory);
  const origins = new Map(Object.keys(RULES).map((key) => [key, originOf(key, layers)]));
  return { settings: settingsOf(table), table, origins };
}

/** Nobody replaces what a shell would: the file would lie in a folder of that name. */
function checkPaths(table: Record<string, unknown>, faults: ConfigFault[]): void {
  for (const key of [...PATHS, ...DATA_PATHS]) {
    const value = valueAt(table, key);
    if (typeof value === "string" && /^~|\$/.test(value))
      faults.push({
        key,
        problem: `is taken as it is written, without ~ and $: write the whole path, not "${value}"`,
      });
  }
}

/** What is wrong with two settings together only. A default gives way to what is set. */
function checkTogether(table: Record<string, unknown>, raw: object, faults: ConfigFault[]): void {
  const key = "peer.target_peers";
  const target = Number(valueAt(table, key));
  const max = Number(valueAt(table, "peer.max_peers"));
  if (target <= max) return;
  if (valueAt(raw as Record<string, unknown>, key) === undefined) setAt(table, key, max);
  else faults.push({ key, problem: `must be at most peer.max_peers, ${max}, is ${target}` });
}

export function settingsOf(table: Record<string, unknown>): Settings {
  return fromJson(NodeConfigSchema, table as JsonValue) as Settings;
}

function originOf(key: string, { file, environment, overrides }: Layers): Origin {
  if (overrides.has(key)) return "override";
  if (environment.has(key)) return "environment";
  return valueAt(file, key) === undefined ? "default" : "file";
}

/** Keys of all settings in the order of the fields of the proto. */
export function settingKeys(schema: DescMessage = NodeConfigSchema, path = ""): string[] {
  return schema.fields.flatMap((field) => {
    const key = path === "" ? field.name : `${path}.${field.name}`;
    return field.fieldKind === "message" ? settingKeys(field.message, key) : [key];
  });
}

/** Sets a value in nested tables, which are made where they are missing. */
export function setAt(table: Record<string, unknown>, key: string, value: unknown): void {
  const names = key.split(".");
  const last = names.pop() ?? "";
  let inner = table;
  for (const name of names) {
    if (!isTable(inner[name])) inner[name] = {};
    inner = inner[name] as Record<string, unknown>;
  }
  inner[last] = value;
}

export function valueAt(table: Readonly<Record<string, unknown>>, key: string): unknown {
  return key.split(".").reduce<unknown>((inner, name) => (isTable(inner) ? inner[name] : undefined), table);
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
