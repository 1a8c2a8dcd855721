/** `alysctl node`: the node itself, its log level and its end. */
import { type Command, Option } from "commander";
import {
  type GetInfoResponse,
  GetInfoResponseSchema,
  NodeService,
  NodeStateSchema,
  SetLogLevelResponseSchema,
} from "../../gen/alys/node/v1/node_pb.ts";
import { addConfigCommands } from "./config.ts";
import { enumName, hash, time } from "./format.ts";
import { parseDuration } from "./options.ts";
import { addProfileCommands } from "./profiles.ts";
import { type Agreement, agree, yesOption } from "./reference/destructive.ts";
import type { Run, Session } from "./session.ts";
import { type FieldRow, renderFields } from "./table.ts";

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];

export function addNodeCommands(program: Command, run: Run): void {
  const node = program.command("node").description("the node itself");
  node
    .command("info")
    .description("versions, identity and chain")
    .action(() => run(showInfo));
  node
    .command("id")
    .description("peer id of a node that need not run; needs its configuration")
    .requiredOption("--config <path>", "configuration file of the node")
    .action(({ config }: { config: string }) =>
      run(async (session) => {
        const { showPeerId } = await import("./node-id.ts");
        await showPeerId(session, config);
      }),
    );
  addConfigCommands(node, run);
  addProfileCommands(node, run);
  node
    .command("log-level")
    .description("change the log level while the node runs")
    .argument("<level>", LEVELS.join(", "))
    .option("--actor <name>", "of one actor; default: all", "")
    .addOption(new Option("--for <duration>", "return to the old level after this").argParser(parseDuration))
    .action((level: string, options: { actor: string; for?: number }) =>
      run((session) => setLevel(session, level, options.actor, options.for ?? 0)),
    );
  node
    .command("drain")
    .description("end streams and refuse new work, so that the node can be stopped without harm")
    .addOption(yesOption())
    .action(({ yes }: Agreement) =>
      run(async (session) => {
        await agree(session, "NodeService/Drain", "", yes);
        await session.client(NodeService).drain({}, session.call);
        session.say("the node is draining");
      }),
    );
  node
    .command("shutdown")
    .description("stop the node in order")
    .argument("[reason]", "for the log", "asked by alysctl")
    .addOption(yesOption())
    .action((reason: string, { yes }: Agreement) =>
      run(async (session) => {
        await agree(session, "NodeService/Shutdown", "", yes);
        await session.client(NodeService).shutdown({ reason }, session.call);
        session.say("the node is stopping");
      }),
    );
}

async function showInfo(session: Session): Promise<void> {
  const answer = await session.client(NodeService).getInfo({}, session.call);
  session.show(GetInfoResponseSchema, answer, (info) =>
    renderFields([...nodeFields(info), ["services", info.services]]),
  );
}

/** The fields that `alysctl status` shows too. */
export function nodeFields(info: GetInfoResponse): FieldRow[] {
  const fields: FieldRow[] = [
    ["version", `alysd ${info.version}, Node.js ${info.runtimeVersion}, process ${info.processId}`],
    ["state", enumName(NodeStateSchema, info.state)],
    ["started", time(info.started)],
    ["chain", hash(info.genesisHash)],
  ];
  for (const { use, expires } of info.certificates)
    fields.push([`${use}'s certificate`, `ends ${time(expires)}`]);
  return info.authorityKey.length === 0 ? fields : [...fields, ["authority key", hash(info.authorityKey)]];
}

async function setLevel(session: Session, level: string, actor: string, lifetimeMs: number): Promise<void> {
  const request = { actor, level, lifetimeMs: BigInt(lifetimeMs) };
  const answer = await session.client(NodeService).setLogLevel(request, session.call);
  session.show(SetLogLevelResponseSchema, answer, (shown) => `${level}, before ${shown.previousLevel}`);
}
