/**
 * A block store that tells of every write that became durable, in the order in which they did. Everything else is the
 * store's own.
 */

import type { AppendBatch, Appended, BlockStore } from "../../src/storage/port.ts";

export interface Written {
  readonly how: "append" | "replace" | "side";
  readonly firstHeight: number;
  readonly hashes: readonly string[];
}

const HASH_LENGTH = 32;

export function observedStore(store: BlockStore, told: (written: Written) => void): BlockStore {
  const batch = async (how: "append" | "replace", of: AppendBatch, run: () => Promise<Appended>) => {
    const hashes = hashesOf(of.hashes);
    const appended = await run();
    told({ how, firstHeight: of.firstHeight, hashes });
    return appended;
  };
  const own: Pick<BlockStore, "append" | "replaceAbove" | "putSide"> = {
    append: (of) => batch("append", of, () => store.append(of)),
    replaceAbove: (height, of) => batch("replace", of, () => store.replaceAbove(height, of)),
    putSide: async (hash, height, bytes) => {
      const hashes = hashesOf(hash);
      await store.putSide(hash, height, bytes);
      told({ how: "side", firstHeight: height, hashes });
    },
  };
  return new Proxy(store, {
    get(target, name) {
      if (name in own) return own[name as keyof typeof own];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function hashesOf(bytes: Uint8Array): string[] {
  const hashes: string[] = [];
  for (let at = 0; at < bytes.length; at += HASH_LENGTH) {
    hashes.push(Buffer.from(bytes.subarray(at, at + HASH_LENGTH)).toString("hex"));
  }
  return hashes;
}
