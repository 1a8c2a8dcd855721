/** `alysctl checkpoints`: makes, lists and verifies checkpoints, proves blocks by them, and recovers the node from one. */
import { type Command, Option } from "commander";
import {
  type Checkpoint,
  CreateCheckpointResponseSchema,
  ListCheckpointsResponseSchema,
  ProveBlockResponseSchema,
  type RecoverFromCheckpointResponse,
  RecoverFromCheckpointResponseSchema,
  RecoveryMode,
  SyncService,
} from "../../gen/alys/sync/v1/sync_pb.ts";
import { FINALITY_DEPTH } from "../chain/finality.ts";
import { failure } from "../kernel/errors.ts";
import type { VerifyOptions } from "./checkpoint-file.ts";
import { grouped, hash, size, time } from "./format.ts";
import { followOperation } from "./operation.ts";
import { parseHex, parseUint64 } from "./options.ts";
import { agree, yesOption } from "./reference/destructive.ts";
import type { Run, Session } from "./session.ts";
import { renderFields, renderTable } from "./table.ts";

const MODES: Readonly<Record<string, RecoveryMode>> = {
  fast: RecoveryMode.FAST,
  safe: RecoveryMode.SAFE,
  minimal: RecoveryMode.MINIMAL,
  full: RecoveryMode.FULL,
};

/** Bytes of a hash in hex, without 0x: what is shorter is a height. */
const HASH_DIGITS = 64;

interface RecoverOptions {
  readonly mode: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly scan?: boolean;
  readonly force?: boolean;
  readonly yes?: boolean;
  /** Of a node that does not run: its configuration, or its data directory and chain specification. */
  readonly config?: string;
  readonly dataDir?: string;
  readonly chain?: string;
}

const OFFLINE_HELP = `
With --config or --data-dir no node is asked: the directory is locked, checkpoint and blocks are verified, and only then is anything
changed. The vote record is never touched. What follows (back-fill, synchronising) is the node's, at its next start.

--config takes the file that alysd is started with, its environment and what was changed while it ran: data directory, chain
specification and finality depth are the node's own. --data-dir and --chain say otherwise where they are given. Without
--config both are needed, and the finality depth is taken to be ${FINALITY_DEPTH} blocks.`;

export function addCheckpointsCommands(program: Command, run: Run): void {
  const checkpoints = program.command("checkpoints").description("checkpoints, proofs and recovery");
  checkpoints
    .command("create")
    .description("make one of a final block, the last one unless told")
    .argument("[height]", "of a final block at least 64 below the head", parseUint64)
    .action((height: bigint | undefined) => run((session) => createOne(session, height)));
  checkpoints
    .command("list")
    .description("those on the node's disk, newest first")
    .action(() => run(list));
  checkpoints
    .command("prove")
    .description("prove that a block lies in the history of a checkpoint; the proof is checked here too")
    .argument("<height|hash>", "number, or 32 bytes of hex", parseBlock)
    .option("--checkpoint <id>", "default: the newest one", "")
    .action((by: BlockName, { checkpoint }: { checkpoint: string }) =>
      run((session) => prove(session, by, checkpoint)),
    );
  checkpoints
    .command("verify")
    .description("verify a checkpoint's file from the chain's specification on; needs no node")
    .argument("<file>", "a .checkpoint file of some node's data directory")
    .requiredOption("--chain <path>", "chain specification")
    .option("--proofs <path>", "proofs of possession of its authorities")
    .option("--development", "the chain is for development: its authorities may lack proofs")
    .action((file: string, options: VerifyOptions) =>
      run(async (session) => {
        const { verifyFile } = await import("./checkpoint-file.ts");
        await verifyFile(session, file, options);
      }),
    );
  checkpoints
    .command("recover")
    .description("bring the node back to a checkpoint; blocks above it, or all of them, are deleted")
    .argument("[id]", "of the checkpoint; minimal takes the newest sound one without it", "")
    .addOption(
      new Option("--mode <mode>", "fast, safe: adopt it; minimal: roll back; full: synchronise again")
        .choices(Object.keys(MODES))
        .makeOptionMandatory(),
    )
    .option("--dry-run", "only say what would happen")
    .option("--wait", "follow it to its end; the exit status says how it ended")
    .option("--scan", "look through the whole chain for damage first, also with --force; minimal always does")
    .option("--force", "delete blocks although none is damaged")
    .addOption(yesOption())
    .option(
      "--config <file>",
      "recover the node of this configuration, which does not run, or does not start",
    )
    .option("--data-dir <path>", "recover this data directory; default: that of --config")
    .option("--chain <path>", "chain specification, with --data-dir; default: that of --config")
    .addHelpText("after", OFFLINE_HELP)
    .action((id: string, options: RecoverOptions) => run((session) => recover(session, id, options)));
}

type BlockName =
  | { readonly case: "height"; readonly value: bigint }
  | { readonly case: "hash"; readonly value: Uint8Array };

function parseBlock(text: string): BlockName {
  return text.replace(/^0x/, "").length === HASH_DIGITS
    ? { case: "hash", value: parseHex(text) }
    : { case: "height", value: parseUint64(text) };
}

async function createOne(session: Session, height: bigint | undefined): Promise<void> {
  const request = height === undefined ? {} : { height };
  const answer = await session.client(SyncService).createCheckpoint(request, session.call);
  session.show(CreateCheckpointResponseSchema, answer, ({ checkpoint }) =>
    tableOf(checkpoint ? [checkpoint] : []),
  );
}

async function list(session: Session): Promise<void> {
  const answer = await session.client(SyncService).listCheckpoints({}, session.call);
  session.show(ListCheckpointsResponseSchema, answer, ({ checkpoints }) =>
    checkpoints.length === 0 ? "there are none" : tableOf(checkpoints),
  );
}

function tableOf(checkpoints: readonly Checkpoint[]): string {
  const rows = checkpoints.map(({ id, block, created, sizeBytes }) => [
    id,
    grouped(block?.height ?? 0n),
    hash(block?.hash),
    time(created),
    size(sizeBytes),
  ]);
  return renderTable(["ID", "HEIGHT", "HASH", "MADE", "SIZE"], rows);
}

async function prove(session: Session, by: BlockName, checkpointId: string): Promise<void> {
  const answer = await session.client(SyncService).proveBlock({ by, checkpointId }, session.call);
  const { isProven } = await import("./checkpoint-file.ts");
  const verdict = isProven(answer) ? "leads to the history_root" : "DOES NOT LEAD to the history_root";
  session.show(ProveBlockResponseSchema, answer, ({ block, checkpoint, historyRoot, proof }) =>
    renderFields([
      ["block", `${grouped(block?.height ?? 0n)}  ${hash(block?.hash)}`],
      ["checkpoint", `${grouped(checkpoint?.height ?? 0n)}  ${hash(checkpoint?.hash)}`],
      ["history root", hash(historyRoot)],
      ["proof", `${hash(proof)} (${grouped(proof.length)} bytes)`],
      ["checked here", verdict],
    ]),
  );
}

async function recover(session: Session, checkpointId: string, options: RecoverOptions): Promise<void> {
  const { config, dataDir, chain, mode, dryRun = false, scan = false, force = false, yes = false } = options;
  if (config !== undefined || dataDir !== undefined) {
    const { recoverOffline } = await import("./checkpoint-offline.ts");
    const node = { config, dataDir, chain };
    return recoverOffline(session, {
      node,
      mode,
      checkpointId,
      isDryRun: dryRun,
      isScanned: scan,
      isForced: force,
      isAgreed: yes,
    });
  }
  if (chain !== undefined) {
    const text = "--chain is for a node that does not run: add its --data-dir, or give its --config";
    throw failure("INVALID_ARGUMENT", "DATA_DIR_MISSING", text);
  }
  const request = {
    checkpointId,
    recoveryMode: MODES[mode] ?? RecoveryMode.UNSPECIFIED,
    verifyIntegrity: scan,
    force,
  };
  const call = (validateOnly: boolean): Promise<RecoverFromCheckpointResponse> =>
    session.client(SyncService).recoverFromCheckpoint({ ...request, validateOnly }, session.call);
  if (!dryRun && !yes) {
    const { plan, needsForce } = await call(true);
    if (needsForce && !force) throw failure("FAILED_PRECONDITION", "CHAIN_SOUND", soundText(plan));
    await agree(session, "SyncService/RecoverFromCheckpoint", plan, yes);
  }
  const answer = await call(dryRun);
  session.show(RecoverFromCheckpointResponseSchema, answer, ({ plan, operation, needsForce }) =>
    operation === undefined
      ? `would ${plan}${needsForce ? "; no stored block is damaged: only with --force" : ""}`
      : `${plan}\noperation ${operation.id}${operation.isDone ? ", done" : ""}`,
  );
  if (options.wait === true && answer.operation !== undefined)
    await followOperation(session, answer.operation.id);
}

function soundText(plan: string): string {
  return `no stored block is damaged, and it would ${plan}; add --force where that is meant`;
}
