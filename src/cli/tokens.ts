/** `alysctl tokens`: make, list and revoke tokens of the control plane; narrow one without asking the node. */
import { readFileSync, statSync } from "node:fs";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Command, InvalidArgumentError, Option } from "commander";
import { Scope } from "../../gen/alys/actor/v1/options_pb.ts";
import {
  CreateTokenResponseSchema,
  ListTokensResponseSchema,
  NodeService,
  RevokeTokenResponseSchema,
  type TokenInfo,
} from "../../gen/alys/node/v1/node_pb.ts";
import { readOwn } from "../control/auth/own-file.ts";
import {
  attenuateToken,
  type Caveat,
  type GrantedScope,
  isMethodPattern,
  PRINCIPAL,
} from "../control/auth/token.ts";
import { failure } from "../kernel/errors.ts";
import { localTokenFile } from "./local-node.ts";
import { parseDuration } from "./options.ts";
import { type Agreement, agree, yesOption } from "./reference/destructive.ts";
import type { Run, Session } from "./session.ts";
import { renderFields } from "./table.ts";

interface Narrowing {
  readonly principal?: string;
  readonly scope?: GrantedScope;
  readonly method?: readonly string[];
  readonly lifetime?: number;
}

const SCOPES = { read: Scope.READ, operate: Scope.OPERATE, admin: Scope.ADMIN } as const;
const PAGE_SIZE = 1_000;

export function addTokensCommands(program: Command, run: Run): void {
  const tokens = program.command("tokens").description("tokens for callers of the control plane");
  const narrowed = (name: string, description: string): Command =>
    tokens
      .command(name)
      .description(description)
      .option(
        "--method <name...>",
        "only this method: package.Service/Method or package.Service/*",
        collectMethod,
      )
      .option(
        "--lifetime <duration>",
        "valid for this long: 12h, 90d (default: until revoked)",
        parseDuration,
      );
  const scope = (): Option => new Option("--scope <scope>", "what it may").choices(Object.keys(SCOPES));

  narrowed("create <principal>", "make a token; it is printed once and kept nowhere")
    .addOption(scope().makeOptionMandatory())
    .action((principal: string, options: Narrowing) => run((session) => create(session, principal, options)));
  narrowed("attenuate <file>", "print a narrower token of the one in FILE; needs no node")
    .addOption(scope())
    .option("--principal <name>", "name below the token's own, for instance ci/nightly", parsePrincipal)
    .action((file: string, options: Narrowing) =>
      run((session) => Promise.resolve(attenuate(session, file, options))),
    );
  tokens
    .command("list")
    .description("list the tokens that were made")
    .action(() => run(list));
  tokens
    .command("revoke <id>")
    .description("revoke a token and all that were derived from it; ends their streams")
    .addOption(yesOption())
    .action((id: string, { yes }: Agreement) =>
      run(async (session) => {
        await agree(session, "NodeService/RevokeToken", `token ${id}`, yes);
        await revoke(session, id);
      }),
    );
  tokens
    .command("rotate-local")
    .description(
      "revoke the token that lies in the data directory for its owner; the node makes a new one there",
    )
    .action(() => run(rotateLocal));
}

/** Revokes the token that lies in the data directory for its owner's programs: the node puts a new one in its place. */
async function rotateLocal(session: Session): Promise<void> {
  const { folder } = session.way;
  if (folder === undefined) {
    const text = "no data directory is known whose token it could be; name it: --node FOLDER";
    throw failure("INVALID_ARGUMENT", "NODE_NOT_NAMED", text, { field: "node" });
  }
  const file = localTokenFile(folder);
  const id = readOwn(file, statSync(folder).uid)?.split(".")[1];
  if (id === undefined) {
    const text = `${file} is not there, or others can read it; the node makes a new one at its next start`;
    throw failure("NOT_FOUND", "TOKEN_UNKNOWN", text);
  }
  await session.client(NodeService).revokeToken({ id }, session.call);
  session.say(`revoked ${id}; a new token is in ${file}`);
}

function collectMethod(text: string, before: readonly string[] = []): readonly string[] {
  if (!isMethodPattern(text))
    throw new InvalidArgumentError("Not package.Service/Method or package.Service/*.");
  return [...before, text];
}

function parsePrincipal(text: string): string {
  if (PRINCIPAL.test(text)) return text;
  throw new InvalidArgumentError(
    "Not lower-case letters, digits, '.', '_' and '-', in at most four parts with '/'.",
  );
}

async function create(session: Session, principal: string, options: Narrowing): Promise<void> {
  const { scope = "read", method = [], lifetime = 0 } = options;
  const request = { principal, scope: SCOPES[scope], methods: [...method], lifetimeMs: BigInt(lifetime) };
  const answer = await session.client(NodeService).createToken(request, session.call);
  // The token alone, so that it can be sent into a file.
  session.show(CreateTokenResponseSchema, answer, ({ token }) => token);
}

function attenuate(session: Session, file: string, options: Narrowing): void {
  const { principal, scope, method, lifetime } = options;
  const caveats: Caveat[] = [];
  if (principal !== undefined) caveats.push({ kind: "principal", name: principal });
  if (scope !== undefined) caveats.push({ kind: "scope", scope });
  if (method !== undefined) caveats.push({ kind: "methods", methods: method });
  if (lifetime !== undefined) {
    caveats.push({ kind: "expires", atMs: session.terminal.clock.nowMs() + lifetime });
  }
  const token = attenuateToken(readFileSync(file, "utf8").trim(), caveats);
  if (token === undefined) throw failure("INVALID_ARGUMENT", "TOKEN_INVALID", `${file} holds no token`);
  session.terminal.out(session.isJson ? JSON.stringify({ token }) : token);
}

async function list(session: Session): Promise<void> {
  const client = session.client(NodeService);
  const all: TokenInfo[] = [];
  let pageToken = "";
  do {
    const page = await client.listTokens({ pageSize: PAGE_SIZE, pageToken }, session.call);
    all.push(...page.tokens);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  const whole = { $typeName: ListTokensResponseSchema.typeName, tokens: all, nextPageToken: "" } as const;
  session.show(ListTokensResponseSchema, whole, () =>
    all.length === 0 ? "no tokens" : renderFields(all.map((info) => [info.id, describe(info)])),
  );
}

async function revoke(session: Session, id: string): Promise<void> {
  const answer = await session.client(NodeService).revokeToken({ id }, session.call);
  session.show(RevokeTokenResponseSchema, answer, () => `revoked ${id}`);
}

function describe({ principal, scope, methods, expires, revoked }: TokenInfo): string {
  const date = (at: Parameters<typeof timestampMs>[0]): string => new Date(timestampMs(at)).toISOString();
  return [
    principal,
    Object.entries(SCOPES).find(([, value]) => value === scope)?.[0] ?? "",
    ...(methods.length > 0 ? [methods.join(" ")] : []),
    expires === undefined ? "until revoked" : `until ${date(expires)}`,
    ...(revoked === undefined ? [] : [`REVOKED ${date(revoked)}`]),
  ].join("  ");
}
