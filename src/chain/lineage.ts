/**
 * Lineage: what of a chain's past its next blocks are judged by: the newest AuxPoWs and the sets of authorities that
 * have been in force. Immutable, grown block by block, cut back at a fork, kept on disk with the blocks. Both lists are
 * bounded; what is dropped is only ever the oldest.
 */

import { authoritySet } from "./authorities.ts";
import { genesisAuxPow, type LastAuxPow } from "./auxpow/last-auxpow.ts";
import { carriedAuxPow, carriedChange, parseBlock } from "./block.ts";
import { PUBLIC_KEY_LENGTH } from "./body-layout.ts";
import { concatBytes, equalBytes } from "./bytes.ts";
import type { AuthoritySetFacts, ChainFacts } from "./facts.ts";
import { HASH_LENGTH } from "./header.ts";
import { readUint32, readUint64, writeUint32, writeUint64 } from "./little-endian.ts";
import { MalformedError } from "./malformed.ts";
import { carriesAuxPow, carriesNextAuthorities } from "./segment.ts";

/**
 * Sets remembered. Changes are 64 blocks apart, so that these reach back 65,000 blocks at least; beyond it the oldest is
 * forgotten, and heights below are answered with the oldest one that is left.
 */
export const SETS_MAX = 1024;

/**
 * AuxPoWs remembered above the final block, beside the finality depth. A fork that goes back beyond them finds the
 * AuxPoW below it by reading blocks.
 */
const AUXPOWS_MAX = 512;

/** A set and the first height under it: 1 for the first set, else one above the block that carried the change. */
export interface AuthorityPeriod {
  readonly firstHeight: number;
  readonly authorities: AuthoritySetFacts;
}

export interface Lineage {
  /** Ascending, at least one. */
  readonly periods: readonly AuthorityPeriod[];
  /** Ascending by carrier; genesis stands for one. Empty when the newest has to be looked for. */
  readonly auxpows: readonly LastAuxPow[];
}

export function genesisLineage(facts: ChainFacts, authorities: AuthoritySetFacts): Lineage {
  return { periods: [{ firstHeight: 1, authorities }], auxpows: [genesisAuxPow(facts)] };
}

/** The set in force for the block at `height` of this chain. */
export function authoritiesAt({ periods }: Lineage, height: number): AuthoritySetFacts {
  const period = periods.findLast(({ firstHeight }) => firstHeight <= height) ?? periods[0];
  return (period as AuthorityPeriod).authorities;
}

/** Height of the newest block that changed the set; undefined when none did. */
export function lastChangeHeight({ periods }: Lineage): number | undefined {
  const newest = (periods.at(-1) as AuthorityPeriod).firstHeight;
  return newest === 1 ? undefined : newest - 1;
}

/** The chain after a block at `height` whose change passed the rules. */
export function withChange(lineage: Lineage, height: number, keys: readonly Uint8Array[]): Lineage {
  const authorities = authoritySet(keys.map((key) => key.slice()));
  const periods = [...lineage.periods, { firstHeight: height + 1, authorities }];
  return { ...lineage, periods: periods.slice(-SETS_MAX) };
}

export function withAuxPow(lineage: Lineage, auxpow: LastAuxPow): Lineage {
  return { ...lineage, auxpows: [...lineage.auxpows, auxpow] };
}

/** The chain up to and with `height`. */
export function lineageUpTo(lineage: Lineage, height: number): Lineage {
  const { periods, auxpows } = lineage;
  const keptPeriods = periods.filter(({ firstHeight }) => firstHeight <= height + 1);
  const keptAuxpows = auxpows.filter(({ carrierHeight }) => carrierHeight <= height);
  const isWhole = keptPeriods.length === periods.length && keptAuxpows.length === auxpows.length;
  if (isWhole) return lineage;
  return { periods: keptPeriods.length > 0 ? keptPeriods : periods.slice(0, 1), auxpows: keptAuxpows };
}

/** Forgets the AuxPoWs that no fork above the final block can need: all but the newest at or below it. */
export function pruneLineage(lineage: Lineage, finalHeight: number, finalityDepth: number): Lineage {
  const { auxpows } = lineage;
  const newestFinal = auxpows.findLastIndex(({ carrierHeight }) => carrierHeight <= finalHeight);
  const first = Math.max(newestFinal, auxpows.length - AUXPOWS_MAX - finalityDepth, 0);
  return first === 0 ? lineage : { ...lineage, auxpows: auxpows.slice(first) };
}

/**
 * The chain after a block that has been judged before. `heightOf` finds the end of its AuxPoW's range among its
 * ancestors; where it cannot, what the AuxPoW covers is not known, and MalformedError is thrown.
 */
export function followBlock(
  lineage: Lineage,
  height: number,
  block: Uint8Array,
  heightOf: (hash: Uint8Array) => number | undefined,
): Lineage {
  if (!carriesAuxPow(block) && !carriesNextAuthorities(block)) return lineage;
  const { body } = parseBlock(block);
  const [auxpow, change] = [carriedAuxPow(body), carriedChange(body)];
  let next = lineage;
  if (auxpow !== undefined) {
    const rangeEndHeight = heightOf(auxpow.rangeEnd);
    if (rangeEndHeight === undefined) throw new MalformedError(`the range of block ${height} ends nowhere`);
    next = withAuxPow(next, { carrierHeight: height, rangeEndHeight, bits: auxpow.bits });
  }
  return change === undefined ? next : withChange(next, height, change.keys);
}

const AUXPOW_RECORD_LENGTH = 20;

/** Genesis hash, numbers of AuxPoWs and periods u32, then each; a period is its height u64, its size u32, its keys. */
export function encodeLineage(genesisHash: Uint8Array, { periods, auxpows }: Lineage): Uint8Array {
  const counts = new Uint8Array(8);
  writeUint32(counts, 0, auxpows.length);
  writeUint32(counts, 4, periods.length);
  const parts = [genesisHash, counts];
  for (const { carrierHeight, rangeEndHeight, bits } of auxpows) {
    const record = new Uint8Array(AUXPOW_RECORD_LENGTH);
    writeUint64(record, 0, carrierHeight);
    writeUint64(record, 8, rangeEndHeight);
    writeUint32(record, 16, bits);
    parts.push(record);
  }
  for (const { firstHeight, authorities } of periods) {
    const record = new Uint8Array(12);
    writeUint64(record, 0, firstHeight);
    writeUint32(record, 8, authorities.keys.length);
    parts.push(record, ...authorities.keys);
  }
  return concatBytes(parts);
}

/** Undefined when the record is of another chain. Throws MalformedError when it is no record. */
export function decodeLineage(bytes: Uint8Array, genesisHash: Uint8Array): Lineage | undefined {
  let at = 0;
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw new MalformedError("lineage record is cut short");
    at += length;
    return bytes.subarray(at - length, at);
  };
  if (!equalBytes(take(HASH_LENGTH), genesisHash)) return undefined;
  const counts = take(8);
  const auxpows: LastAuxPow[] = [];
  for (let left = readUint32(counts, 0); left > 0; left--) {
    const record = take(AUXPOW_RECORD_LENGTH);
    const carrierHeight = readUint64(record, 0, "carrier of an AuxPoW");
    const rangeEndHeight = readUint64(record, 8, "end of an AuxPoW's range");
    auxpows.push({ carrierHeight, rangeEndHeight, bits: readUint32(record, 16) });
  }
  const periods: AuthorityPeriod[] = [];
  for (let left = readUint32(counts, 4); left > 0; left--) {
    const record = take(12);
    const keys = Array.from({ length: keyCount(record) }, () => take(PUBLIC_KEY_LENGTH).slice());
    const firstHeight = readUint64(record, 0, "first height of a set");
    periods.push({ firstHeight, authorities: authoritySet(keys) });
  }
  if (at !== bytes.length || periods.length === 0) throw new MalformedError("lineage record is no lineage");
  return { periods, auxpows };
}

function keyCount(record: Uint8Array): number {
  const count = readUint32(record, 8);
  if (count < 1 || count > 15) throw new MalformedError(`a set of ${count} keys`);
  return count;
}
