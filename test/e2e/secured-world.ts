/** A control plane that asks for tokens or certificates, and what a test needs to call it as anybody. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type ConnectOptions, connect } from "../../src/cli/client.ts";
import { runAlysctl } from "../../src/cli/program.ts";
import { openTokenStore, type TokenStore } from "../../src/control/auth/token-store.ts";
import type { TlsOptions } from "../../src/control/server.ts";
import type { Failure } from "../../src/kernel/errors.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { folder, type World, type WorldOptions, world } from "./control-world.ts";

export interface Secured extends World {
  readonly tokens: TokenStore;
  readonly directory: string;
  /** A client at the address, closed with the test. */
  client(options?: ConnectOptions, address?: string): ReturnType<typeof connect>;
}

export async function secured(t: TestContext, options: WorldOptions = {}): Promise<Secured> {
  const directory = folder(t);
  const tokens = openTokenStore({ directory, clock: realClock, random: realRandom, isNeeded: true });
  const all = await world(t, { tokens, requireTokens: true, ...options });
  const client = (connectOptions: ConnectOptions = {}, address = all.control.address ?? "") => {
    const connection = connect(address, connectOptions);
    t.after(() => connection.close());
    return connection;
  };
  return { ...all, tokens, directory, client };
}

export function fails(code: string, reason: string, metadata: Record<string, string> = {}) {
  return (thrown: Failure): boolean => {
    assert.deepEqual([thrown.code, thrown.reason], [code, reason], thrown.message);
    for (const [key, value] of Object.entries(metadata)) {
      assert.equal(thrown.detail.metadata?.[key], value);
    }
    return true;
  };
}

export const makeToken = async (
  tokens: TokenStore,
  scope: "read" | "operate" | "admin",
  extra: object = {},
) => tokens.create({ principal: "someone", scope, methods: [], lifetimeMs: undefined, ...extra });

export async function alysctl(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    out: (text: string) => out.push(text),
    err: (text: string) => err.push(text),
    write: (text: string) => out.push(text),
    clock: realClock,
    columns: 80,
    isInteractive: false,
  };
  const status = await runAlysctl(args, terminal as never, new AbortController().signal);
  return { status, out: out.join("\n"), err: err.join("\n") };
}

export async function tlsFiles(t: TestContext, ...more: string[]): Promise<{ dir: string; tls: TlsOptions }> {
  const dir = join(folder(t), "keys");
  const made = await alysctl("keys", "init", "--dir", dir, ...more);
  assert.equal(made.status, 0, made.err);
  const tls = {
    listenAddress: "127.0.0.1:0",
    mutualListenAddress: "127.0.0.1:0",
    certificateFile: join(dir, "server.crt"),
    keyFile: join(dir, "server.key"),
    clientCaFile: join(dir, "ca.crt"),
    trustDomain: "alys",
  };
  return { dir, tls };
}

export const credentialsOf = (dir: string, client?: string): NonNullable<ConnectOptions["tls"]> => ({
  authority: readFileSync(join(dir, "ca.crt")),
  ...(client === undefined
    ? {}
    : {
        certificate: readFileSync(join(dir, `client-${client}.crt`)),
        key: readFileSync(join(dir, `client-${client}.key`)),
      }),
});
