/**
 * Loads a chain from its files: the Alys chain specification and, if there is one, the side file of proofs of
 * possession. Blocking file calls, for start-up and the command line only.
 */
import { readFileSync, statSync } from "node:fs";
import { Failure, failure } from "../kernel/errors.ts";
import type { ChainParameters } from "./parameters.ts";
import { checkPossessionFile } from "./possession.ts";
import { type Genesis, genesisOf, parseChainSpecification, possessionRisk } from "./spec.ts";

/** Full files have about 8 KiB; a larger one than this is refused unread. */
const FILE_BYTES_MAX = 65_536;

/** A chain as its specification describes it. */
export interface ChainFile {
  readonly parameters: ChainParameters;
  readonly genesis: Genesis;
}

/** A chain whose authorities may be believed. */
export interface LoadedChain extends ChainFile {
  /** For the log of a development chain: the risk of authorities without proof. */
  readonly warning: string | undefined;
}

export interface ProofOptions {
  /** Side file of proofs of possession. */
  readonly proofs?: string | undefined;
  /** A development chain's authorities may lack proofs. */
  readonly isDevelopment?: boolean | undefined;
}

/**
 * Reads the specification alone: for whoever makes proofs, or opens a store that exists under this genesis already. Nobody
 * believes an approval by it. Failures: NOT_FOUND/FILE_UNREADABLE, OUT_OF_RANGE/FILE_TOO_LARGE,
 * INVALID_ARGUMENT/CHAIN_SPECIFICATION_INVALID with the field at fault.
 */
export function readChain(specificationPath: string): ChainFile | Failure {
  const text = readSmallFile(specificationPath);
  if (text instanceof Failure) return text;
  const parameters = parseChainSpecification(text);
  if (parameters instanceof Failure) return parameters;
  return { parameters, genesis: genesisOf(parameters) };
}

/**
 * Reads and checks the files. Failures: those of `readChain`, INVALID_ARGUMENT/POSSESSION_FILE_INVALID with the field at
 * fault, and FAILED_PRECONDITION/POSSESSION_UNPROVEN for an authority without proof on a chain that is not for development.
 */
export function loadChain(specificationPath: string, options: ProofOptions): LoadedChain | Failure {
  const chain = readChain(specificationPath);
  if (chain instanceof Failure) return chain;
  const { parameters, genesis } = chain;
  const { proofs: path, isDevelopment = false } = options;
  let unproven: readonly Uint8Array[] | Failure = parameters.authorities;
  if (path !== undefined) {
    const proofs = readSmallFile(path);
    if (proofs instanceof Failure) return proofs;
    unproven = checkPossessionFile(proofs, parameters.authorities, genesis.hash);
    if (unproven instanceof Failure) return unproven;
  }
  const risk = possessionRisk(unproven);
  if (risk === undefined || isDevelopment) return { parameters, genesis, warning: risk };
  return failure("FAILED_PRECONDITION", "POSSESSION_UNPROVEN", `${risk}. ${howToProve(specificationPath)}`);
}

/** The commands that make the proofs. */
function howToProve(specification: string): string {
  return (
    `Each member proves its key: alysctl keys authority --file authority.key --chain ${specification} ` +
    "--proof-file NAME.proof.json; then the proofs of all are joined to the file that chain.proofs_file names: " +
    `alysctl keys proofs --chain ${specification} --out proofs.json *.proof.json. Only a chain for development goes ` +
    "without (chain.development = true)"
  );
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
