/**
 * Loads a chain from its files: the Alys chain specification and, if there is one, the side file of proofs of
 * possession. Blocking file calls, for start-up and the command line only.
 */
import { readFileSync, statSync } from "node:fs";
import { Failure, failure } from "../kernel/errors.ts";
import { checkPossessionFile } from "./possession.ts";
import {
  type ChainParameters,
  type Genesis,
  genesisOf,
  parseChainSpecification,
  possessionWarning,
} from "./spec.ts";

/** Full files have about 8 KiB; a larger one than this is refused unread. */
const FILE_BYTES_MAX = 65_536;

/** A chain as its files describe it. `warning` is for the log: it names the risk of unproven authorities. */
export interface LoadedChain {
  readonly parameters: ChainParameters;
  readonly genesis: Genesis;
  readonly warning: string | undefined;
}

/**
 * Reads and checks the files. Failures: NOT_FOUND/FILE_UNREADABLE, OUT_OF_RANGE/FILE_TOO_LARGE,
 * INVALID_ARGUMENT/CHAIN_SPECIFICATION_INVALID and POSSESSION_FILE_INVALID with the field at fault.
 */
export function loadChain(specificationPath: string, possessionPath?: string): LoadedChain | Failure {
  const text = readSmallFile(specificationPath);
  if (text instanceof Failure) return text;
  const parameters = parseChainSpecification(text);
  if (parameters instanceof Failure) return parameters;
  const genesis = genesisOf(parameters);
  let unproven: readonly Uint8Array[] | Failure = parameters.authorities;
  if (possessionPath !== undefined) {
    const proofs = readSmallFile(possessionPath);
    if (proofs instanceof Failure) return proofs;
    unproven = checkPossessionFile(proofs, parameters.authorities, genesis.hash);
    if (unproven instanceof Failure) return unproven;
  }
  return { parameters, genesis, warning: possessionWarning(unproven) };
}

function readSmallFile(path: string): string | Failure {
  try {
    const { size } = statSync(path);
    if (size > FILE_BYTES_MAX) {
      return failure(
        "OUT_OF_RANGE",
        "FILE_TOO_LARGE",
        `${path} has ${size} bytes, more than ${FILE_BYTES_MAX}`,
      );
    }
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return failure("NOT_FOUND", "FILE_UNREADABLE", `${path} cannot be read: ${code}`);
  }
}
