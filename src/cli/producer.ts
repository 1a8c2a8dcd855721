/** `alysctl producer`: what a member proposed and approved, its votes as they come, and changes of the authority set. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { NodeService } from "../../gen/alys/node/v1/node_pb.ts";
import {
  ConfirmKeyResponseSchema,
  GetProducerStatusResponseSchema,
  ProducerService,
  type ProducerStatus,
  ReleaseVotesResponseSchema,
  ScheduleAuthoritiesResponseSchema,
  SigningRefusal,
  SigningRefusalSchema,
  type SigningStatus,
  type WatchVotesResponse,
  WatchVotesResponseSchema,
} from "../../gen/alys/producer/v1/producer_pb.ts";
import { equalBytes } from "../chain/bytes.ts";
import { asError, Failure, failure } from "../kernel/errors.ts";
import { enumName, grouped, hash, shortHash, time, timeOfMs } from "./format.ts";
import { parseHex } from "./options.ts";
import { type Possession, readPossessions } from "./possessions.ts";
import type { Run, Session } from "./session.ts";
import { type FieldRow, renderFields } from "./table.ts";
import { rewatch } from "./watch.ts";

interface ScheduleOptions {
  readonly proofs?: readonly string[];
  readonly remove?: readonly Uint8Array[];
  readonly withdraw?: boolean;
}

export function addProducerCommands(program: Command, run: Run): void {
  const producer = program
    .command("producer")
    .description("production by this member, and changes of the authorities");
  producer
    .command("status")
    .description("what this member proposed, approved and refused")
    .action(() => run(showStatus));
  producer
    .command("watch")
    .description("follow every proposal and approval that this member signs or sees")
    .action(() => run(watchVotes));
  producer
    .command("schedule")
    .description("have this member propose and approve a new set of authorities: one key more or less")
    .option("--proofs <file...>", "files of proofs of possession; their keys in this order are the new set")
    .option("--remove <key...>", "leave this key of the files out", collectKey)
    .option("--withdraw", "withdraw what is scheduled")
    .addHelpText("after", SCHEDULE_HELP)
    .action((options: ScheduleOptions) => run((session) => schedule(session, options)));
  producer
    .command("confirm-key")
    .description("after this member's key was seen elsewhere: say that the other holder is stopped for good")
    .requiredOption("--reason <text>", "which one was stopped, for the audit log")
    .action(({ reason }: { reason: string }) => run((session) => confirmKey(session, reason)));
  producer
    .command("release")
    .description(
      "give up votes signed by a clock far ahead, which bar this member until their slots are past",
    )
    .requiredOption("--reason <text>", "why, for the audit log")
    .addHelpText("after", RELEASE_HELP)
    .action(({ reason }: { reason: string }) => run((session) => release(session, reason)));
}

const SCHEDULE_HELP = `
Every member's operator schedules the same set; it comes into force when a quorum did.
  alysctl keys authority --file new.key --make --chain chain.json --proof-file new-proof.json
  alysctl producer schedule --proofs proofs.json new-proof.json       # the new member joins
  alysctl producer schedule --proofs proofs.json --remove 0x8a…       # a member leaves`;

const RELEASE_HELP = `
None of the slots that are given up is ever voted in, so that no slot gets a second vote: the member signs again from the next
slot on and passes them over when their time comes. Refused while this node's clock is not believed; see producer status.`;

function collectKey(text: string, before: readonly Uint8Array[] = []): readonly Uint8Array[] {
  return [...before, parseHex(text)];
}

async function showStatus(session: Session): Promise<void> {
  const answer = await session.client(ProducerService).getProducerStatus({}, session.call);
  session.show(GetProducerStatusResponseSchema, answer, ({ status }) =>
    status === undefined ? "the node tells no status" : renderFields(producerFields(status)),
  );
}

/** The fields that `alysctl status` shows too. */
export function producerFields(status: ProducerStatus): FieldRow[] {
  if (status.authorityKey.length === 0) return [["enabled", "no: this node has no authority key"]];
  const enabled = status.isEnabled
    ? `yes, as authority ${status.authorityIndex}`
    : "no: its key is not in the set in force";
  const fields: FieldRow[] = [
    ["enabled", enabled],
    ["blocks", `${grouped(status.blocksProposed)} proposed, ${grouped(status.blocksCertified)} certified`],
    ["votes", `${grouped(status.proposalsApproved)} approved, ${grouped(status.proposalsRefused)} refused`],
    ...signingFields(status.signing),
    ["last voted slot", status.lastVotedSlot === 0n ? "-" : grouped(status.lastVotedSlot)],
  ];
  if (status.clockFault !== "") fields.push(["signs nothing", status.clockFault]);
  if (status.barredToSlot !== 0n) {
    const until = timeOfMs(status.barredUntilMs);
    fields.push(["barred", `by its vote record, up to slot ${grouped(status.barredToSlot)}, until ${until}`]);
  }
  if (status.lastRefusal !== "") fields.push(["last refusal", status.lastRefusal]);
  if (status.scheduledAuthorities.length > 0) {
    fields.push(["scheduled set", status.scheduledAuthorities.map((key) => hash(key))]);
  }
  return fields;
}

function signingFields(signing: SigningStatus | undefined): FieldRow[] {
  if (signing === undefined) return [];
  return [["signs", signingText(signing)]];
}

function signingText({ refusal, detail }: SigningStatus): string {
  return refusal === SigningRefusal.UNSPECIFIED
    ? "yes"
    : `no, ${enumName(SigningRefusalSchema, refusal)}: ${detail}`;
}

async function confirmKey(session: Session, reason: string): Promise<void> {
  const answer = await session.client(ProducerService).confirmKey({ reason }, session.call);
  session.show(ConfirmKeyResponseSchema, answer, ({ signing }) => renderFields(signingFields(signing)));
}

async function watchVotes(session: Session): Promise<void> {
  const client = session.client(ProducerService);
  for await (const response of rewatch(session, (resumeToken) =>
    client.watchVotes({ resumeToken }, session.call),
  )) {
    session.showEvent(WatchVotesResponseSchema, response, voteEvent(response));
  }
}

function voteEvent({ event, position }: WatchVotesResponse): string | undefined {
  switch (event.case) {
    case "snapshot":
      return renderFields(producerFields(event.value));
    case "vote": {
      const { slot, block, authorityIndex, isProposal } = event.value;
      const what = isProposal ? "proposal" : "approval";
      const which = `block ${grouped(block?.height ?? 0n)}  ${shortHash(block?.hash)}`;
      return `${time(position?.time)}  slot ${slot}  ${what} of authority ${authorityIndex}  ${which}`;
    }
    case "signing":
      return `${time(position?.time)}  signs: ${signingText(event.value)}`;
    case "skipped":
      return `${event.value.count} votes were skipped`;
    default:
      return undefined;
  }
}

async function schedule(session: Session, options: ScheduleOptions): Promise<void> {
  const set = options.withdraw === true ? [] : await newSet(session, options);
  const request = { keys: set.map(({ key }) => key), proofs: set.map(({ proof }) => proof) };
  const answer = await session.client(ProducerService).scheduleAuthorities(request, session.call);
  session.show(ScheduleAuthoritiesResponseSchema, answer, ({ lowestHeight }) =>
    set.length === 0
      ? "nothing is scheduled any more"
      : `a set of ${set.length} authorities is scheduled, for block ${grouped(lowestHeight)} at the earliest`,
  );
}

async function release(session: Session, reason: string): Promise<void> {
  const answer = await session.client(ProducerService).releaseVotes({ reason }, session.call);
  session.show(ReleaseVotesResponseSchema, answer, ({ votedToSlot, givenUpFirstSlot, givenUpLastSlot }) => {
    const givenUp = `slots ${grouped(givenUpFirstSlot)} to ${grouped(givenUpLastSlot)} are given up`;
    return `${givenUp}; this member votes again from slot ${grouped(votedToSlot + 1n)}`;
  });
}

/** Keys and proofs of the files in their order, without those that are to be removed. Throws Failure. */
async function newSet(
  session: Session,
  { proofs = [], remove = [] }: ScheduleOptions,
): Promise<Possession[]> {
  if (proofs.length === 0) throw wrong("--proofs or --withdraw is needed", "proofs");
  const { genesisHash } = await session.client(NodeService).getInfo({}, session.call);
  const all: Possession[] = [];
  for (const file of proofs) {
    const read = readPossessions(readText(file), genesisHash);
    if (read instanceof Failure) throw wrong(`${file}: ${read.message}`, read.detail.field ?? "proofs");
    all.push(...read);
  }
  const unknown = remove.find((key) => !all.some((one) => equalBytes(one.key, key)));
  if (unknown !== undefined) throw wrong(`${hash(unknown)} is in none of the files`, "remove");
  return all.filter(({ key }) => !remove.some((one) => equalBytes(one, key)));
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw failure("NOT_FOUND", "FILE_UNREADABLE", asError(thrown).message);
  }
}

function wrong(message: string, field: string): Failure {
  return failure("INVALID_ARGUMENT", "BAD_FIELD", message, { field });
}
