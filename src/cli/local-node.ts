/**
 * How alysctl reaches a node of this machine without being told a token: by the folder in which the node says where it is
 * (node.json), with the token that lies there for its owner. A folder that alysctl finds by itself counts only when it is the
 * caller's own and closed to others: nobody else can then put a node of his in the place of ours, or a token.
 */
import { lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { geteuid, kill } from "node:process";
import { readOwn } from "../control/auth/own-file.ts";
import { LOCAL_TOKEN_FILE, TOKENS_FOLDER } from "../control/auth/token-files.ts";
import { asError, type Failure, failure } from "../kernel/errors.ts";

/** Where a node is looked for when nothing is said. */
export const ADDRESS_DEFAULT = "127.0.0.1:50051";

/** Where a node is reached, and what to show it. */
export interface Way {
  readonly address: string;
  readonly token: string | undefined;
  /** Data directory of the node, where it was found by that. */
  readonly folder?: string | undefined;
}

/** What the caller said. */
export interface Wanted {
  /** HOST:PORT or unix:PATH. */
  readonly address: string | undefined;
  /** Data directory of the node. */
  readonly folder: string | undefined;
  /** It brings a token, or speaks TLS: nothing is to be found for it but the address. */
  readonly hasCredentials: boolean;
}

/** Part of node.json. */
interface Whereabouts {
  readonly folder: string;
  readonly owner: number;
  readonly pid: number;
  readonly controlAddress: string;
  readonly unixSocket: string;
  readonly requireTokens: boolean;
}

/** The data directory of a service, as config/federation.toml and testnet.toml name it; its parents are root's. */
const SERVICE_FOLDER = "/var/lib/alysd";
/** Folders of local networks begin so (alysd localnet), in the folder for temporary files. */
const LOCALNET_PREFIX = "alys-localnet-";
/** Local networks that are looked into, and nodes of each; further ones must be named. */
const LOCALNETS_MAX = 64;
const LOCALNET_NODES_MAX = 32;
/** Anyone but the owner. */
const OTHERS = 0o077;

/** What was said comes first; then the socket of a node on this machine; then its port, with its token. Throws Failure. */
export function wayTo(wanted: Wanted): Way {
  const { address, folder, hasCredentials } = wanted;
  if (folder !== undefined) return wayToFolder(resolve(folder), wanted);
  if (address === undefined) {
    const node = hasCredentials ? undefined : findNode();
    return node === undefined ? { address: ADDRESS_DEFAULT, token: undefined } : wayInto(node);
  }
  if (hasCredentials) return { address, token: undefined };
  const node = ownNodes().find((each) => isAt(each, address));
  return { address, token: node === undefined ? undefined : tokenFor(node, address) };
}

function wayToFolder(folder: string, { address, hasCredentials }: Wanted): Way {
  const node = readWhereabouts(folder);
  if (node instanceof Error) throw node;
  if (address === undefined) {
    const way = wayInto(node);
    return hasCredentials ? { ...way, token: undefined } : way;
  }
  const token = hasCredentials || !isAt(node, address) ? undefined : tokenFor(node, address);
  return { address, token, folder };
}

/** By the socket, which is nobody else's; by the port only where there is none. */
function wayInto(node: Whereabouts): Way {
  if (node.unixSocket !== "") {
    const address = `unix:${node.unixSocket}`;
    return { address, token: tokenFor(node, address), folder: node.folder };
  }
  // Its port may be somebody else's by now, who must not get the token.
  if (!isAlive(node.pid)) {
    const text = `no node runs on ${node.folder}: its process ${node.pid} is gone`;
    throw failure("UNAVAILABLE", "NODE_NOT_RUNNING", text);
  }
  const { controlAddress: address, folder } = node;
  return { address, token: tokenFor(node, address), folder };
}

function isAt({ controlAddress, unixSocket }: Whereabouts, address: string): boolean {
  return address.startsWith("unix:") ? address === `unix:${unixSocket}` : address === controlAddress;
}

/** The file with the owner's token in a data directory. */
export function localTokenFile(folder: string): string {
  return join(folder, TOKENS_FOLDER, LOCAL_TOKEN_FILE);
}

/** Whoever reaches the socket is the owner already, unless the node asks for tokens there, too. */
function tokenFor({ folder, owner, requireTokens }: Whereabouts, address: string): string | undefined {
  if (address.startsWith("unix:") && !requireTokens) return undefined;
  return readOwn(localTokenFile(folder), owner)?.trim();
}

/** The node of this folder or of this machine; of a local network the one that has the usual port. */
function findNode(): Whereabouts | undefined {
  const [here, service] = ["data", SERVICE_FOLDER].map((folder) => ownNode(resolve(folder)));
  return here ?? service ?? localnetNodes().find((node) => isAt(node, ADDRESS_DEFAULT));
}

function ownNodes(): Whereabouts[] {
  const folders = ["data", SERVICE_FOLDER].map((folder) => ownNode(resolve(folder)));
  return [...folders.filter((node) => node !== undefined), ...localnetNodes()];
}

function localnetNodes(): Whereabouts[] {
  const networks = namesIn(tmpdir()).filter((name) => name.startsWith(LOCALNET_PREFIX));
  return networks.slice(0, LOCALNETS_MAX).flatMap((network) => {
    const folder = join(tmpdir(), network);
    if (!isOwn(folder)) return [];
    const nodes = namesIn(folder).slice(0, LOCALNET_NODES_MAX);
    return nodes.map((name) => ownNode(join(folder, name))).filter((node) => node !== undefined);
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A node that runs in a folder of our own. */
function ownNode(folder: string): Whereabouts | undefined {
  if (!isOwn(folder)) return undefined;
  const node = readWhereabouts(folder);
  return node instanceof Error || !isAlive(node.pid) ? undefined : node;
}

/** Ours and closed to others; root takes that of the service for its own. */
function isOwn(folder: string): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isDirectory() || (stat.mode & OTHERS) !== 0) return false;
  const uid = geteuid?.() ?? stat.uid;
  return stat.uid === uid || (uid === 0 && folder === SERVICE_FOLDER);
}

/** What the node says of itself; why nothing can be known of it, if so. */
function readWhereabouts(folder: string): Whereabouts | Failure {
  let stat: Stats | undefined;
  try {
    stat = statSync(folder);
    const text = readOwn(join(folder, "node.json"), stat.uid);
    const facts = text === undefined ? undefined : (JSON.parse(text) as Partial<Whereabouts>);
    if (facts === undefined) {
      return failure("UNAVAILABLE", "NODE_NOT_RUNNING", `no node runs on ${folder}: there is no node.json`);
    }
    const { pid = 0, controlAddress = "", unixSocket = "", requireTokens = false } = facts;
    return { folder, owner: stat.uid, pid, controlAddress, unixSocket, requireTokens };
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return code === "EACCES" ? notOurs(folder, stat?.uid) : unreadable(folder, thrown);
  }
}

function notOurs(folder: string, uid: number | undefined): Failure {
  const whose = uid === undefined ? "another user's" : `that of the user with the number ${uid}`;
  const text =
    `the node in ${folder} is ${whose}: call alysctl as that user, or let it make a token for you ` +
    "(alysctl tokens create NAME --scope operate > FILE) and give --address HOST:PORT --token-file FILE";
  return failure("PERMISSION_DENIED", "NODE_NOT_OURS", text);
}

function unreadable(folder: string, thrown: unknown): Failure {
  const text = `no node is known in ${folder}: ${asError(thrown).message}`;
  return failure("UNAVAILABLE", "NODE_NOT_RUNNING", text);
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    return kill(pid, 0);
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EPERM";
  }
}
