/**
 * `alysctl call`: any method of any service by its name, with protobuf's JSON in and out, and the help of any method from
 * the comments of the .proto files.
 */
import {
  type DescMethod,
  type DescMethodBiDiStreaming,
  fromJson,
  type JsonValue,
  toJson,
} from "@bufbuild/protobuf";
import { type Command, Help, Option } from "commander";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { asError, Failure, failure } from "../kernel/errors.ts";
import { policyOf } from "../kernel/policy.ts";
import type { ClientCallOptions } from "./client.ts";
import { parseRequestId } from "./options.ts";
import { answersText } from "./reference/descriptions.ts";
import { agree, isDestructive, yesOption } from "./reference/destructive.ts";
import { methodHelp } from "./reference/method-help.ts";
import { protoFolder, readComments } from "./reference/proto-comments.ts";
import { findMethod, nameOf, SERVICES } from "./reference/services.ts";
import type { Run, Session } from "./session.ts";
import { renderTable } from "./table.ts";

/** While the node does not keep up with what we send both ways, as long as a full buffer takes to drain. */
const SEND_PAUSE_MS = 20;

interface CallOptions {
  readonly list?: boolean;
  readonly requestId?: string;
  readonly yes?: boolean;
}

const MORE_HELP = `
Help of a method, with its fields: alysctl call --help SERVICE/METHOD
A method that goes both ways (Attach) takes one request a line with -.
`;

export function addCallCommand(program: Command, run: Run): void {
  program
    .command("call")
    .description("call any method: call SyncService/GetBlock '{\"height\": 7}'")
    .argument("[method]", "SERVICE/METHOD, the service with or without its package")
    .argument("[request]", "protobuf's JSON (bytes in base64), or - to read it from standard input", "{}")
    .option("--list", "list all methods")
    .addOption(
      new Option(
        "--request-id <id>",
        "name a call that changes state: repeated with the same id and request, it is carried out once",
      ).argParser(parseRequestId),
    )
    .addOption(yesOption())
    .configureHelp({ formatHelp: helpOf })
    .action((method: string | undefined, request: string, { list, requestId, yes }: CallOptions) =>
      run(async (session) => {
        if (list === true || method === undefined) return listMethods(session);
        await agreeToMethod(session, method, yes);
        if (requestId === undefined) return callMethod(session, method, request, session.call);
        return callNamed(session, method, request, requestId);
      }),
    );
}

/** What the method's own command asks is asked here too. */
async function agreeToMethod(session: Session, name: string, yes: boolean | undefined): Promise<void> {
  const method = findMethod(name);
  if (method instanceof Failure) throw method;
  const short = `${method.parent.name}/${method.name}`;
  if (isDestructive(short)) await agree(session, short, "", yes);
}

/** The help of the method that was named before or after --help; that of the command without one. */
function helpOf(command: Command, helper: Help): string {
  const name = command.args.find((argument) => argument.includes("/") && !argument.startsWith("-"));
  const method = name === undefined ? undefined : findMethod(name);
  if (method === undefined) return Help.prototype.formatHelp.call(helper, command, helper) + MORE_HELP;
  if (method instanceof Failure) return `${method.message}\n`;
  const folder = protoFolder();
  const comments = folder === undefined ? new Map<string, string>() : readComments(folder);
  return methodHelp(method, comments, helper.helpWidth ?? 0);
}

function listMethods(session: Session): void {
  const all = SERVICES.flatMap(({ methods }) => methods);
  if (session.isJson) {
    session.terminal.out(JSON.stringify(all.map(nameOf), undefined, 2));
    return;
  }
  const rows = all.map((method) => [
    nameOf(method),
    method.parent === Health
      ? method.methodKind === "unary"
        ? "one answer"
        : "a stream"
      : answersText(method),
    method.parent === Health ? "public" : policyOf(method).scope,
  ]);
  session.terminal.out(renderTable(["METHOD", "ANSWERS", "SCOPE"], rows));
}

/** The same with a name: a failure tells it, for whoever does not know whether the call was carried out. */
async function callNamed(session: Session, name: string, request: string, requestId: string): Promise<void> {
  const method = findMethod(name);
  if (method instanceof Failure) throw method;
  if (!takesRequestId(method)) {
    session.terminal.err(
      `the node takes no request id for ${method.name}: it is carried out as often as called`,
    );
  }
  const onReplayed = (): void => {
    session.terminal.err(`answered before: the call ${requestId} was carried out once`);
  };
  try {
    await callMethod(session, name, request, { ...session.call, requestId, onReplayed });
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    const { code, reason, message, detail } = thrown;
    const metadata = { ...detail.metadata, request_id: requestId };
    throw failure(code, reason, message, { ...detail, metadata });
  }
}

/** As the control plane has it: one answer, and state that the call may change. */
function takesRequestId(method: DescMethod): boolean {
  if (method.methodKind !== "unary" || method.parent === Health) return false;
  const { scope } = policyOf(method);
  return scope === "operate" || scope === "admin";
}

async function callMethod(
  session: Session,
  name: string,
  request: string,
  options: ClientCallOptions,
): Promise<void> {
  const method = findMethod(name);
  if (method instanceof Failure) throw method;
  if (goesBothWays(method)) return callBothWays(session, method, request, options);
  const message = parseRequest(method, request === "-" ? await session.terminal.read() : request);
  const print = (answer: object, indent: number | undefined): void => {
    session.terminal.out(answerJson(method, answer, indent));
  };
  if (method.methodKind === "unary") {
    print(await session.connection.unary(method, message, options), 2);
    return;
  }
  for await (const answer of session.connection.stream(method, message, options)) print(answer, undefined);
}

function goesBothWays(method: DescMethod): method is DescMethod & DescMethodBiDiStreaming {
  return method.methodKind === "bidi_streaming";
}

/** Sends each line of the input as it comes and prints answers as they come; the end of the input closes our side. */
async function callBothWays(
  session: Session,
  method: DescMethod & DescMethodBiDiStreaming,
  request: string,
  options: ClientCallOptions,
): Promise<void> {
  const ending = new AbortController();
  const signal = AbortSignal.any([session.signal, ending.signal]);
  const duplex = session.connection.duplex(method, { ...options, signal });
  const sendAll = async (): Promise<void> => {
    for await (const line of request === "-" ? session.terminal.lines(signal) : [request]) {
      if (line.trim() === "") continue;
      if (!duplex.send(parseRequest(method, line) as never)) await session.pause(SEND_PAUSE_MS);
    }
    // A line that was cut off by the end of the call is nobody's request.
    if (!signal.aborted) duplex.halfClose();
  };
  let ownFault: unknown;
  const sending = sendAll().catch((thrown: unknown) => {
    ownFault = thrown;
    ending.abort();
  });
  try {
    for await (const answer of duplex.responses)
      session.terminal.out(answerJson(method, answer as object, undefined));
  } catch (thrown) {
    // What went wrong on our side is told before what became of the call because of it.
    throw ownFault ?? thrown;
  } finally {
    ending.abort();
    await sending;
  }
}

function answerJson(method: DescMethod, answer: object, indent: number | undefined): string {
  return JSON.stringify(
    toJson(method.output, answer as never, { alwaysEmitImplicit: true }),
    undefined,
    indent,
  );
}

function parseRequest(method: DescMethod, text: string): object {
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch (thrown) {
    throw failure("INVALID_ARGUMENT", "NOT_JSON", `the request is not JSON: ${asError(thrown).message}`);
  }
  try {
    return fromJson(method.input, json);
  } catch (thrown) {
    const text = `the request is no ${method.input.typeName}: ${asError(thrown).message}`;
    throw failure("INVALID_ARGUMENT", "BAD_REQUEST", text);
  }
}
