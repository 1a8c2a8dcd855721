/** `alysctl chain`: shows blocks of the node, and forges chains for tests and local networks. */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { BlockView } from "../../gen/alys/chain/v1/chain_pb.ts";
import { GetBlockResponseSchema, SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { AUTHORITIES_MAX } from "../chain/approval.ts";
import { forgeParameters, forgeSecretKeys } from "../chain/forge.ts";
import { toHex } from "../chain/hex.ts";
import { writeAuthorityKey } from "../chain/keys.ts";
import { encodePossessionFile } from "../chain/possession.ts";
import { encodeChainSpecification, genesisOf } from "../chain/spec.ts";
import { asError, failure } from "../kernel/errors.ts";
import { realRandom } from "../kernel/random.ts";
import { grouped, hash, timeOfMs, yesNo } from "./format.ts";
import { writeHistory } from "./localnet/history.ts";
import { parseHex, parseUint64, parseWhole } from "./options.ts";
import type { Run, Session } from "./session.ts";
import { type FieldRow, renderFields } from "./table.ts";

const SEED_MAX = 2 ** 32 - 1;
/** 65,536 of them with offsets fill a block's 2 MiB many times over; the forge refuses what does not fit. */
const TRANSACTIONS_MAX = 10_000;

interface ForgeCommandOptions {
  readonly blocks: number;
  readonly transactions: number;
  readonly members: number;
  readonly seed: number;
  readonly out: string;
}

export function addChainCommands(program: Command, run: Run): void {
  const chain = program.command("chain").description("blocks, and forged chains for tests");
  chain
    .command("show")
    .description("a block by height or hash")
    .argument("<height|hash>", "number, or 32 bytes of hex", parseBlock)
    .action((by: BlockName) => run((session) => show(session, by)));
  chain
    .command("forge")
    .description("write a chain that all its members signed: specification, proofs, keys, block store")
    .addOption(new Option("--blocks <number>", "length").default(1_000).argParser(parseWhole(1, 10_000_000)))
    .addOption(
      new Option("--transactions <number>", "in each block")
        .default(1)
        .argParser(parseWhole(0, TRANSACTIONS_MAX)),
    )
    .addOption(
      new Option("--members <number>", "authorities").default(3).argParser(parseWhole(1, AUTHORITIES_MAX)),
    )
    .addOption(
      new Option("--seed <number>", "keys and transactions follow from it")
        .default(1)
        .argParser(parseWhole(0, SEED_MAX)),
    )
    .requiredOption("--out <folder>", "new or empty folder")
    .addHelpText(
      "after",
      "\nThe keys follow from the seed: they protect nothing, and whoever knows it can vote.",
    )
    .action((options: ForgeCommandOptions) => run((session) => forge(session, options)));
}

type BlockName =
  | { readonly case: "height"; readonly value: bigint }
  | { readonly case: "hash"; readonly value: Uint8Array };

function parseBlock(text: string): BlockName {
  if (/^\d{1,20}$/.test(text)) return { case: "height", value: parseUint64(text) };
  const value = parseHex(text);
  if (value.length !== 32) throw new InvalidArgumentError("A hash has 32 bytes.");
  return { case: "hash", value };
}

async function show(session: Session, by: BlockName): Promise<void> {
  const answer = await session.client(SyncService).getBlock({ by }, session.call);
  session.show(GetBlockResponseSchema, answer, ({ view }) =>
    view === undefined ? "the node shows no view of it" : renderFields(blockFields(view)),
  );
}

function blockFields(view: BlockView): FieldRow[] {
  return [
    ["height", grouped(view.height)],
    ["hash", hash(view.hash)],
    ["parent", hash(view.parentHash)],
    ["slot", grouped(view.slot)],
    ["time", timeOfMs(view.timestampMs)],
    ["final", yesNo(view.isFinal)],
    ["approved by", view.approvedBy.join(", ")],
    ["transactions", grouped(view.transactionCount)],
    ["bytes", grouped(view.serializedBytes)],
    ["state root", hash(view.stateRoot)],
    ["body root", hash(view.bodyRoot)],
    ["authorities root", hash(view.authoritiesRoot)],
    ["history root", hash(view.historyRoot)],
  ];
}

async function forge(session: Session, options: ForgeCommandOptions): Promise<void> {
  const { blocks, transactions, members, seed } = options;
  const folder = await emptyFolder(options.out);
  const keys = forgeSecretKeys(members, seed);
  const parameters = forgeParameters(keys);
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
    ...{ blocks, transactions, members, seed, folder: join(folder, "chain") },
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

async function emptyFolder(named: string): Promise<string> {
  const folder = resolve(named);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if ((await readdir(folder)).length === 0) return folder;
  } catch (thrown) {
    throw failure("INVALID_ARGUMENT", "FOLDER_NOT_MADE", `${folder}: ${asError(thrown).message}`);
  }
  throw failure("FAILED_PRECONDITION", "FOLDER_NOT_EMPTY", `${folder} is not empty`);
}
