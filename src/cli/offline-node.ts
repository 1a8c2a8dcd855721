/**
 * What alysctl must know of a node that does not run to work on its data directory: from the configuration that alysd is
 * started with, or from what the operator says. Only then something is assumed.
 */
import { FINALITY_DEPTH } from "../chain/finality.ts";
import { type Environment, loadSettings } from "../config/load.ts";
import { failure } from "../kernel/errors.ts";

export interface OfflineNodeOptions {
  /** Path of the node's configuration file. */
  readonly config: string | undefined;
  /** Path of the data directory, where it is not the configuration's. */
  readonly dataDir: string | undefined;
  /** Path of the chain's specification, where it is not the configuration's. */
  readonly chain: string | undefined;
}

export interface OfflineNode {
  readonly dataDirectory: string;
  readonly specificationFile: string;
  /** Blocks. */
  readonly finalityDepth: number;
  /** Undefined when the finality depth is assumed. */
  readonly configFile: string | undefined;
}

/**
 * `environment` is alysctl's own: it counts as it does for alysd. Throws the Failure of the configuration, or
 * INVALID_ARGUMENT when something is said by nobody.
 */
export function offlineNode(
  { config, dataDir, chain }: OfflineNodeOptions,
  environment: Environment,
): OfflineNode {
  if (config !== undefined) {
    const { storage, chain: configured } = loadSettings(config, environment);
    return {
      dataDirectory: dataDir ?? storage.dataDirectory,
      specificationFile: chain ?? configured.specificationFile,
      finalityDepth: configured.finalityDepth,
      configFile: config,
    };
  }
  if (dataDir === undefined || chain === undefined) {
    const text =
      "--data-dir needs --config, the node's configuration, or --chain, the chain's specification; " +
      `with --chain alone a finality depth of ${FINALITY_DEPTH} blocks is assumed`;
    throw failure("INVALID_ARGUMENT", "CHAIN_MISSING", text);
  }
  return {
    dataDirectory: dataDir,
    specificationFile: chain,
    finalityDepth: FINALITY_DEPTH,
    configFile: undefined,
  };
}
