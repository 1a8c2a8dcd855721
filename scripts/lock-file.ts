/**
 * package-lock.json names for each package the hash that its archive must have; without it npm takes whatever the registry
 * serves. `node scripts/lock-file.ts` fails when a hash is missing (npm leaves out those of packages for other machines);
 * with --fill it asks the registry for them first.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const LOCK_FILE = "package-lock.json";

/**
 * Optional packages for other machines that the registry did not have when they were locked, so that nobody could say their
 * hash. npm installs none of them where it cannot find them. The list may only become shorter.
 */
const NOT_PUBLISHED: ReadonlySet<string> = new Set([
  "@chainsafe/libp2p-quic-darwin-arm64@2.1.1",
  "@chainsafe/libp2p-quic-darwin-x64@2.1.1",
  "@chainsafe/libp2p-quic-linux-arm64-gnu@2.1.1",
  "@chainsafe/libp2p-quic-linux-arm64-musl@2.1.1",
  "@chainsafe/libp2p-quic-linux-x64-musl@2.1.1",
  "@chainsafe/libp2p-quic-win32-x64-msvc@2.1.1",
]);

interface LockedPackage {
  readonly version: string;
  readonly name?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly integrity?: string;
  readonly resolved?: string;
}

interface LockFile {
  readonly packages: Record<string, LockedPackage>;
}

/** What is wrong with a lock file, a line each. */
export function lockFileFaults(text: string, exempt: ReadonlySet<string> = NOT_PUBLISHED): string[] {
  const faults: string[] = [];
  const unused = new Set(exempt);
  for (const [path, locked] of packagesOf(JSON.parse(text) as LockFile)) {
    const id = idOf(path, locked);
    const { integrity, resolved } = locked;
    if (resolved !== undefined) faults.push(`${id} names a registry: ${resolved}`);
    if (integrity === undefined && exempt.has(id) && locked.optional === true) unused.delete(id);
    else if (integrity === undefined) faults.push(`${id} has no integrity hash`);
    else if (!/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity))
      faults.push(`${id} has a weak hash: ${integrity}`);
  }
  for (const id of unused) faults.push(`${id} is listed as not published, and needs it no more`);
  return faults;
}

/** The lock file with the hashes that `ask` knows. */
function filled(text: string, ask: (id: string) => string): string {
  const lock = JSON.parse(text) as LockFile;
  for (const [path, locked] of packagesOf(lock)) {
    if (locked.integrity !== undefined) continue;
    const integrity = ask(idOf(path, locked));
    const { version, ...rest } = locked;
    if (integrity !== "") lock.packages[path] = { version, integrity, ...rest };
  }
  return `${JSON.stringify(lock, undefined, 2)}\n`;
}

/** All but the project itself and links to its folders. */
function packagesOf({ packages }: LockFile): [string, LockedPackage][] {
  return Object.entries(packages).filter(([path, { link }]) => path !== "" && link !== true);
}

function idOf(path: string, { name, version }: LockedPackage): string {
  return `${name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)}@${version}`;
}

function askRegistry(id: string): string {
  try {
    const stdio = ["ignore", "pipe", "ignore"] as const;
    return execFileSync("npm", ["view", id, "dist.integrity"], {
      encoding: "utf8",
      stdio: [...stdio],
    }).trim();
  } catch {
    return "";
  }
}

if (import.meta.main) {
  if (process.argv.includes("--fill")) {
    writeFileSync(LOCK_FILE, filled(readFileSync(LOCK_FILE, "utf8"), askRegistry));
  }
  const faults = lockFileFaults(readFileSync(LOCK_FILE, "utf8"));
  for (const fault of faults) console.error(`${LOCK_FILE}: ${fault}`);
  if (faults.length > 0) {
    console.error("node scripts/lock-file.ts --fill asks the registry for missing hashes.");
    process.exitCode = 1;
  }
}
