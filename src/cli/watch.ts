/**
 * Watching a topic for as long as the operator wants: the stream is read again when the node restarts, from
 * where it stopped, so that a restart is a note on the screen and not the end.
 */
import { Failure } from "../kernel/errors.ts";
import type { Session } from "./session.ts";

/** A node that restarts is back within a second or two. */
const REWATCH_MS = 1_000;
/** After so many vain tries in a row the node is gone, and the last failure is told. */
const TRIES_MAX = 30;

/** What every response of a Watch method has. */
export interface Positioned {
  readonly position?: { readonly resumeToken: string } | undefined;
}

/**
 * The responses of `open`, which is called with the token to resume from ("" at first). A failure before the
 * first response, or one that no retry mends, is thrown.
 */
export async function* rewatch<R extends Positioned>(
  session: Session,
  open: (resumeToken: string) => AsyncIterable<R>,
): AsyncGenerator<R, void, void> {
  let token: string | undefined;
  for (let tries = 0; ; tries++) {
    try {
      for await (const response of open(token ?? "")) {
        tries = 0;
        token = response.position?.resumeToken ?? "";
        yield response;
      }
    } catch (thrown) {
      if (!isWorthRetrying(thrown) || token === undefined || tries >= TRIES_MAX) throw thrown;
      if (thrown.code === "OUT_OF_RANGE") {
        session.terminal.err("alysctl: changes were missed meanwhile; going on from now");
        token = "";
        continue;
      }
      if (tries === 0)
        session.terminal.err(`alysctl: the stream ended (${thrown.message}); reading it again`);
    }
    await session.pause(REWATCH_MS);
  }
}

function isWorthRetrying(thrown: unknown): thrown is Failure {
  if (!(thrown instanceof Failure)) return false;
  return thrown.code === "UNAVAILABLE" || thrown.reason === "RESUME_TOKEN_EXPIRED";
}
