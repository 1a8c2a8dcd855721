/**
 * The configuration of a running node: what is in force and where it comes from, what waits for a restart, and changes.
 * A change is checked with everything else as if the file said it, written to the overrides file, and only then put
 * into force. The NodeActor asks it for GetConfig and UpdateConfig; it owns the overrides file.
 */

import { type DescField, type DescMessage, getOption, type MessageInitShape } from "@bufbuild/protobuf";
import { stringify } from "smol-toml";
import { sensitive } from "../../gen/alys/actor/v1/rules_pb.ts";
import { type NodeConfig, NodeConfigSchema } from "../../gen/alys/config/v1/config_pb.ts";
import {
  ConfigEffect,
  ConfigOrigin,
  type ConfigSettingSchema,
  type GetConfigResponseSchema,
  type UpdateConfigRequest,
  type UpdateConfigResponseSchema,
} from "../../gen/alys/node/v1/node_pb.ts";
import type { NodeConfigService } from "../actors/node/config-service.ts";
import { Failure, type FieldProblem, failure } from "../kernel/errors.ts";
import { writeFileAtomic } from "../storage/files.ts";
import { type ConfigFault, isTable } from "./check.ts";
import { type Effect, effectOf } from "./effects.ts";
import { type Origin, type Settings, setAt, settingKeys, settingsOf, settle, valueAt } from "./layers.ts";
import type { LoadedConfig } from "./load.ts";
import { RULES } from "./table.ts";

export interface ConfigServiceParts {
  readonly loaded: LoadedConfig;
  /** Checks that need more than the table of rules. Throws a Failure that names a key. */
  check(settings: Settings): void;
  /** Puts these settings, of those that hold at once, into force. */
  apply(settings: Settings, keys: readonly string[]): void;
}

/** Paths that one request names; more are refused. There are fewer settings. */
const PATHS_MAX = 256;

const REDACTED = "(redacted)";

const ORIGINS: Readonly<Record<Origin, ConfigOrigin>> = {
  default: ConfigOrigin.DEFAULT,
  file: ConfigOrigin.FILE,
  environment: ConfigOrigin.ENVIRONMENT,
  override: ConfigOrigin.OVERRIDE,
};

const EFFECTS: Readonly<Record<Effect, ConfigEffect>> = {
  at_once: ConfigEffect.AT_ONCE,
  restart: ConfigEffect.RESTART,
  file_only: ConfigEffect.FILE_ONLY,
};

const HEADER = `# What UpdateConfig changed, over the configuration file and the environment. The node writes it; delete it, or a line
# of it, while the node is down to return to them.
`;

interface Value {
  readonly json: string;
  readonly origin: Origin;
}

export class ConfigService implements NodeConfigService {
  readonly #parts: ConfigServiceParts;
  readonly #keys = settingKeys();
  readonly #sensitive = new Set(sensitiveKeys(NodeConfigSchema, ""));
  /** Protobuf JSON of the configuration in force. */
  readonly #table: Record<string, unknown>;
  readonly #inForce: Map<string, Value>;
  #next: ReadonlyMap<string, Value>;
  #overrides: ReadonlyMap<string, unknown>;
  /** The change before: one at a time, so that none overwrites another's. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: ConfigServiceParts) {
    const { table, origins, layers } = parts.loaded;
    this.#parts = parts;
    this.#table = structuredClone(table);
    this.#inForce = new Map(this.#valuesOf(table, origins));
    this.#next = new Map(this.#inForce);
    this.#overrides = layers.overrides;
  }

  view(): MessageInitShape<typeof GetConfigResponseSchema> {
    const table = structuredClone(this.#table);
    for (const key of this.#sensitive) if (valueAt(table, key) !== "") setAt(table, key, REDACTED);
    return { config: settingsOf(table) as NodeConfig, settings: this.#keys.map((key) => this.#viewOf(key)) };
  }

  update(request: UpdateConfigRequest): Promise<MessageInitShape<typeof UpdateConfigResponseSchema>> {
    const turn = this.#turn.then(() => this.#update(request));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #update(request: UpdateConfigRequest): Promise<MessageInitShape<typeof UpdateConfigResponseSchema>> {
    const { keys, overrides } = this.#overridesWith(request);
    const { loaded, check, apply } = this.#parts;
    const faults: ConfigFault[] = [];
    const settled = settle({ ...loaded.layers, overrides }, faults);
    if (settled === undefined) throw invalid(faults.map(({ key, problem }) => inConfig(key, problem)));
    try {
      check(settled.settings);
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      throw invalid([inConfig(thrown.detail.field ?? "", thrown.message)]);
    }
    const next = new Map(this.#valuesOf(settled.table, settled.origins));
    const isNow = (key: string): boolean =>
      effectOf(key) === "at_once" || next.get(key)?.json === this.#inForce.get(key)?.json;
    const applied = keys.filter(isNow);
    const needsRestart = keys.filter((key) => !isNow(key));
    const answer = { applied: { paths: applied }, needsRestart: { paths: needsRestart } };
    if (request.validateOnly) return answer;
    await writeFileAtomic(loaded.overridesFile, new TextEncoder().encode(overridesText(overrides)));
    this.#overrides = overrides;
    this.#next = next;
    for (const key of applied) {
      const value = next.get(key);
      if (value !== undefined) this.#inForce.set(key, value);
      setAt(this.#table, key, valueAt(settled.table, key));
    }
    apply(settled.settings, applied);
    return answer;
  }

  /** The overrides as they will be, and the keys that the request names. Throws the Failure of a bad request. */
  #overridesWith(request: UpdateConfigRequest): { keys: string[]; overrides: Map<string, unknown> } {
    const given = new Map(this.#keys.map((key) => [key, givenValue(request.config, key)]));
    const isGiven = (key: string): boolean => isSet(given.get(key));
    const problems: FieldProblem[] = [];
    const updates = new Set<string>();
    const masks = request.updateMask?.paths ?? [];
    if (masks.length === 0) for (const key of this.#keys.filter(isGiven)) updates.add(key);
    for (const path of masks.slice(0, PATHS_MAX + 1)) {
      if (RULES[path] !== undefined) updates.add(path);
      else for (const key of this.#section(path, "update_mask", problems).filter(isGiven)) updates.add(key);
    }
    const resets = new Set<string>();
    const resetPaths = request.resetMask?.paths ?? [];
    for (const path of resetPaths.slice(0, PATHS_MAX + 1)) {
      const keys = RULES[path] === undefined ? this.#section(path, "reset_mask", problems) : [path];
      for (const key of keys) resets.add(key);
    }
    if (Math.max(masks.length, resetPaths.length) > PATHS_MAX) {
      problems.push({ field: "update_mask", problem: `names more than ${PATHS_MAX} paths` });
    }
    const overrides = new Map(this.#overrides);
    for (const key of resets) overrides.delete(key);
    for (const key of updates) {
      const value = given.get(key);
      if (value === undefined) problems.push(inConfig(key, "is named in update_mask and has no value"));
      if (resets.has(key)) problems.push({ field: "reset_mask", problem: `${key} is in both masks` });
      overrides.set(key, value);
    }
    if (problems.length > 0) throw invalid(problems);
    const fixed = [...updates].filter((key) => effectOf(key) === "file_only");
    if (fixed.length > 0) throw fileOnly(fixed);
    const keys = this.#keys.filter(
      (key) => updates.has(key) || (resets.has(key) && this.#overrides.has(key)),
    );
    if (updates.size + resets.size === 0) {
      throw invalid([{ field: "update_mask", problem: "the request names no setting" }]);
    }
    return { keys, overrides };
  }

  /** Settings of a section, for instance "sync"; a problem when there is none of the name. */
  #section(path: string, field: string, problems: FieldProblem[]): string[] {
    const keys = this.#keys.filter((key) => key.startsWith(`${path}.`));
    if (keys.length === 0) problems.push({ field, problem: `${path} is no setting and no section` });
    return keys;
  }

  #viewOf(key: string): MessageInitShape<typeof ConfigSettingSchema> {
    const now = this.#inForce.get(key);
    const next = this.#next.get(key);
    const shown = (json = ""): string =>
      this.#sensitive.has(key) && json !== '""' ? JSON.stringify(REDACTED) : json;
    const base = {
      key,
      value: shown(now?.json),
      origin: ORIGINS[now?.origin ?? "default"],
      effect: EFFECTS[effectOf(key)],
    };
    if (next === undefined || next.json === now?.json) return base;
    return { ...base, awaitsRestart: true, nextValue: shown(next.json), nextOrigin: ORIGINS[next.origin] };
  }

  #valuesOf(table: Record<string, unknown>, origins: ReadonlyMap<string, Origin>): [string, Value][] {
    return this.#keys.map((key) => [
      key,
      { json: JSON.stringify(valueAt(table, key)), origin: origins.get(key) ?? "default" },
    ]);
  }
}

const inConfig = (key: string, problem: string): FieldProblem => ({ field: `config.${key}`, problem });

const isSet = (value: unknown): boolean =>
  value !== undefined && !(Array.isArray(value) && value.length === 0);

function invalid(problems: readonly FieldProblem[]): Failure {
  const text = problems.map(({ field, problem }) => `${field}: ${problem}`).join("; ");
  return failure("INVALID_ARGUMENT", "CONFIG_INVALID", text, { field: problems[0]?.field ?? "", problems });
}

function fileOnly(keys: readonly string[]): Failure {
  const text = `only the configuration file and the environment set ${keys.join(", ")}`;
  return failure("FAILED_PRECONDITION", "CONFIG_FILE_ONLY", text, { field: `config.${keys[0]}` });
}

/** What a message says of a setting, as TOML would: undefined when it says nothing. */
function givenValue(config: NodeConfig | undefined, key: string): unknown {
  let type: DescMessage = NodeConfigSchema;
  let value: unknown = config;
  for (const name of key.split(".")) {
    const field: DescField | undefined = type.fields.find((one) => one.name === name);
    if (field === undefined || typeof value !== "object" || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[field.localName];
    if (field.fieldKind === "message") type = field.message;
  }
  return typeof value === "bigint" ? Number(value) : value;
}

function sensitiveKeys(type: DescMessage, path: string): string[] {
  return type.fields.flatMap((field) => {
    const key = path === "" ? field.name : `${path}.${field.name}`;
    if (field.fieldKind === "message") return sensitiveKeys(field.message, key);
    return getOption(field, sensitive) ? [key] : [];
  });
}

function overridesText(overrides: ReadonlyMap<string, unknown>): string {
  const table: Record<string, unknown> = {};
  for (const [key, value] of overrides) setAt(table, key, value);
  return `${HEADER}\n${isTable(table) ? stringify(table) : ""}\n`;
}
