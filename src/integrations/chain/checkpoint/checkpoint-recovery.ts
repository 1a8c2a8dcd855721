/**
 * Recovery: standing on a checkpoint again in four ways, each planned and verified before anything is touched. FAST and
 * SAFE put the checkpoint's block in the place of the whole chain (SAFE serves nothing until the history behind it is
 * back and proven), MINIMAL rolls back to the newest sound checkpoint at or below the damage, FULL empties the chain.
 * Blocks behind an adopted checkpoint come back through `prepend`. A recovery that a kill cut off is on record and can be
 * carried out again. The vote record is not in reach of any of this.
 */

import { genesisAuxPow } from "../../../chain/auxpow/last-auxpow.ts";
import { joinBlock, parentApprovalBytes, parseBlock, splitBlock } from "../../../chain/block.ts";
import { bodyRoot } from "../../../chain/body-root.ts";
import { concatBytes, equalBytes } from "../../../chain/bytes.ts";
import type { ChainFacts } from "../../../chain/facts.ts";
import { decodeHeader, HEADER_LENGTH, headerHash } from "../../../chain/header.ts";
import { encodeLineage, followBlock, type Lineage } from "../../../chain/lineage.ts";
import { MalformedError } from "../../../chain/malformed.ts";
import { appendHash, historyRoot } from "../../../chain/mmr.ts";
import { Failure, failure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/ports/log.ts";
import { type BlockStore, HEIGHT_MAX } from "../../../storage/port.ts";
import { encodeMarks } from "../embedded/history.ts";
import { HISTORY_KEY, LINEAGE_KEY } from "../embedded/opening.ts";
import type {
  CheckpointStore,
  CheckpointStoreParts,
  KeptCheckpoint,
  SoundCheckpoint,
} from "./checkpoint-store.ts";
import {
  ADOPTED_KEY,
  AWAITED_KEY,
  encodeAdopted,
  encodeRecovery,
  RECOVERY_KEY,
  type RecoveryMode,
  WITHHELD_KEY,
} from "./recovery-records.ts";

export interface RecoveryRequest {
  /** Empty: the newest sound one. */
  readonly checkpointId: string;
  readonly mode: RecoveryMode;
  /** Look through the whole stored chain for damage; MINIMAL always does. */
  readonly isScanned: boolean;
}

export interface RecoveryPlan {
  readonly mode: RecoveryMode;
  readonly checkpoint: SoundCheckpoint;
  /** The lowest stored block that is damaged, where it was looked for. */
  readonly damagedHeight: number | undefined;
  readonly headHeight: number;
  /** Blocks that go. */
  readonly blocksDeleted: number;
  /** All of it in words. */
  readonly text: string;
}

/** Blocks looked at between two pauses, and their bytes. */
const SCAN_BLOCKS = 512;
const SCAN_BYTES = 4 * 1024 * 1024;

/** Chooses and verifies; changes nothing. Rejects with the Failure that forbids it. */
export async function planRecovery(
  checkpoints: CheckpointStore,
  request: RecoveryRequest,
): Promise<RecoveryPlan> {
  const { mode } = request;
  const { chain } = checkpoints.parts;
  const isScanned = request.isScanned || mode === "MINIMAL";
  const damagedHeight = isScanned ? await findDamage(checkpoints) : undefined;
  const checkpoint = await choose(checkpoints, request, damagedHeight);
  const { head, final } = chain.snapshot();
  const base = checkpoints.parts.store.base() ?? head.height + 1;
  const { height, id } = checkpoint.kept;
  const blocksDeleted = mode === "MINIMAL" ? head.height - height : head.height - base + 1;
  const damage = damagedHeight === undefined ? "" : `; block ${damagedHeight} is damaged`;
  const below = mode === "MINIMAL" && height >= final.height ? "" : ", below the final block";
  const text = `${DEEDS[mode](id, height)}: ${blocksDeleted} blocks go${blocksDeleted > 0 ? below : ""}${damage}`;
  return { mode, checkpoint, damagedHeight, headHeight: head.height, blocksDeleted, text };
}

/** Blocks would go of which none is damaged, as far as was looked. */
export function deletesSound({ damagedHeight, blocksDeleted }: RecoveryPlan): boolean {
  return damagedHeight === undefined && blocksDeleted > 0;
}

/** Why a plan that deletes sound blocks is not carried out without being forced. */
export function chainSound({ text }: RecoveryPlan): Failure {
  const message = `no stored block is damaged, and it would ${text}; force it where that is meant`;
  return failure("FAILED_PRECONDITION", "CHAIN_SOUND", message, { field: "force" });
}

const DEEDS: Readonly<Record<RecoveryMode, (id: string, height: number) => string>> = {
  FAST: (id) => `adopt checkpoint ${id}, go on from it, back-fill behind it`,
  SAFE: (id) => `adopt checkpoint ${id}, serve nothing until the history behind it is back and proven`,
  MINIMAL: (id, height) => `roll back to checkpoint ${id} and keep blocks up to ${height}`,
  FULL: (id) => `empty the chain, synchronise it again, and hold it against checkpoint ${id}`,
};

async function choose(
  checkpoints: CheckpointStore,
  { checkpointId, mode }: RecoveryRequest,
  damagedHeight: number | undefined,
): Promise<SoundCheckpoint> {
  const isRolledBack = mode === "MINIMAL";
  if (!isRolledBack && checkpointId !== "") return await checkpoints.sound(checkpointId);
  const kept = await checkpoints.list();
  const named = kept.find(({ id }) => id === checkpointId);
  if (checkpointId !== "" && named === undefined) await checkpoints.sound(checkpointId);
  const limit = Math.min(named?.height ?? HEIGHT_MAX, (damagedHeight ?? HEIGHT_MAX + 1) - 1);
  for (const candidate of kept) {
    if (!isRolledBack || (candidate.height <= limit && isOurs(checkpoints, candidate))) {
      const sound = await checkpoints.sound(candidate.id).catch(unsoundIsNext);
      if (sound !== undefined) return sound;
    }
  }
  const where = damagedHeight === undefined ? "that is stored" : `below the damage at block ${damagedHeight}`;
  const text = isRolledBack
    ? `no sound checkpoint lies on the chain ${where}`
    : "there is no sound checkpoint";
  throw failure("FAILED_PRECONDITION", "NO_SOUND_CHECKPOINT", text);
}

function isOurs(checkpoints: CheckpointStore, { height, hash }: KeptCheckpoint): boolean {
  const own = checkpoints.parts.chain.hashAt(height);
  return own !== undefined && equalBytes(own, hash);
}

function unsoundIsNext(thrown: unknown): undefined {
  if (thrown instanceof Failure && thrown.code === "DATA_LOSS") return undefined;
  throw thrown;
}

/** Carries the plan out. Rejects with a Failure; what was deleted until then stays deleted. */
export async function recover(checkpoints: CheckpointStore, plan: RecoveryPlan, log: Log): Promise<void> {
  const { store, chain } = checkpoints.parts;
  const { mode, checkpoint, headHeight, blocksDeleted } = plan;
  const { final } = chain.snapshot();
  const keptHeight = mode === "MINIMAL" ? checkpoint.kept.height : 0;
  if (keptHeight < final.height && blocksDeleted > 0) {
    log.warn("rollback below final", {
      mode,
      checkpoint: checkpoint.kept.id,
      from_height: headHeight,
      to_height: keptHeight,
      final_height: final.height,
    });
  }
  await chain.reopen(async () => {
    checkpoints.nodes.forget();
    const { id } = checkpoint.kept;
    // Where the history below is missing, the marks above the checkpoint, which are about to go, could not be made again.
    const marks = mode === "MINIMAL" ? [marksRecord(checkpoints, checkpoint)] : [];
    await store.writeMeta(
      new Map([[RECOVERY_KEY, encodeRecovery({ mode, checkpointId: id })] as const, ...marks]),
    );
    await store.pruneSide(HEIGHT_MAX);
    await store.truncateAbove(keptHeight);
    if (mode === "FAST" || mode === "SAFE") await adopt(checkpoints, checkpoint, mode === "SAFE");
    else await store.writeMeta(mode === "FULL" ? emptied(id) : rolledBack(checkpoints, checkpoint));
  });
}

/** The chain begins at genesis again and is compared with the checkpoint when it gets there. */
function emptied(id: string): Map<string, Uint8Array | undefined> {
  return new Map([
    ...[LINEAGE_KEY, WITHHELD_KEY, ADOPTED_KEY, RECOVERY_KEY].map((key) => [key, undefined] as const),
    [AWAITED_KEY, new TextEncoder().encode(id)],
  ]);
}

/** On a chain that begins at a checkpoint the sets below cannot be found again by reading blocks. */
function rolledBack(
  { parts: { chain } }: CheckpointStore,
  checkpoint: SoundCheckpoint,
): Map<string, Uint8Array | undefined> {
  const { facts } = chain;
  return new Map([
    [LINEAGE_KEY, encodeLineage(facts.genesisHash, lineageOf(checkpoint, facts))],
    [RECOVERY_KEY, undefined],
  ]);
}

/** The marks of the mountain range at a checkpoint: good for any chain that has it. */
function marksRecord({ parts: { chain } }: CheckpointStore, { proven }: SoundCheckpoint) {
  const { hash, header, checkpoint } = proven;
  const below = { count: header.height, peaks: checkpoint.peaks };
  const marks = [below, { count: header.height + 1, peaks: appendHash(below.peaks, below.count, hash) }];
  return [HISTORY_KEY, encodeMarks(chain.facts.genesisHash, marks)] as const;
}

/** What the blocks on top of a checkpoint are judged by, as its evidence proved it. */
function lineageOf({ file, proven }: SoundCheckpoint, facts: ChainFacts): Lineage {
  const { header, periods, lastAuxPow } = proven;
  const heightOf = (): number => lastAuxPow.rangeEndHeight;
  const followed = followBlock({ periods, auxpows: [] }, header.height, file.block, heightOf);
  return followed.auxpows.length > 0 ? followed : { ...followed, auxpows: [genesisAuxPow(facts)] };
}

/** The checkpoint's block alone in an empty store, with everything that the next block is judged by. */
async function adopt(
  checkpoints: CheckpointStore,
  sound: SoundCheckpoint,
  isWithheld: boolean,
): Promise<void> {
  const { store, chain } = checkpoints.parts;
  const { genesisHash } = chain.facts;
  const { hash, header } = sound.proven;
  const { height } = header;
  const block = sound.file.block.slice();
  const lineage = lineageOf(sound, chain.facts);
  await store.append({
    firstHeight: height,
    offsets: new Uint32Array([0, block.length]),
    bytes: block,
    hashes: hash.slice(),
    meta: new Map([
      marksRecord(checkpoints, sound),
      [LINEAGE_KEY, encodeLineage(genesisHash, lineage)],
      [ADOPTED_KEY, encodeAdopted(genesisHash, { height, hash, lineage })],
      [WITHHELD_KEY, isWithheld ? new Uint8Array([1]) : undefined],
      [AWAITED_KEY, undefined],
      [RECOVERY_KEY, undefined],
    ]),
  });
}

/** What is still missing behind the chain: heights 1 to this, 0 when nothing is. */
export function missingHistory({ parts }: { readonly parts: Pick<CheckpointStoreParts, "store"> }): number {
  return Math.max(0, (parts.store.base() ?? 1) - 1);
}

/**
 * Puts blocks of a peer, ascending, right below the lowest one stored. Each is the parent that the one above names, and
 * its body what its header commits to, so that the quorum that signed the checkpoint signed them too. DATA_LOSS when they
 * are not: the peer's fault. The last run also proves the whole against the checkpoint's history_root.
 */
export async function prependHistory(
  checkpoints: CheckpointStore,
  blocks: readonly Uint8Array[],
): Promise<void> {
  const { store, chain } = checkpoints.parts;
  const base = store.base();
  const lowest = base === undefined ? undefined : store.readBlock(base);
  if (base === undefined || base <= 1 || lowest === undefined) return;
  const checked = checkRun(blocks, lowest, base, chain.facts.genesisHash);
  if (checked instanceof Failure) throw checked;
  const { records, hashes } = checked;
  const offsets = new Uint32Array(records.length + 1);
  for (const [index, record] of records.entries()) {
    offsets[index + 1] = (offsets[index] as number) + record.length;
  }
  const firstHeight = base - records.length;
  await store.prepend({ firstHeight, bytes: concatBytes(records), offsets, hashes: concatBytes(hashes) });
}

/** Holds the whole history against the block that was adopted, and lets it be served. */
export async function proveHistory(checkpoints: CheckpointStore, height: number): Promise<void> {
  const { store, chain } = checkpoints.parts;
  checkpoints.nodes.forget();
  await checkpoints.nodes.prepare(height - 1, checkpoints.pause);
  const block = store.readBlock(height);
  const committed = block && decodeHeader(block.subarray(0, HEADER_LENGTH)).historyRoot;
  if (
    committed === undefined ||
    !equalBytes(historyRoot(height, checkpoints.nodes.peaks(height)), committed)
  ) {
    throw failure("DATA_LOSS", "HISTORY_MISMATCH", `the history does not lead to block ${height}`);
  }
  await chain.reopen(() => store.writeMeta(new Map([[WITHHELD_KEY, undefined]])));
}

function checkRun(
  blocks: readonly Uint8Array[],
  lowest: Uint8Array,
  base: number,
  genesisHash: Uint8Array,
): { records: Uint8Array[]; hashes: Uint8Array[] } | Failure {
  const records: Uint8Array[] = [];
  const hashes: Uint8Array[] = [];
  if (blocks.length === 0 || blocks.length >= base)
    return wrong(base - 1, "is missing, or there are too many");
  let child = lowest;
  try {
    for (let index = blocks.length - 1; index >= 0; index--) {
      const height = base - blocks.length + index;
      const { header, body, approval } = splitBlock(blocks[index] as Uint8Array);
      const above = parseBlock(child);
      const hash = headerHash(header);
      const { height: claimed, bodyRoot: committed, parentHash } = decodeHeader(header);
      if (!equalBytes(hash, above.header.parentHash))
        return wrong(height, "is not the parent of the one above");
      if (claimed !== height || !equalBytes(bodyRoot(body), committed))
        return wrong(height, "has another body");
      if (height === 1 && !equalBytes(parentHash, genesisHash)) return wrong(height, "is not on our genesis");
      records.unshift(joinBlock(header, body, parentApprovalBytes(above.body) ?? approval));
      hashes.unshift(hash);
      child = blocks[index] as Uint8Array;
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return wrong(base - 1, "or one below is malformed");
  }
  return { records, hashes };
}

function wrong(height: number, what: string): Failure {
  return failure("DATA_LOSS", "WRONG_HISTORY", `block ${height} ${what}`);
}

/** The lowest stored block whose hash, link or body is not what it was; undefined when the chain is sound. */
export async function findDamage(checkpoints: CheckpointStore): Promise<number | undefined> {
  const { store, chain } = checkpoints.parts;
  const head = chain.snapshot().head.height;
  const base = store.base() ?? 1;
  let below = base === 1 ? chain.facts.genesisHash : undefined;
  for (let height = base; height <= head; ) {
    const blocks = readSome(store, height, Math.min(SCAN_BLOCKS, head - height + 1));
    if (blocks.length === 0) return height;
    for (const block of blocks) {
      const hash = soundHash(store, block, height, below);
      if (hash === undefined) return height;
      below = hash;
      height++;
    }
    if (blocks.length === SCAN_BLOCKS) await checkpoints.pause();
  }
  return undefined;
}

/** A run, or where it cannot be read, its first block alone; empty when that cannot be read either. */
function readSome(store: BlockStore, height: number, count: number): Uint8Array[] {
  for (const size of [count, 1]) {
    try {
      return store.readRange(height, size, SCAN_BYTES);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
  return [];
}

function soundHash(
  store: BlockStore,
  block: Uint8Array,
  height: number,
  below: Uint8Array | undefined,
): Uint8Array | undefined {
  try {
    const { header, body } = splitBlock(block);
    const hash = headerHash(header);
    const stored = store.hashAt(height);
    const { height: claimed, parentHash, bodyRoot: committed } = decodeHeader(header);
    const isSound =
      claimed === height &&
      stored !== undefined &&
      equalBytes(stored, hash) &&
      (below === undefined || equalBytes(parentHash, below)) &&
      equalBytes(bodyRoot(body), committed);
    return isSound ? hash : undefined;
  } catch (error) {
    if (error instanceof MalformedError || error instanceof Failure) return undefined;
    throw error;
  }
}
