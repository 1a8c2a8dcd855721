/**
 * The chain specification: Alys's JSON as it is, the parameters that make a chain (and only those), their
 * root, and the genesis header that follows from them. Two files that differ in a parameter are two chains;
 * local settings in the same file (isValidator, time-outs) do not count. Pure: chain-file.ts reads the files.
 */

import { type Failure, failure } from "../kernel/errors.ts";
import { AUTHORITIES_MAX } from "./approval.ts";
import { authoritySet } from "./authorities.ts";
import { type MergedMiningPlacement, powFactsOf } from "./auxpow/pow-facts.ts";
import { EMPTY_BODY, encodeBody } from "./block.ts";
import { isValidPublicKey } from "./bls.ts";
import { PUBLIC_KEY_LENGTH } from "./body-layout.ts";
import { bodyRoot } from "./body-root.ts";
import type { AuthoritySetFacts, ChainFacts } from "./facts.ts";
import { encodeHeader, HASH_LENGTH, headerHash } from "./header.ts";
import { fromHex, toHex } from "./hex.ts";
import { byteVectorRoot, containerRoot, listRoot, uint64Chunk } from "./merkle.ts";
import type { ChainParameters } from "./parameters.ts";

/** The largest value of a field of 8 bits; a specification with a larger one is refused. */
const UINT8_MAX = 0xff;
/** The largest value of a field of 32 bits; a specification with a larger one is refused. */
const UINT32_MAX = 0xffff_ffff;
const ADDRESS_LENGTH = 20;
const BITCOIN_KEY_LENGTH = 33;

/** A chain's beginning. */
export interface Genesis {
  /** 184 bytes. */
  readonly header: Uint8Array;
  /** The chain's identity, 32 bytes: protocol names and signature domains carry it. */
  readonly hash: Uint8Array;
  /** The first set, in force from height 1. */
  readonly authorities: AuthoritySetFacts;
}

/**
 * Parses the JSON text. INVALID_ARGUMENT/CHAIN_SPECIFICATION_INVALID, with the path of the field at fault,
 * for a missing field, a wrong type or range, keys that repeat or are no valid points. Unknown and local
 * fields are ignored.
 */
export function parseChainSpecification(text: string): ChainParameters | Failure {
  try {
    return readParameters(new Fields("", parseJson(text)));
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    const message = `the chain specification ${error.message}`;
    return failure("INVALID_ARGUMENT", "CHAIN_SPECIFICATION_INVALID", message, { field: error.field });
  }
}

/** The same JSON for given parameters, for local networks and tools. */
export function encodeChainSpecification(parameters: ChainParameters): string {
  const hexes = (list: readonly Uint8Array[], prefix: string) => list.map((item) => prefix + toHex(item));
  const json = {
    slotDuration: parameters.slotDurationMs,
    authorities: hexes(parameters.authorities, "0x"),
    federation: hexes(parameters.federation, "0x"),
    federationBitcoinPubkeys: hexes(parameters.federationBitcoinPubkeys, ""),
    bits: parameters.bits,
    chainId: parameters.chainId,
    maxBlocksWithoutPow: parameters.maxBlocksWithoutPow,
    bitcoinStartHeight: parameters.bitcoinStartHeight,
    retargetParams: {
      powNoRetargeting: parameters.powNoRetargeting,
      powLimit: parameters.powLimit,
      powLowerLimit: parameters.powLowerLimit,
      powTargetTimespan: parameters.powTargetTimespan,
      powTargetSpacing: parameters.powTargetSpacing,
      maxPowAdjustment: parameters.maxPowAdjustment,
    },
  };
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

/** Hash tree root of the parameters, 32 bytes: the genesis header's state root. */
export function chainParametersRoot(parameters: ChainParameters): Uint8Array {
  return containerRoot([
    uint64Chunk(parameters.slotDurationMs),
    vectorsRoot(parameters.authorities),
    vectorsRoot(parameters.federation),
    vectorsRoot(parameters.federationBitcoinPubkeys),
    uint64Chunk(parameters.bits),
    uint64Chunk(parameters.chainId),
    uint64Chunk(parameters.maxBlocksWithoutPow),
    uint64Chunk(parameters.bitcoinStartHeight),
    uint64Chunk(parameters.powLimit),
    uint64Chunk(parameters.powLowerLimit),
    uint64Chunk(parameters.powTargetTimespan),
    uint64Chunk(parameters.powTargetSpacing),
    uint64Chunk(parameters.powNoRetargeting ? 1 : 0),
    uint64Chunk(parameters.maxPowAdjustment),
  ]);
}

/** Header 0 and its hash. It is believed without approval and never carried as a block. */
export function genesisOf(parameters: ChainParameters): Genesis {
  const authorities = authoritySet(parameters.authorities);
  const header = encodeHeader({
    parentHash: new Uint8Array(HASH_LENGTH),
    height: 0,
    slot: 0,
    timestampMs: 0,
    stateRoot: chainParametersRoot(parameters),
    bodyRoot: bodyRoot(encodeBody(EMPTY_BODY)),
    authoritiesRoot: authorities.root,
    historyRoot: new Uint8Array(HASH_LENGTH),
  });
  return { header, hash: headerHash(header), authorities };
}

/** What is not the chain's but this node's. Durations in milliseconds, depth in blocks. */
export interface LocalFacts {
  readonly driftMs: number;
  readonly finalityDepth: number;
  /** COINBASE_OUTPUTS when left out. All nodes of a chain must be configured alike. */
  readonly placement?: MergedMiningPlacement;
}

/** What the rules need to know of the chain with these parameters. */
export function chainFactsOf(
  parameters: ChainParameters,
  genesisHash: Uint8Array,
  local: LocalFacts,
): ChainFacts {
  const { slotDurationMs, maxBlocksWithoutPow } = parameters;
  const { driftMs, finalityDepth, placement } = local;
  const pow = powFactsOf(parameters, placement);
  return { genesisHash, slotDurationMs, driftMs, maxBlocksWithoutPow, finalityDepth, pow };
}

/**
 * What is wrong with a chain whose authorities (some of them) have no proof of possession; `undefined` when all have one.
 */
export function possessionRisk(unproven: readonly Uint8Array[]): string | undefined {
  if (unproven.length === 0) return undefined;
  const keys = unproven.map((key) => toHex(key).slice(0, 16)).join(", ");
  return (
    `${unproven.length} of the chain specification's authorities have no proof of possession ` +
    `(${keys}): a member that chose its key as a function of the others' could forge approvals ` +
    "of all alone (rogue-key attack)"
  );
}

function readParameters(fields: Fields): ChainParameters {
  const retarget = fields.object("retargetParams");
  const authorities = fields.hexes("authorities", PUBLIC_KEY_LENGTH);
  if (authorities.length === 0) throw new FieldError("authorities", "names no authorities");
  for (const [index, key] of authorities.entries()) {
    if (isValidPublicKey(key)) continue;
    throw new FieldError(`authorities[${index}]`, `has no valid BLS public key at authorities[${index}]`);
  }
  const slotDurationMs = fields.integer("slotDuration");
  if (slotDurationMs === 0) throw new FieldError("slotDuration", "has a slotDuration of 0");
  return {
    slotDurationMs,
    authorities,
    federation: fields.hexes("federation", ADDRESS_LENGTH),
    federationBitcoinPubkeys: fields.hexes("federationBitcoinPubkeys", BITCOIN_KEY_LENGTH),
    bits: fields.integer("bits", UINT32_MAX),
    chainId: fields.integer("chainId", UINT32_MAX),
    maxBlocksWithoutPow: fields.integer("maxBlocksWithoutPow"),
    bitcoinStartHeight: fields.integer("bitcoinStartHeight", UINT32_MAX),
    powLimit: retarget.integer("powLimit", UINT32_MAX),
    powLowerLimit: retarget.integer("powLowerLimit", UINT32_MAX),
    powTargetTimespan: retarget.integer("powTargetTimespan"),
    powTargetSpacing: retarget.integer("powTargetSpacing"),
    powNoRetargeting: retarget.boolean("powNoRetargeting"),
    maxPowAdjustment: retarget.integer("maxPowAdjustment", UINT8_MAX),
  };
}

/** A field that is missing or wrong; stays inside this file. */
class FieldError extends Error {
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** Reads the fields of one JSON object and knows their paths. */
class Fields {
  readonly #prefix: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(prefix: string, value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      const name = prefix.slice(0, -1);
      throw new FieldError(
        name,
        name === "" ? "is not a JSON object" : `has a ${name} that is not an object`,
      );
    }
    this.#prefix = prefix;
    this.#values = value as Record<string, unknown>;
  }

  object(name: string): Fields {
    return new Fields(`${this.#prefix}${name}.`, this.#value(name));
  }

  integer(name: string, max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.#value(name);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0 || value > max) {
      throw this.#wrong(name, `an integer from 0 to ${max}`);
    }
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#value(name);
    if (typeof value !== "boolean") throw this.#wrong(name, "true or false");
    return value;
  }

  /** At most AUTHORITIES_MAX distinct hex texts of `length` bytes each, with or without 0x. */
  hexes(name: string, length: number): Uint8Array[] {
    const list = this.#value(name);
    if (!Array.isArray(list) || list.length > AUTHORITIES_MAX) {
      throw this.#wrong(name, `a list of at most ${AUTHORITIES_MAX}`);
    }
    const seen = new Set<string>();
    return list.map((text: unknown, index) => {
      const path = `${name}[${index}]`;
      if (typeof text !== "string" || !/^(0x)?[0-9a-fA-F]+$/.test(text)) {
        throw this.#wrong(path, `${length} bytes of hex`);
      }
      const bytes = text.replace(/^0x/, "").length === length * 2 ? fromHex(text) : undefined;
      if (bytes === undefined) throw this.#wrong(path, `${length} bytes of hex`);
      const normal = toHex(bytes);
      if (seen.has(normal)) throw new FieldError(this.#prefix + path, `repeats ${this.#prefix}${path}`);
      seen.add(normal);
      return bytes;
    });
  }

  #value(name: string): unknown {
    const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
    const path = this.#prefix + name;
    if (value === undefined) throw new FieldError(path, `lacks ${path}`);
    return value;
  }

  #wrong(name: string, wanted: string): FieldError {
    const path = this.#prefix + name;
    return new FieldError(path, `has a ${path} that is not ${wanted}`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FieldError("", "is not JSON");
  }
}

/** Root of a list of at most 15 byte vectors. */
function vectorsRoot(vectors: readonly Uint8Array[]): Uint8Array {
  return listRoot(vectors.map(byteVectorRoot), AUTHORITIES_MAX);
}
