/**
 * Loads the configuration: TOML file, then environment (ALYS__SYNC__SYNC_THRESHOLD=0.99), then what UpdateConfig wrote to
 * the overrides file, then checks and defaults. Owns nothing; main.ts calls it once. Errors are one Failure that lists
 * every fault by key.
 */

import { readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse } from "smol-toml";
import { type Failure, failure } from "../kernel/errors.ts";
import type { ConfigFault } from "./check.ts";
import {
  type Environment,
  environmentValues,
  type Layers,
  overrideValues,
  type Settings,
  type Settled,
  settle,
  type Values,
} from "./layers.ts";

export type { Environment, Filled, Settings } from "./layers.ts";

/** Largest configuration file; a larger one is refused. */
const FILE_BYTES_MAX = 1024 * 1024;

/** File in the data directory in which UpdateConfig keeps what it changed. */
const OVERRIDES_FILE = "overrides.toml";

/** UpdateConfig may have been told what does not start; whoever starts the node need not know of its file. */
const ADVICE =
  "\n(alysd --ignore-overrides starts without this file, and the next UpdateConfig writes it anew)";

const NO_VALUES: Values = new Map();

/** The configuration as it was read, with all that it takes to change it. */
export interface LoadedConfig extends Settled {
  readonly layers: Layers;
  readonly overridesFile: string;
}

/**
 * Reads a TOML file. Throws a Failure INVALID_ARGUMENT or NOT_FOUND that names the file and every faulty key. Overrides are
 * left out for whoever has to start without them; the next UpdateConfig then writes them anew.
 */
export function loadConfig(
  file: string,
  environment: Environment,
  withOverrides: "with overrides" | "without overrides" = "with overrides",
): LoadedConfig {
  const source = readText(file);
  if (source === undefined) {
    throw failure(
      "NOT_FOUND",
      "CONFIG_UNREADABLE",
      `configuration file ${file} cannot be read: there is none`,
    );
  }
  const bare = settleText(source, environment, dirname(resolve(file)), file);
  const overridesFile = join(bare.settings.storage.dataDirectory, OVERRIDES_FILE);
  const text = withOverrides === "with overrides" ? readOverrides(overridesFile) : undefined;
  if (text === undefined) return { ...bare, overridesFile };
  const faults: ConfigFault[] = [];
  const overrides = overrideValues(parseToml(text, overridesFile, ADVICE), faults);
  const layers: Layers = { ...bare.layers, overrides };
  const settled = settle(layers, faults);
  // The rest was sound without it.
  if (settled === undefined) throw configFailure(overridesFile, faults, ADVICE);
  return { ...settled, layers, overridesFile };
}

/**
 * The settings of a text and the environment, without overrides; `directory` is what relative paths are taken from,
 * `name` is what errors call the text.
 */
export function parseSettings(
  source: string,
  environment: Environment,
  directory: string,
  name: string,
): Settings {
  return settleText(source, environment, directory, name).settings;
}

function settleText(
  source: string,
  environment: Environment,
  directory: string,
  name: string,
): Settled & { readonly layers: Layers } {
  const faults: ConfigFault[] = [];
  const file = parseToml(source, name);
  const values = environmentValues(environment, faults);
  const layers: Layers = { file, environment: values, overrides: NO_VALUES, directory };
  const settled = settle(layers, faults);
  if (settled === undefined) throw configFailure(name, faults);
  return { ...settled, layers };
}

/** Only the settings of a file, overrides included. */
export function loadSettings(file: string, environment: Environment): Settings {
  return loadConfig(file, environment).settings;
}

function configFailure(name: string, faults: readonly ConfigFault[], advice = ""): Failure {
  const lines = faults.map((fault) => `  ${fault.key}: ${fault.problem}`);
  const text = `${name} is not a valid configuration:\n${lines.join("\n")}${advice}`;
  return failure("INVALID_ARGUMENT", "CONFIG_INVALID", text, { field: faults[0]?.key ?? "" });
}

function parseToml(source: string, name: string, advice = ""): Record<string, unknown> {
  if (source.length > FILE_BYTES_MAX) {
    throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", `${name} is larger than ${FILE_BYTES_MAX} bytes`);
  }
  try {
    return parse(source);
  } catch (error) {
    const text = `${name} is not TOML: ${(error as Error).message.trim()}${advice}`;
    throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", text);
  }
}

/** Undefined also where there is no folder to hold it: opening the storage says what is wrong with that. */
function readOverrides(file: string): string | undefined {
  return statSync(dirname(file), { throwIfNoEntry: false })?.isDirectory() ? readText(file) : undefined;
}

/** Undefined when there is no such file. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw failure(
      "NOT_FOUND",
      "CONFIG_UNREADABLE",
      `configuration file ${file} cannot be read: ${(error as Error).message}`,
    );
  }
}
