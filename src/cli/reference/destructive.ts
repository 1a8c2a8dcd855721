/**
 * The table of what cannot be taken back by another command: data that is gone, or a node that this command line does
 * not bring back. Such commands say what they do and ask for a yes; where nobody can be asked they want --yes.
 *
 * Not in it, because another command undoes it: bans, connections, settings, the log level, stopping synchronisation, the host
 * or an actor, trusting a member again, schedules of a member. Not in it, because nothing is lost: keys and chains are
 * written where there are none, `keys init --rotate` replaces certificates by what does the same.
 */
import { Option } from "commander";
import { failure } from "../../kernel/errors.ts";
import type { Session } from "../session.ts";

/** By service and method: what is lost. */
const DESTRUCTIVE = {
  "SyncService/RecoverFromCheckpoint": "Blocks are deleted and have to be fetched again.",
  "NodeService/RevokeToken": "The token, and those derived from it, cannot be made valid again.",
  "NodeService/Drain": "The node takes no new work and no streams until it is started again.",
  "NodeService/Shutdown": "The node stays down until somebody starts it where it runs.",
} as const;

export type Destructive = keyof typeof DESTRUCTIVE;

export interface Agreement {
  readonly yes?: boolean;
}

export function yesOption(): Option {
  return new Option("-y, --yes", "do it without asking; scripts need it");
}

export function isDestructive(method: string): method is Destructive {
  return Object.hasOwn(DESTRUCTIVE, method);
}

/**
 * Resolves when it may be done. Rejects with FAILED_PRECONDITION / NOT_CONFIRMED: nobody can be asked, or did not
 * say yes. `plan` says what exactly would be done, where that is known.
 */
export async function agree(
  session: Session,
  method: Destructive,
  plan: string,
  isAgreed: boolean | undefined,
): Promise<void> {
  if (isAgreed === true) return;
  const { terminal } = session;
  const what = `${plan === "" ? "" : `${plan}. `}${DESTRUCTIVE[method]}`;
  if (!terminal.isInteractive) {
    const text = `${what} Nobody can be asked here: with --yes it is done without asking`;
    throw failure("FAILED_PRECONDITION", "NOT_CONFIRMED", text);
  }
  const answer = await terminal.ask(`${what}\nGo on? [y/N] `, session.signal);
  if (/^(y|yes)$/i.test(answer?.trim() ?? "")) return;
  throw failure("FAILED_PRECONDITION", "NOT_CONFIRMED", "nothing was done");
}
