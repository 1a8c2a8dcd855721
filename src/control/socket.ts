/**
 * The unix socket of the control plane: whoever can connect may command the node, so it is its owner's alone from the
 * first moment on. It is made under another name, closed to others, and only then gets its own by a link, which fails
 * where something is: two nodes never both hold the path, and the socket of one that runs is never taken away. The folder
 * is a second wall. Used by server.ts.
 */
import { chmodSync, linkSync, lstatSync, renameSync, rmSync, type Stats, statSync } from "node:fs";
import { connect } from "node:net";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { geteuid } from "node:process";
import { asError, type Failure, failure } from "../kernel/errors.ts";
import { makeFolder } from "../kernel/ports/folder.ts";
import { realRandom } from "../kernel/ports/random.ts";
import { type Acceptor, type AcceptorParts, acceptOnSocket } from "./acceptor.ts";
import type { Bound } from "./listen.ts";

/** Bytes of a socket path that Linux takes, the final zero not counted; macOS takes 103. Longer: refused. */
const SOCKET_PATH_BYTES_MAX = 103;
/** Rights of anyone but the owner. */
const OTHERS = 0o077;
/** Bytes of the names that a socket has for a moment, in hex after a dot. */
const DRAFT_BYTES = 4;
/** Stale sockets that are cleared away before we give up: others try the same. */
const ATTEMPTS_MAX = 5;

/** Whether a socket can have this path. */
export function isSocketPath(path: string): boolean {
  const draft = "x".repeat(1 + 2 * DRAFT_BYTES);
  const longest = [basename(path), draft].map((name) => Buffer.byteLength(join(dirname(path), name)));
  return Math.max(...longest) <= SOCKET_PATH_BYTES_MAX;
}

/** Binds to a socket file that only its owner can reach; its path goes at the close. Rejects with Failure. */
export async function listenOnSocket(parts: AcceptorParts, path: string): Promise<Bound> {
  const whole = isAbsolute(path) ? path : resolve(path);
  const refusal = prepareFolder(whole);
  if (refusal !== undefined) throw refusal;
  const draft = draftIn(dirname(whole));
  let acceptor: Acceptor | undefined;
  try {
    const accepting = await acceptOnSocket(parts, draft);
    acceptor = accepting;
    chmodSync(draft, 0o600);
    const taken = await claim(draft, whole);
    if (taken !== undefined) throw taken;
    const own = lstatSync(whole);
    const close = (): Promise<void> => {
      removeIf(whole, own);
      return accepting.close();
    };
    return { address: `unix:${whole}`, acceptor: { ...accepting, close } };
  } catch (thrown) {
    void acceptor?.close();
    if (thrown instanceof Error && thrown.name === "Failure") throw thrown;
    throw socketFailure("UNAVAILABLE", "CANNOT_LISTEN", whole, asError(thrown).message);
  } finally {
    rmSync(draft, { force: true });
  }
}

function draftIn(folder: string): string {
  return join(folder, `.${Buffer.from(realRandom.bytes(DRAFT_BYTES)).toString("hex")}`);
}

function socketFailure(
  code: "UNAVAILABLE" | "ALREADY_EXISTS" | "FAILED_PRECONDITION" | "INVALID_ARGUMENT",
  reason: string,
  path: string,
  why: string,
): Failure {
  return failure(code, reason, `cannot listen on ${path}: ${why}`, { field: "control.unix_socket" });
}

function prepareFolder(path: string): Failure | undefined {
  if (!isSocketPath(path)) {
    const why = `a socket's path has at most ${SOCKET_PATH_BYTES_MAX} bytes; set control.unix_socket to a shorter one`;
    return socketFailure("INVALID_ARGUMENT", "SOCKET_PATH_TOO_LONG", path, why);
  }
  const folder = dirname(path);
  let stat: Stats;
  try {
    makeFolder(folder, 0o700);
    stat = statSync(folder);
  } catch (thrown) {
    return socketFailure("FAILED_PRECONDITION", "SOCKET_FOLDER", path, asError(thrown).message);
  }
  // Whoever owns the folder may put a socket of its own in the place of ours; root chose that (a volume of a container).
  const uid = geteuid?.() ?? 0;
  if (uid !== 0 && stat.uid !== uid) {
    return socketFailure("FAILED_PRECONDITION", "SOCKET_FOLDER", path, "its folder is another user's");
  }
  if ((stat.mode & OTHERS) === 0) return undefined;
  const why = `others can enter its folder; run: chmod 700 ${folder}`;
  return socketFailure("FAILED_PRECONDITION", "SOCKET_FOLDER_TOO_OPEN", path, why);
}

/** Gives our socket its path; why it cannot have it, if so. */
async function claim(draft: string, path: string): Promise<Failure | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    try {
      linkSync(draft, path);
      return undefined;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
    }
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there === undefined) continue;
    if (!there.isSocket()) {
      return socketFailure("ALREADY_EXISTS", "NOT_A_SOCKET", path, "the file is no socket");
    }
    // Whatever but a refusal is no proof that nobody listens: a process that stands still has a full queue.
    const answer = await probe(path);
    if (answer === "ECONNREFUSED") clearStale(path, there);
    else if (answer !== "ENOENT") break;
  }
  return socketFailure("ALREADY_EXISTS", "ADDRESS_TAKEN", path, "another program listens there");
}

/** A killed process leaves its socket behind. It is taken away by a rename: should it be another by then, it comes back. */
function clearStale(path: string, stale: Stats): void {
  const aside = draftIn(dirname(path));
  try {
    renameSync(path, aside);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return;
    throw thrown;
  }
  try {
    if (!isSame(lstatSync(aside), stale)) linkSync(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
}

function removeIf(path: string, own: Stats): void {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined && isSame(there, own)) rmSync(path, { force: true });
}

function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

function probe(path: string): Promise<string> {
  return new Promise((settle) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      settle("connected");
    });
    socket.once("error", (error: NodeJS.ErrnoException) => settle(error.code ?? "unknown"));
  });
}
