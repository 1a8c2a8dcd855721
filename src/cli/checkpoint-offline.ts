/**
 * `alysctl checkpoints recover --config` or `--data-dir`: the recovery of a node that does not run, for one whose newest blocks are damaged
 * so that it does not start. It takes the lock that a node takes, verifies before it touches anything, carries the same
 * recovery out on the store, and opens the chain afterwards as a node would. A file of its own, loaded when it is asked
 * for: it brings the block store and BLS. The vote record is a file that it does not open.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readChain } from "../chain/chain-file.ts";
import type { ChainFacts } from "../chain/facts.ts";
import { chainFactsOf, type Genesis } from "../chain/spec.ts";
import {
  chainSound,
  deletesSound,
  missingHistory,
  planRecovery,
  recover,
} from "../integrations/chain/checkpoint/checkpoint-recovery.ts";
import { CheckpointStore } from "../integrations/chain/checkpoint/checkpoint-store.ts";
import { OfflineChain } from "../integrations/chain/checkpoint/offline-chain.ts";
import { RECOVERY_MODES } from "../integrations/chain/checkpoint/recovery-records.ts";
import { openEmbeddedChain } from "../integrations/chain/embedded/embedded.ts";
import { Failure, failure } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import { type Fields, type Log, silentLog } from "../kernel/ports/log.ts";
import { FolderFileStore } from "../storage/file-store.ts";
import { DATABASE_FILE } from "../storage/lmdb-layout.ts";
import { openLmdbStore } from "../storage/lmdb-store.ts";
import { grouped } from "./format.ts";
import { type OfflineNodeOptions, offlineNode } from "./offline-node.ts";
import { agree } from "./reference/destructive.ts";
import type { Session } from "./session.ts";
import { renderFields } from "./table.ts";

export interface OfflineOptions {
  readonly node: OfflineNodeOptions;
  readonly mode: string;
  /** Empty: the newest sound one. */
  readonly checkpointId: string;
  readonly isDryRun: boolean;
  readonly isScanned: boolean;
  /** Delete blocks of which none is damaged. */
  readonly isForced: boolean;
  /** Without asking. */
  readonly isAgreed: boolean;
}

/** Timestamps are not judged here. */
const DRIFT_MS = 0;

/** Rejects with the Failure that forbids it; then nothing was changed, unless it says so. */
export async function recoverOffline(session: Session, options: OfflineOptions): Promise<void> {
  const node = offlineNode(options.node, process.env);
  const { finalityDepth } = node;
  // The store was made under this genesis, by a node that asked for the proofs: no key comes in here.
  const loaded = readChain(node.specificationFile);
  if (loaded instanceof Failure) throw loaded;
  const { genesis, parameters } = loaded;
  const facts = chainFactsOf(parameters, genesis.hash, { driftMs: DRIFT_MS, finalityDepth });
  const folder = join(node.dataDirectory, "chain");
  if (!existsSync(join(folder, DATABASE_FILE)))
    throw failure("NOT_FOUND", "DATABASE_MISSING", `${folder} holds no block store`);
  if (node.configFile === undefined) session.terminal.err(assumption(facts));
  const outcome = await carryOut(session, options, node.dataDirectory, genesis, facts);
  const done = { ...outcome, configuration: node.configFile, finalityDepth };
  const opened = done.isDryRun ? undefined : await reopen(folder, genesis, facts, session.terminal.clock);
  if (session.isJson) return session.terminal.out(JSON.stringify({ ...done, ...opened }, undefined, 2));
  if (opened === undefined)
    return session.terminal.out(`would ${done.plan}${done.needsForce ? NEEDS_FORCE : ""}`);
  return session.terminal.out(
    renderFields([
      ["recovered", done.plan],
      ["head", `block ${grouped(opened.height)}, opened and sound`],
      ["finality depth", `${grouped(finalityDepth)} blocks, ${node.configFile ?? "assumed"}`],
      ["then", thenOf(done.mode, opened.missing)],
    ]),
  );
}

/** A store that was written under other values opens, and only its final height is another one. */
function assumption({ finalityDepth, pow }: ChainFacts): string {
  const placement = pow.placement.toLowerCase().replaceAll("_", " ");
  return (
    `no --config: taking a finality depth of ${finalityDepth} blocks and merged mining in ${placement}, ` +
    "as a node does whose configuration says nothing else"
  );
}

/** What the node does at its next start. */
function thenOf(mode: string, missing: number): string {
  if (mode === "full") return "start the node: it synchronises from genesis and verifies every block";
  if (missing > 0) return `start the node: it goes on and fetches ${grouped(missing)} blocks behind`;
  return "start the node: it goes on from there";
}

interface Done {
  readonly mode: string;
  readonly checkpoint: string;
  readonly plan: string;
  readonly damagedHeight: number | undefined;
  readonly blocksDeleted: number;
  readonly needsForce: boolean;
  readonly isDryRun: boolean;
}

/** Added to what a dry run says. */
const NEEDS_FORCE = "; no stored block is damaged: only with --force";

async function carryOut(
  session: Session,
  { mode: word, checkpointId, isDryRun, isScanned, isForced, isAgreed }: OfflineOptions,
  dataDirectory: string,
  genesis: Genesis,
  facts: ChainFacts,
): Promise<Done> {
  const mode = RECOVERY_MODES.find((known) => known.toLowerCase() === word);
  if (mode === undefined) throw failure("INVALID_ARGUMENT", "BAD_MODE", `there is no mode ${word}`);
  const { authorities } = genesis;
  const folder = join(dataDirectory, "chain");
  const store = await openLmdbStore({ folder, genesisHash: genesis.hash, isVerified: false });
  try {
    const chain = new OfflineChain(store, facts, authorities);
    const files = new FolderFileStore(join(dataDirectory, "checkpoints"));
    const checkpoints = new CheckpointStore({
      chain,
      store,
      files,
      authorities,
      clock: session.terminal.clock,
    });
    const plan = await planRecovery(checkpoints, { checkpointId, mode, isScanned: isScanned || !isForced });
    if (!isDryRun && !isForced && deletesSound(plan)) throw chainSound(plan);
    if (!isDryRun) await agree(session, "SyncService/RecoverFromCheckpoint", plan.text, isAgreed);
    if (!isDryRun) await recover(checkpoints, plan, terminalLog(session));
    const { damagedHeight, blocksDeleted, text } = plan;
    const { id } = plan.checkpoint.kept;
    return {
      mode: word,
      checkpoint: id,
      plan: text,
      damagedHeight,
      blocksDeleted,
      needsForce: deletesSound(plan),
      isDryRun,
    };
  } finally {
    await store.close();
  }
}

/** As a node opens it, to see that it does. */
async function reopen(
  folder: string,
  genesis: Genesis,
  facts: ChainFacts,
  clock: Clock,
): Promise<{ readonly height: number; readonly missing: number }> {
  const store = await openLmdbStore({ folder, genesisHash: genesis.hash });
  try {
    const chain = openEmbeddedChain({ store, facts, genesis, clock, log: silentLog });
    if (chain instanceof Failure) throw chain;
    const { height } = chain.snapshot().head;
    await chain.close();
    return { height, missing: missingHistory({ parts: { store } }) };
  } finally {
    await store.close();
  }
}

/** What recovery warns of goes to standard error. */
function terminalLog({ terminal }: Session): Log {
  const warn = (message: string, fields: Fields = {}): void => {
    terminal.err(`${message} ${JSON.stringify(fields)}`);
  };
  return { ...silentLog, warn, error: warn };
}
