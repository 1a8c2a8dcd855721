/** `alysctl supervisor`: the tree of actors, restarts and dead letters. */
import { type Command, Option } from "commander";
import {
  type AttachmentStatus,
  ChildStateSchema,
  type ChildStatus,
  GetTreeResponseSchema,
  ListDeadLettersResponseSchema,
  RestartActorResponseSchema,
  SupervisorService,
  type WatchSupervisionResponse,
  WatchSupervisionResponseSchema,
} from "../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { enumName, grouped, hash, shortHash, size, time } from "./format.ts";
import { parseWhole } from "./options.ts";
import type { Run, Session } from "./session.ts";
import { printable, renderTable } from "./table.ts";
import { rewatch } from "./watch.ts";

/** Dead letters that one call asks for; a larger --count is refused. */
const DEAD_LETTERS_MAX = 1_000;

export function addSupervisorCommands(program: Command, run: Run): void {
  const supervisor = program.command("supervisor").description("the tree of actors");
  supervisor
    .command("tree")
    .description("every actor with its state and restarts, and which processes are attached")
    .action(() => run(showTree));
  supervisor
    .command("restart")
    .description("restart an actor and those that stand on it")
    .argument("<id>", "its id in the tree")
    .argument("[reason]", "for the log", "")
    .action((id: string, reason: string) => run((session) => restart(session, id, reason)));
  supervisor
    .command("stop")
    .description("stop an actor and those that stand on it, until restart")
    .argument("<id>", "its id in the tree")
    .argument("[reason]", "for the log", "")
    .action((id: string, reason: string) =>
      run(async (session) => {
        await session.client(SupervisorService).stopActor({ id, reason }, session.call);
        session.say(`${id} is stopped`);
      }),
    );
  supervisor
    .command("dead-letters")
    .description("the newest messages that found no actor")
    .addOption(
      new Option("--count <number>", "how many").default(100).argParser(parseWhole(1, DEAD_LETTERS_MAX)),
    )
    .action(({ count }: { count: number }) => run((session) => deadLetters(session, count)));
  supervisor
    .command("watch")
    .description("follow starts, crashes, restarts and stops")
    .action(() => run(watchTree));
}

async function showTree(session: Session): Promise<void> {
  const answer = await session.client(SupervisorService).getTree({}, session.call);
  session.show(GetTreeResponseSchema, answer, ({ root }) =>
    root === undefined ? "the node tells no tree" : renderTree(root),
  );
}

/** The tree as a table, children drawn below their supervisors, and which processes do the work of some of them. */
export function renderTree(root: ChildStatus): string {
  const rows: string[][] = [];
  const places: Place[] = [];
  const visit = (child: ChildStatus, indent: string, branch: string, below: string): void => {
    const kind = child.strategy === "" ? "" : ` (${child.strategy})`;
    const { id, attachment } = child;
    if (attachment !== undefined) places.push({ id, attachment });
    rows.push([
      `${indent}${branch}${child.id}${kind}`,
      enumName(ChildStateSchema, child.state),
      grouped(child.restarts),
      time(child.started),
      grouped(child.mailboxMessages),
      size(child.mailboxBytes),
      child.lastFailure === "" ? "-" : child.lastFailure,
    ]);
    child.children.forEach((one, index) => {
      const isLast = index === child.children.length - 1;
      visit(one, indent + below, isLast ? "└─ " : "├─ ", isLast ? "   " : "│  ");
    });
  };
  visit(root, "", "", "");
  const headings = ["ACTOR", "STATE", "RESTARTS", "STARTED", "QUEUED", "BYTES", "LAST FAILURE"];
  return [renderTable(headings, rows), ...attachedLines(places)].join("\n");
}

/** A child whose work another process can do. */
interface Place {
  readonly id: string;
  readonly attachment: AttachmentStatus;
}

/** Below the tree; nothing of a node that does not tell. */
function attachedLines(places: readonly Place[]): string[] {
  if (places.length === 0) return [];
  const attached = places.filter(({ attachment }) => attachment.isAttached);
  if (attached.length === 0) return ["", `no process is attached (${places.map(({ id }) => id).join(", ")})`];
  const rows = attached.map(({ id, attachment }) => [
    id,
    stateOf(attachment),
    attachment.head === undefined
      ? "-"
      : `${grouped(attachment.head.height)}  ${shortHash(attachment.head.hash)}`,
    time(attachment.since),
    attachment.instanceId,
  ]);
  const contradictions = attached.flatMap(({ id, attachment: { contradiction } }) => {
    if (contradiction === undefined) return [];
    const { of, height, theirHash, ourHash } = contradiction;
    const what = `${of} at height ${grouped(height)} is ${hash(theirHash)}, our block there is ${hash(ourHash)}`;
    return [printable(`${id} is on another chain: its ${what}`)];
  });
  return ["", renderTable(["ATTACHED", "STATE", "HEAD", "SINCE", "INSTANCE"], rows), ...contradictions];
}

function stateOf({ contradiction, isPulled, callsWaiting }: AttachmentStatus): string {
  if (contradiction !== undefined) return "diverged";
  const way = isPulled ? "pulls" : "streams";
  return callsWaiting === 0 ? way : `${way}, ${grouped(callsWaiting)} calls wait`;
}

async function restart(session: Session, id: string, reason: string): Promise<void> {
  const answer = await session.client(SupervisorService).restartActor({ id, reason }, session.call);
  session.show(RestartActorResponseSchema, answer, ({ epoch }) => `${id} is restarted, epoch ${epoch}`);
}

async function deadLetters(session: Session, pageSize: number): Promise<void> {
  const answer = await session.client(SupervisorService).listDeadLetters({ pageSize }, session.call);
  session.show(ListDeadLettersResponseSchema, answer, (shown) => {
    const rows = shown.deadLetters.map((one) => [
      time(one.time),
      one.actor,
      one.method,
      one.reason,
      one.correlationId,
    ]);
    const table = renderTable(["TIME", "ACTOR", "METHOD", "REASON", "CORRELATION"], rows);
    return `${table}\n${grouped(shown.total)} since the start`;
  });
}

async function watchTree(session: Session): Promise<void> {
  const client = session.client(SupervisorService);
  for await (const response of rewatch(session, (resumeToken) =>
    client.watchSupervision({ resumeToken }, session.call),
  )) {
    session.showEvent(WatchSupervisionResponseSchema, response, supervisionEvent(response));
  }
}

function supervisionEvent({ event, position }: WatchSupervisionResponse): string | undefined {
  switch (event.case) {
    case "snapshot":
      return renderTree(event.value);
    case "change": {
      const { id, state, reason } = event.value;
      const why = reason === "" ? "" : `  ${reason}`;
      return `${time(position?.time)}  ${id}  ${enumName(ChildStateSchema, state)}${why}`;
    }
    case "skipped":
      return `${event.value.count} changes were skipped`;
    default:
      return undefined;
  }
}
