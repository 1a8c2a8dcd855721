/**
 * The interchange file of a member's vote record: what it signed last, to be carried to another machine. JSON in the spirit
 * of EIP-3076 (version and chain in the metadata, an entry a key, numbers as decimal text). Its reader takes what raises
 * its own record and nothing else. Pure.
 */

import { fromHex, toHex } from "../../chain/hex.ts";
import { namesBlock, type VoteOwner, type VoteRecord } from "../../chain/vote.ts";
import { type Failure, failure } from "../../kernel/errors.ts";

const VERSION = "1";

/** Larger files are none: an entry has some 300 bytes, and one is ours. */
export const INTERCHANGE_BYTES_MAX = 1024 * 1024;
/** Keys of one file, and signed blocks of one key. */
const ENTRIES_MAX = 1024;

export function encodeInterchange(record: VoteRecord, { publicKey, genesisHash }: VoteOwner): string {
  const signed = {
    slot: String(record.slot),
    height: String(record.height),
    // A record that knows its slot alone names no block.
    ...(namesBlock(record) ? { block_hash: `0x${toHex(record.hash)}` } : {}),
  };
  const file = {
    metadata: { interchange_format_version: VERSION, genesis_hash: `0x${toHex(genesisHash)}` },
    data: [{ public_key: `0x${toHex(publicKey)}`, signed_blocks: [signed] }],
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** The newest vote of this key that the text tells of; a Failure that names what is wrong, another chain or key included. */
export function readInterchange(text: string, { publicKey, genesisHash }: VoteOwner): VoteRecord | Failure {
  const file = objectOf(parse(text));
  const metadata = objectOf(file["metadata"]);
  const version = metadata["interchange_format_version"];
  if (version !== VERSION) {
    const message = `interchange_format_version is ${JSON.stringify(version) ?? "missing"}, this program reads "${VERSION}"`;
    return bad("metadata.interchange_format_version", message);
  }
  const chain = hexOf(metadata["genesis_hash"], genesisHash.length);
  if (chain === undefined) return bad("metadata.genesis_hash", "genesis_hash is not 32 bytes of hex");
  if (toHex(chain) !== toHex(genesisHash)) {
    const message = `the file is of chain ${toHex(chain)}, the node's is ${toHex(genesisHash)}`;
    return failure("FAILED_PRECONDITION", "INTERCHANGE_OTHER_CHAIN", message, {
      field: "metadata.genesis_hash",
    });
  }
  const { data } = file;
  if (!Array.isArray(data) || data.length > ENTRIES_MAX)
    return bad("data", `data is no list of up to ${ENTRIES_MAX} keys`);
  let newest: VoteRecord | undefined;
  for (const [index, entry] of data.entries()) {
    const read = readEntry(objectOf(entry), `data[${index}]`, publicKey);
    if (!Array.isArray(read)) return read;
    for (const vote of read) if (newest === undefined || vote.slot > newest.slot) newest = vote;
  }
  if (newest !== undefined) return newest;
  const message = `the file tells of no vote of key ${toHex(publicKey)}`;
  return failure("FAILED_PRECONDITION", "INTERCHANGE_OTHER_KEY", message, { field: "data" });
}

/** The entry's votes; none when it is another key's. */
function readEntry(entry: Fields, path: string, publicKey: Uint8Array): VoteRecord[] | Failure {
  const key = hexOf(entry["public_key"], publicKey.length);
  if (key === undefined)
    return bad(`${path}.public_key`, `public_key is not ${publicKey.length} bytes of hex`);
  const blocks = entry["signed_blocks"];
  if (!Array.isArray(blocks) || blocks.length > ENTRIES_MAX)
    return bad(`${path}.signed_blocks`, `signed_blocks is no list of up to ${ENTRIES_MAX} blocks`);
  if (toHex(key) !== toHex(publicKey)) return [];
  const votes: VoteRecord[] = [];
  for (const [index, block] of blocks.entries()) {
    const at = `${path}.signed_blocks[${index}]`;
    const fields = objectOf(block);
    const slot = numberOf(fields["slot"]);
    const height = numberOf(fields["height"] ?? "0");
    const named = fields["block_hash"];
    const hash = named === undefined ? new Uint8Array(32) : hexOf(named, 32);
    if (slot === undefined) return bad(`${at}.slot`, "slot is no decimal number in quotes");
    if (height === undefined) return bad(`${at}.height`, "height is no decimal number in quotes");
    if (hash === undefined) return bad(`${at}.block_hash`, "block_hash is not 32 bytes of hex");
    votes.push({ slot, height, hash });
  }
  return votes;
}

type Fields = Readonly<Record<string, unknown>>;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function hexOf(value: unknown, length: number): Uint8Array | undefined {
  if (typeof value !== "string" || !/^(0x)?[0-9a-fA-F]*$/.test(value)) return undefined;
  const digits = value.replace(/^0x/, "");
  return digits.length === length * 2 ? fromHex(digits) : undefined;
}

function numberOf(value: unknown): number | undefined {
  if (typeof value !== "string" || !/^\d{1,16}$/.test(value)) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

function bad(field: string, message: string): Failure {
  return failure("INVALID_ARGUMENT", "INTERCHANGE_INVALID", message, { field });
}
