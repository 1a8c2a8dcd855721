/**
 * A Bitcoin transaction as far as an AuxPoW needs it: its id, the scriptSig of its first input, the scripts of its
 * outputs. Both serializations are read, with witnesses and without; the id leaves the witnesses out.
 */

import { concatBytes } from "../bytes.ts";
import { MalformedError } from "../malformed.ts";
import type { BitcoinReader } from "./bitcoin-reader.ts";
import { doubleHash } from "./double-hash.ts";

/** Outpoint 36, length of the script 1, sequence 4. */
const INPUT_LENGTH_MIN = 41;
/** Value 8, length of the script 1. */
const OUTPUT_LENGTH_MIN = 9;
const WITNESS_FLAG = 1;

export interface BitcoinTransaction {
  /** 32 bytes. */
  readonly id: Uint8Array;
  /** Of the first input; undefined when there is no input, as in what Alys's own miner makes. */
  readonly scriptSig: Uint8Array | undefined;
  readonly outputScripts: readonly Uint8Array[];
}

/** Reads one transaction. Throws MalformedError. */
export function readTransaction(reader: BitcoinReader): BitcoinTransaction {
  const version = reader.take(4, "transaction version");
  let start = reader.offset;
  let inputs = readInputs(reader);
  // No inputs stand for the marker of the form with witnesses; its flag and the real inputs follow.
  const hasWitnesses = inputs.length === 0;
  if (hasWitnesses) {
    if (reader.uint8("witness flag") !== WITNESS_FLAG) throw new MalformedError("unknown witness flag");
    start = reader.offset;
    inputs = readInputs(reader);
  }
  const outputScripts = readOutputs(reader);
  const inputsAndOutputs = reader.bytes.subarray(start, reader.offset);
  if (hasWitnesses) readWitnesses(reader, inputs.length);
  const lockTime = reader.take(4, "lock time");
  const id = doubleHash(concatBytes([version, inputsAndOutputs, lockTime]));
  return { id, scriptSig: inputs[0], outputScripts };
}

/** The scriptSigs. */
function readInputs(reader: BitcoinReader): Uint8Array[] {
  const count = reader.count(INPUT_LENGTH_MIN, "inputs");
  const scripts: Uint8Array[] = [];
  for (let index = 0; index < count; index++) {
    reader.take(36, "outpoint");
    scripts.push(reader.varBytes("scriptSig"));
    reader.take(4, "sequence");
  }
  return scripts;
}

function readOutputs(reader: BitcoinReader): Uint8Array[] {
  const count = reader.count(OUTPUT_LENGTH_MIN, "outputs");
  const scripts: Uint8Array[] = [];
  for (let index = 0; index < count; index++) {
    reader.take(8, "value");
    scripts.push(reader.varBytes("scriptPubKey"));
  }
  return scripts;
}

/** A list of byte strings for each input. The form with witnesses is for transactions that have one. */
function readWitnesses(reader: BitcoinReader, inputs: number): void {
  let items = 0;
  for (let input = 0; input < inputs; input++) {
    const count = reader.count(1, "witness items");
    for (let index = 0; index < count; index++) reader.varBytes("witness item");
    items += count;
  }
  if (inputs > 0 && items === 0) throw new MalformedError("the witnesses of a transaction are all empty");
}
