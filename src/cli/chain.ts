/** `alysctl chain`: shows blocks of the node, and forges chains for tests and local networks. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { BlockView } from "../../gen/alys/chain/v1/chain_pb.ts";
import { GetBlockResponseSchema, SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { MEMBERS_MAX, SEED_MAX } from "./bounds.ts";
import type { ForgeCommandOptions } from "./chain-forge.ts";
import { grouped, hash, timeOfMs, yesNo } from "./format.ts";
import { parseHex, parseUint64, parseWhole } from "./options.ts";
import type { Run, Session } from "./session.ts";
import { type FieldRow, renderFields } from "./table.ts";

/** 65,536 of them with offsets fill a block's 2 MiB many times over; the forge refuses what does not fit. */
const TRANSACTIONS_MAX = 10_000;

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
      new Option("--members <number>", "authorities").default(3).argParser(parseWhole(1, MEMBERS_MAX)),
    )
    .addOption(
      new Option("--seed <number>", "keys and transactions follow from it")
        .default(1)
        .argParser(parseWhole(0, SEED_MAX)),
    )
    .addOption(
      new Option("--auxpow-every <number>", "blocks from one AuxPoW to the next, of trivial work; 0: none")
        .default(0)
        .argParser(parseWhole(0, 1_000_000)),
    )
    .requiredOption("--out <folder>", "new or empty folder")
    .addHelpText(
      "after",
      "\nThe keys follow from the seed: they protect nothing, and whoever knows it can vote.",
    )
    .action((options: ForgeCommandOptions) =>
      run(async (session) => {
        const { forgeInto } = await import("./chain-forge.ts");
        await forgeInto(session, options);
      }),
    );
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
    ...signedFields(view),
    ["state root", hash(view.stateRoot)],
    ["body root", hash(view.bodyRoot)],
    ["authorities root", hash(view.authoritiesRoot)],
    ["history root", hash(view.historyRoot)],
  ];
}

/** Genesis follows from the chain's specification: a header that nobody approved, without a body. */
function signedFields(view: BlockView): FieldRow[] {
  if (view.height === 0n)
    return [["genesis", "a header alone, from the chain's specification: no body, no approval"]];
  return [
    ["approved by", view.approvedBy.join(", ")],
    ["transactions", grouped(view.transactionCount)],
    ["pegs", `${grouped(view.pegInCount)} in, ${grouped(view.pegOutCount)} out`],
    ["carries", carried(view)],
    ["bytes", grouped(view.serializedBytes)],
  ];
}

function carried({ hasAuxpow, changesAuthorities }: BlockView): string {
  const parts = [
    ...(hasAuxpow ? ["an AuxPoW"] : []),
    ...(changesAuthorities ? ["a change of the authorities"] : []),
  ];
  return parts.length === 0 ? "-" : parts.join(", ");
}
