/** `alysctl node config`: what is in force and where it comes from, and changes of it while the node runs. */
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { NodeConfigSchema } from "../../gen/alys/config/v1/config_pb.ts";
import {
  ConfigEffectSchema,
  ConfigOriginSchema,
  type ConfigSetting,
  GetConfigResponseSchema,
  NodeService,
  type UpdateConfigResponse,
  UpdateConfigResponseSchema,
} from "../../gen/alys/node/v1/node_pb.ts";
import { setAt } from "../config/layers.ts";
import { RULES } from "../config/table.ts";
import { failure } from "../kernel/errors.ts";
import { enumName } from "./format.ts";
import { jsonOf, type Run, type Session } from "./session.ts";
import { CUT, fitRows, renderTable } from "./table.ts";

/** As wide as a terminal surely is. */
const TABLE_COLUMNS = 100;
/** Lines that a value may take: enough for a path beside the longest name. */
const VALUE_LINES = 4;

interface ChangeOptions {
  readonly dryRun?: true;
}

export function addConfigCommands(node: Command, run: Run): void {
  const config = node
    .command("config")
    .description("the configuration in force, as JSON; changes of it")
    .action(() =>
      run(async (session) => {
        const answer = await session.client(NodeService).getConfig({}, session.call);
        session.terminal.out(jsonOf(GetConfigResponseSchema, answer, 2));
      }),
    );
  config
    .command("get")
    .description("settings with where they come from and when a change takes effect")
    .argument("[prefix]", "only this setting or section: sync, sync.batch_blocks", "")
    .option("--json", "all of them with their whole values, as with -o json; the table cuts long ones")
    .action((prefix: string, { json }: { json?: true }) =>
      run((session) => show(session, prefix, json === true)),
    );
  const changing = (name: string, description: string): Command =>
    config
      .command(name)
      .description(description)
      .option("--dry-run", "only check, and say what would happen");
  changing("set", "change settings, now or at the next start, and keep them over restarts")
    .argument("<setting=value...>", "for instance sync.batch_blocks=256; lists with commas")
    .action((pairs: string[], options: ChangeOptions) => run((session) => set(session, pairs, options)));
  changing("reset", "return settings to what file, environment or default say")
    .argument("<setting...>", "settings or sections")
    .action((paths: string[], { dryRun }: ChangeOptions) =>
      run(async (session) => {
        const request = { resetMask: { paths }, validateOnly: dryRun === true };
        told(session, await session.client(NodeService).updateConfig(request, session.call), request);
      }),
    );
}

async function show(session: Session, prefix: string, isJson: boolean): Promise<void> {
  const answer = await session.client(NodeService).getConfig({}, session.call);
  const settings = answer.settings.filter(
    ({ key }) => prefix === "" || key === prefix || key.startsWith(`${prefix}.`),
  );
  if (settings.length === 0) throw failure("NOT_FOUND", "SETTING_UNKNOWN", `there is no setting ${prefix}`);
  const shown = { ...answer, settings };
  if (isJson) return session.terminal.out(jsonOf(GetConfigResponseSchema, shown, 2));
  return session.show(GetConfigResponseSchema, shown, () => settingsTable(settings));
}

/** At most TABLE_COLUMNS wide: long values take a few lines, and longer ones are cut. */
export function settingsTable(settings: readonly ConfigSetting[]): string {
  const awaitRestart = settings.some((one) => one.awaitsRestart);
  const headings = ["SETTING", "VALUE", "FROM", "CHANGES", ...(awaitRestart ? ["NEXT START"] : [])];
  const fit = { columnsMax: TABLE_COLUMNS, linesMax: VALUE_LINES, flexible: [1, 4] };
  const { rows, isCut } = fitRows(headings, settings.map(rowOf), fit);
  const table = renderTable(headings, rows);
  return isCut ? `${table}\n${CUT} marks values that are cut; --json has them whole` : table;
}

function rowOf({ key, value, origin, effect, nextValue, awaitsRestart }: ConfigSetting): string[] {
  const after = awaitsRestart ? (nextValue ?? "") : "";
  return [key, value, enumName(ConfigOriginSchema, origin), enumName(ConfigEffectSchema, effect), after];
}

async function set(session: Session, pairs: readonly string[], { dryRun }: ChangeOptions): Promise<void> {
  const table: Record<string, unknown> = {};
  const paths: string[] = [];
  for (const pair of pairs) {
    const [key, value] = parsePair(pair);
    setAt(table, key, value);
    paths.push(key);
  }
  const config = fromJson(NodeConfigSchema, table as JsonValue);
  const request = { config, updateMask: { paths }, validateOnly: dryRun === true };
  told(session, await session.client(NodeService).updateConfig(request, session.call), request);
}

/** "sync.batch_blocks=256" as key and JSON value. Throws a Failure; whether the value is allowed is the node's to say. */
function parsePair(pair: string): [key: string, value: unknown] {
  const at = pair.indexOf("=");
  const [key, text] = [pair.slice(0, at), pair.slice(at + 1)];
  const rule = at < 0 ? undefined : RULES[key];
  if (rule === undefined) {
    throw failure("INVALID_ARGUMENT", "SETTING_UNKNOWN", `"${pair}" is not SETTING=VALUE of a setting`);
  }
  switch (rule.kind) {
    case "number": {
      const value = text.trim() === "" ? Number.NaN : Number(text);
      if (Number.isFinite(value) && value >= 0 && (rule.max <= 1 || Number.isSafeInteger(value))) {
        return [key, value];
      }
      throw badValue(key, `"${text}" is not such a number`);
    }
    case "boolean":
      if (text === "true" || text === "false") return [key, text === "true"];
      throw badValue(key, `"${text}" is neither true nor false`);
    case "list":
      return [key, text === "" ? [] : text.split(",")];
    default:
      return [key, text];
  }
}

const badValue = (key: string, text: string) =>
  failure("INVALID_ARGUMENT", "SETTING_VALUE", `${key}: ${text}`, { field: key });

function told(
  session: Session,
  answer: UpdateConfigResponse,
  { validateOnly }: { readonly validateOnly: boolean },
): void {
  session.show(UpdateConfigResponseSchema, answer, ({ applied, needsRestart }) => {
    const lines = [
      ...(applied?.paths ?? []).map((key) => `${key}: ${validateOnly ? "would hold" : "holds"} at once`),
      ...(needsRestart?.paths ?? []).map(
        (key) => `${key}: ${validateOnly ? "would need" : "needs"} a restart`,
      ),
    ];
    return lines.length === 0 ? "nothing changes" : lines.join("\n");
  });
}
