/**
 * What outlives a restart of any actor: data directory, identity, store, votes, chain, validator, host, bans and known
 * peers. Opened in order, closed in reverse; each failure says what could not be opened.
 */

import { chmod } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { BanTable } from "../actors/peer/ban-table.ts";
import { type DelegationSource, MemberDelegation } from "../actors/peer/own-delegation.ts";
import { PeerStore } from "../actors/peer/peer-store.ts";
import type { SecretKey } from "../chain/bls.ts";
import { type LoadedChain, loadChain, readChain } from "../chain/chain-file.ts";
import type { ChainFacts } from "../chain/facts.ts";
import { loadAuthorityKey } from "../chain/keys.ts";
import { ThreadValidator } from "../chain/pool/threads.ts";
import { chainFactsOf } from "../chain/spec.ts";
import type { Settings } from "../config/load.ts";
import { CheckpointStore } from "../integrations/chain/checkpoint/checkpoint-store.ts";
import { openEmbeddedChain } from "../integrations/chain/embedded/embedded.ts";
import type { ChainPort } from "../integrations/chain/port.ts";
import { correlatedLog } from "../kernel/cause.ts";
import { asError, assert, Failure, failure } from "../kernel/errors.ts";
import { realClock } from "../kernel/ports/clock.ts";
import { makeFolder } from "../kernel/ports/folder.ts";
import type { Log } from "../kernel/ports/log.ts";
import { realRandom } from "../kernel/ports/random.ts";
import { loadOrCreateIdentity } from "../p2p/identity.ts";
import { Libp2pHost } from "../p2p/libp2p/host.ts";
import { peerIdBytes } from "../p2p/peer-id.ts";
import type { Host } from "../p2p/port.ts";
import { lockKeyFile } from "../storage/directory-lock.ts";
import { FolderFileStore } from "../storage/file-store.ts";
import { openLmdbStore } from "../storage/lmdb-store.ts";
import type { BlockStore, StopStore, Table, VoteStore } from "../storage/port.ts";
import { openStopFile } from "../storage/stop-file.ts";
import { openVoteFile } from "../storage/vote-file.ts";
import type { Integrations } from "./integrations.ts";
import { SentryDelegation } from "./sentry-delegation.ts";
import { LATE_MS } from "./store-watch.ts";
import { reachOf } from "./translate.ts";

export interface Resources {
  readonly loaded: LoadedChain;
  readonly facts: ChainFacts;
  readonly store: BlockStore;
  /** The store, with the chain upon it, as their supervisor opens them again. */
  readonly reopening: Integrations["store"];
  readonly votes: VoteStore | undefined;
  /** Whether the member's key was seen elsewhere. */
  readonly stop: StopStore;
  /** What the member's operator scheduled. */
  readonly schedule: Table;
  readonly evidence: Table;
  /** Which of the evidence an administrator answered. */
  readonly answers: Table;
  readonly chain: ChainPort;
  readonly checkpoints: CheckpointStore;
  readonly validator: ThreadValidator;
  readonly workers: number;
  readonly host: Host;
  readonly bans: BanTable;
  readonly book: PeerStore;
  readonly authorityKey: SecretKey | undefined;
  /** Of a member or its sentry. */
  readonly delegation: DelegationSource | undefined;
  /** Closes everything in reverse order; the first error is thrown when all were tried. */
  close(): Promise<void>;
}

/** File in the data directory, beside the vote record, while the member's key counts as used elsewhere. */
const STOP_FILE = "vote.stop";

/** Timestamps may lie this far ahead of our clock (chain rules). */
const DRIFT_MS = 500;

/** Opens everything, or closes what was opened and throws the Failure. */
export async function openResources(settings: Settings, log: Log): Promise<Resources> {
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async (): Promise<void> => {
    let first: unknown;
    for (const close of closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        first ??= error;
      }
    }
    if (first !== undefined) throw first;
  };
  try {
    return await open(settings, log, closers, closeAll);
  } catch (error) {
    await closeAll().catch((secondary: unknown) => log.error("closing failed too", { error: secondary }));
    throw error;
  }
}

async function open(
  settings: Settings,
  log: Log,
  closers: (() => Promise<void> | void)[],
  close: () => Promise<void>,
): Promise<Resources> {
  const directory = settings.storage.dataDirectory;
  await makeDataDirectory(directory);
  const loaded = chainOf(settings);
  if (loaded.warning !== undefined)
    log.error(`a development chain, never to be worth anything: ${loaded.warning}`);
  const { genesis, parameters } = loaded;
  const { finalityDepth } = settings.chain;
  const facts = chainFactsOf(parameters, genesis.hash, { driftMs: DRIFT_MS, finalityDepth });
  const store = await openStore(join(directory, "chain"), genesis.hash, log);
  closers.push(() => store.close());
  const workers = settings.sync.validationWorkers || availableParallelism();
  const validator = new ThreadValidator({
    facts,
    workers,
    clock: realClock,
    log: log.child({ part: "validator" }),
  });
  closers.push(() => validator.close());
  const chainLog = log.child({ part: "chain" });
  const chain = required(openEmbeddedChain({ store, facts, genesis, clock: realClock, log: chainLog }));
  closers.push(() => chain.close());
  const checkpoints = new CheckpointStore({
    chain,
    store,
    files: new FolderFileStore(join(directory, "checkpoints")),
    authorities: genesis.authorities,
    clock: realClock,
  });
  const identity = await loadOrCreateIdentity(join(directory, "identity.key"), realRandom);
  const bans = new BanTable(realClock, store.table("bans"), settings.peer.allowedIps);
  const book = new PeerStore(store.table("peers"), settings.peer.knownPeersMax, reachOf(settings));
  const host = new Libp2pHost({
    identity,
    gate: bans,
    clock: realClock,
    random: realRandom,
    log: correlatedLog(log.child({ part: "host" })),
  });
  closers.push(() => host.close());
  const peerBytes = peerIdBytes(identity.peerId);
  assert(peerBytes !== undefined, "our own peer id is well formed");
  const member = openMember(settings, directory, peerBytes, facts.genesisHash);
  if (member !== undefined) closers.push(() => member.close());
  return {
    loaded,
    facts,
    store,
    reopening: {
      get died() {
        return store.died;
      },
      async reopen() {
        await store.reopen();
        await chain.reopen(async () => undefined);
        chainLog.warn("the block store was opened again", { height: chain.snapshot().head.height });
      },
    },
    votes: member?.votes,
    stop: openStopFile(join(directory, STOP_FILE)),
    schedule: store.table("producer"),
    evidence: store.table("equivocations"),
    answers: store.table("distrust"),
    chain,
    checkpoints,
    validator,
    workers,
    host,
    bans,
    book,
    authorityKey: member?.key,
    delegation: member?.delegation ?? (await openSentry(settings, peerBytes, facts.genesisHash)),
    close,
  };
}

/** Whoever waits for it should know. */
async function openStore(folder: string, genesisHash: Uint8Array, log: Log): Promise<BlockStore> {
  const late = realClock.setTimer(LATE_MS, () =>
    log.warn("the block store does not open yet", { folder, waitingMs: LATE_MS }),
  );
  try {
    return await openLmdbStore({ folder, genesisHash });
  } finally {
    late.cancel();
  }
}

async function makeDataDirectory(directory: string): Promise<void> {
  try {
    makeFolder(directory, 0o700);
    await chmod(directory, 0o700);
  } catch (error) {
    const { message } = asError(error);
    const cause = failure("INVALID_ARGUMENT", "CONFIG_INVALID", message);
    throw about("storage.data_directory", directory, cause);
  }
}

/** The chain that the settings name. Throws a Failure that says which setting names the file at fault. */
function chainOf({ chain: { specificationFile, proofsFile, development } }: Settings): LoadedChain {
  const loaded = loadChain(specificationFile, {
    proofs: proofsFile || undefined,
    isDevelopment: development,
  });
  if (!(loaded instanceof Failure)) return loaded;
  // A specification that can be read is not at fault itself.
  const isSound = !(readChain(specificationFile) instanceof Failure);
  if (isSound && proofsFile === "")
    throw failure(loaded.code, loaded.reason, `chain.proofs_file is missing: ${loaded.message}`, {
      field: "chain.proofs_file",
    });
  throw isSound
    ? about("chain.proofs_file", proofsFile, loaded)
    : about("chain.specification_file", specificationFile, loaded);
}

interface Member {
  readonly key: SecretKey;
  readonly votes: VoteStore;
  readonly delegation: DelegationSource;
  close(): void;
}

/**
 * What only a member has: its key, its vote record, and the delegation that binds our peer id to it. The key's file stays
 * locked while the node lives: with another data directory beside it, the vote record would not see the second one.
 */
function openMember(
  settings: Settings,
  directory: string,
  peerId: Uint8Array,
  genesisHash: Uint8Array,
): Member | undefined {
  const file = settings.producer.authorityKeyFile;
  if (file === "") return undefined;
  const { delegationFile, delegationLifetimeMs } = settings.network.federation;
  if (delegationFile !== "") {
    const text =
      "network.federation.delegation_file makes a sentry, producer.authority_key_file a member: set one of them";
    throw failure("INVALID_ARGUMENT", "CONFIG_INVALID", text, {
      field: "network.federation.delegation_file",
    });
  }
  const { key, votes, lock } = lockMember(file, directory);
  const lifetimeMs = Number(delegationLifetimeMs);
  const delegation = { key, peerId, genesisHash, lifetimeMs, clock: realClock, random: realRandom };
  return {
    key,
    votes,
    delegation: new MemberDelegation(delegation),
    close() {
      votes.close();
      lock.release();
    },
  };
}

/** The key with the lock upon its file, and the vote record; all or nothing. */
function lockMember(file: string, directory: string) {
  required(loadAuthorityKey(file));
  const lock = lockKeyFile(file, `data directory ${directory}`);
  try {
    // What the lock is upon may be another file than a moment ago.
    const key = required(loadAuthorityKey(file));
    return { key, votes: openVoteFile(join(directory, "vote")), lock };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** What makes the node a member's sentry. */
async function openSentry(
  settings: Settings,
  peerId: Uint8Array,
  genesisHash: Uint8Array,
): Promise<DelegationSource | undefined> {
  const { delegationFile } = settings.network.federation;
  if (delegationFile === "") return undefined;
  try {
    return await SentryDelegation.open(delegationFile, peerId, genesisHash);
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    throw about("network.federation.delegation_file", delegationFile, thrown);
  }
}

/** The failure with the setting and the file in its text. */
function about(field: string, file: string, { code, reason, message }: Failure): Failure {
  const text = message.includes(file) ? message : `${file}: ${message}`;
  return failure(code, reason, `${field}: ${text}`, { field });
}

function required<T>(value: T | Failure): T {
  if (value instanceof Failure) throw value;
  return value;
}
