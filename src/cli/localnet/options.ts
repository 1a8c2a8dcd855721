/**
 * What `alysd localnet` can be told, and its usage text. Pure: arguments in, options or a message out.
 */

import { parseArgs } from "node:util";
import { MEMBERS_MAX, SEED_MAX } from "../bounds.ts";

export const LOCALNET_USAGE = `usage: alysd localnet [options]

Runs a local federation, each member a process of its own that produces a block each 2 s, and a fresh observer
that syncs from them. Goes on until Ctrl-C.

  --members N       members of the federation, 1 to 15 (default 3)
  --blocks N        blocks of history that the members begin with, 0 to 1000000 (default 20000)
  --seed N          members' keys follow from it (default: another one each time)
  --auxpow-every N  a chain that requires AuxPoW, of trivial work: members mine one every N blocks, 0: none (default 0)
  --data-dir DIR    keep everything in DIR, which must be new or empty (default: a temporary folder)
  --keep            leave the temporary folder behind at the end
  --once            end with status 0 when the observer is synced and has followed five live blocks
  --deadline-s N    with --once: end with status 1 after so many seconds (default 180)
  --help            this text`;

export interface LocalnetOptions {
  readonly members: number;
  readonly blocks: number;
  /** Undefined: one is drawn. */
  readonly seed: number | undefined;
  /** 0: a chain without AuxPoW. */
  readonly auxpowEvery: number;
  /** Undefined: a temporary folder. */
  readonly dataDirectory: string | undefined;
  readonly isKept: boolean;
  readonly isOnce: boolean;
  readonly deadlineMs: number;
}

/** More than a million blocks take a quarter of an hour to forge: nobody waits for that on purpose. */
const BLOCKS_MAX = 1_000_000;
/** A day: longer is a mistake in the unit. */
const DEADLINE_S_MAX = 86_400;
/** Some ranges of blocks that one AuxPoW covers are read at once. */
const AUXPOW_EVERY_MAX = 1_000;

/** The options, or a sentence that says what is wrong with the arguments; "help" when the usage is asked for. */
export function parseLocalnetOptions(
  args: readonly string[],
): LocalnetOptions | { readonly problem: string } | "help" {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        members: { type: "string", default: "3" },
        blocks: { type: "string", default: "20000" },
        seed: { type: "string" },
        "auxpow-every": { type: "string", default: "0" },
        "data-dir": { type: "string" },
        keep: { type: "boolean", default: false },
        once: { type: "boolean", default: false },
        "deadline-s": { type: "string", default: "180" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) return "help";
    if (values["data-dir"] === "") throw new TypeError("--data-dir needs a folder");
    return {
      members: integer("--members", values.members, 1, MEMBERS_MAX),
      blocks: integer("--blocks", values.blocks, 0, BLOCKS_MAX),
      seed: values.seed === undefined ? undefined : integer("--seed", values.seed, 0, SEED_MAX),
      auxpowEvery: integer("--auxpow-every", values["auxpow-every"], 0, AUXPOW_EVERY_MAX),
      dataDirectory: values["data-dir"],
      isKept: values.keep || values["data-dir"] !== undefined,
      isOnce: values.once,
      deadlineMs: integer("--deadline-s", values["deadline-s"], 1, DEADLINE_S_MAX) * 1000,
    };
  } catch (error) {
    // parseArgs and the check below throw TypeErrors that are written for people.
    if (error instanceof TypeError) return { problem: error.message };
    throw error;
  }
}

function integer(option: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || value < min || value > max) {
    throw new TypeError(`${option} must be a whole number from ${min} to ${max}, is "${text}"`);
  }
  return value;
}
