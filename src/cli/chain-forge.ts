/**
 * `alysctl chain forge`: writes a chain that all its members signed, for tests and local networks. A file of
 * its own, loaded when it is asked for: it brings the block store and BLS, which no other command needs.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { forgeParameters, forgeSecretKeys } from "../chain/forge.ts";
import { toHex } from "../chain/hex.ts";
import { writeAuthorityKey } from "../chain/keys.ts";
import { encodePossessionFile } from "../chain/possession.ts";
import { encodeChainSpecification, genesisOf } from "../chain/spec.ts";
import { failure } from "../kernel/errors.ts";
import { realRandom } from "../kernel/ports/random.ts";
import { emptyFolder } from "./empty-folder.ts";
import { grouped } from "./format.ts";
import { writeHistory } from "./localnet/history.ts";
import type { Session } from "./session.ts";
import { type FieldRow, renderFields } from "./table.ts";

export interface ForgeCommandOptions {
  readonly blocks: number;
  readonly transactions: number;
  readonly members: number;
  readonly seed: number;
  /** 0: no AuxPoW. */
  readonly auxpowEvery: number;
  readonly out: string;
}

/** Rejects with Failure: FOLDER_NOT_EMPTY, FOLDER_NOT_MADE, or what the key files and the store say. */
export async function forgeInto(session: Session, options: ForgeCommandOptions): Promise<void> {
  const { blocks, transactions, members, seed, auxpowEvery } = options;
  const folder = emptyFolder(options.out, "--out");
  const keys = forgeSecretKeys(members, seed);
  const parameters = forgeParameters(keys, undefined, { auxpowEvery });
  const genesis = genesisOf(parameters);
  await writeFile(join(folder, "chain.json"), encodeChainSpecification(parameters));
  await writeFile(join(folder, "proofs.json"), encodePossessionFile(keys, genesis.hash));
  for (const [index, key] of keys.entries()) {
    const problem = writeAuthorityKey(join(folder, "keys", `member-${index + 1}.key`), key, realRandom);
    if (problem !== undefined) throw problem;
  }
  const line = session.progress();
  const beganMs = session.terminal.clock.monotonicMs();
  const history = await writeHistory({
    ...{ blocks, transactions, members, seed, auxpowEvery, folder: join(folder, "chain") },
    clock: session.terminal.clock,
    signal: session.signal,
    onProgress: (done) => {
      if (session.isJson) return;
      const perSecond = (done * 1_000) / Math.max(1, session.terminal.clock.monotonicMs() - beganMs);
      const remainingMs = ((blocks - done) * 1_000) / perSecond;
      line.show({ label: "forging", done, total: blocks, perSecond, unit: "blocks", remainingMs });
    },
  });
  line.end();
  if (session.signal.aborted) throw failure("CANCELLED", "INTERRUPTED", "interrupted");
  const facts = {
    folder,
    genesisHash: `0x${toHex(genesis.hash)}`,
    height: history.height,
    bytes: history.bytes,
  };
  if (session.isJson) session.terminal.out(JSON.stringify(facts, undefined, 2));
  else session.terminal.out(renderFields(forgeFields(folder, facts.genesisHash, history.height, members)));
}

function forgeFields(folder: string, genesisHash: string, height: number, members: number): FieldRow[] {
  return [
    ["chain", genesisHash],
    ["height", grouped(height)],
    ["specification", join(folder, "chain.json")],
    ["proofs", join(folder, "proofs.json")],
    ["keys", `${join(folder, "keys")}/member-1.key${members > 1 ? ` to member-${members}.key` : ""}`],
    ["block store", `${join(folder, "chain")}, to be copied into a node's data directory`],
  ];
}
