/**
 * `alysctl keys init`: the files that the control plane's TLS listeners need. An authority that stays, and certificates
 * of the server and its clients that are renewed with --rotate. Needs no node; a running one notices new files itself.
 */
import { X509Certificate } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { asError, Failure, failure } from "../kernel/errors.ts";
import { makeFolder } from "../kernel/ports/folder.ts";
import { realRandom } from "../kernel/ports/random.ts";
import { writeFileAtomicSync } from "../storage/files.ts";
import { type Issuer, issue, type KeyPair, readPrivateKey } from "./certificate.ts";
import type { Run, Session } from "./session.ts";
import { renderFields } from "./table.ts";

interface InitOptions {
  readonly dir: string;
  readonly host?: readonly string[];
  readonly client?: readonly string[];
  readonly trustDomain: string;
  readonly days: number;
  readonly rotate?: boolean;
}

const DAY_MS = 24 * 3_600_000;
/** Clients trust the authority by its file; making a new one means visiting all of them. */
const AUTHORITY_DAYS = 3_650;
/** Clocks of other machines are behind by as much. */
const BACKDATED_MS = 3_600_000;

const HOSTS_DEFAULT = ["localhost", "127.0.0.1", "::1"];
const CLIENTS_DEFAULT = ["admin/alysctl", "operator/alysctl", "reader/alysctl"];
const CLIENT = /^(?:admin|operator|reader|actor)\/[a-z0-9._-]{1,64}$/;
const AUTHORITY = /^(.+) control plane authority$/;
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;

export function addKeysInitCommand(keys: Command, run: Run): void {
  keys
    .command("init")
    .description("make an authority, a server's certificate and clients' certificates for the TLS listeners")
    .requiredOption("--dir <path>", "folder for the files; made with mode 0700")
    .option("--host <name...>", "DNS name or IP address of the server (default: those of loopback)")
    .option(
      "--client <kind/name...>",
      "client: admin/NAME, operator/NAME, reader/NAME, actor/chain|engine|bridge",
    )
    .option("--trust-domain <name>", "as control.tls.trust_domain of the node", parseTrustDomain, "alys")
    .option("--days <number>", "days that certificates of servers and clients are valid", parseDays, 365)
    .option("--rotate", "renew server and clients with new keys; the authority stays")
    .action((options: InitOptions) => run((session) => Promise.resolve(init(session, options))));
}

function parseTrustDomain(text: string): string {
  if (TRUST_DOMAIN.test(text)) return text;
  throw new InvalidArgumentError("Not lower-case letters, digits, '.', '_' and '-'.");
}

function parseDays(text: string): number {
  const days = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= AUTHORITY_DAYS) return days;
  throw new InvalidArgumentError(`Not a number of days from 1 to ${AUTHORITY_DAYS}.`);
}

interface Fact {
  readonly name: string;
  readonly file: string;
  readonly fingerprint: string;
  readonly expires: string;
}

function init(session: Session, options: InitOptions): void {
  try {
    const facts = options.rotate === true ? rotate(session, options) : make(session, options);
    if (session.isJson) session.terminal.out(JSON.stringify(facts, undefined, 2));
    else {
      const rows = facts.map(({ name, file, fingerprint, expires }): [string, string] => [
        name,
        `${file}  expires ${expires}  SHA-256 ${fingerprint}`,
      ]);
      session.terminal.out(renderFields(rows));
    }
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw failure("FAILED_PRECONDITION", "KEY_FILES", asError(thrown).message);
  }
}

function make(session: Session, options: InitOptions): Fact[] {
  const { dir } = options;
  const existing = ["ca.crt", "ca.key"].find((file) => existsSync(join(dir, file)));
  if (existing !== undefined) {
    const text = `${join(dir, existing)} is there already; --rotate renews the certificates and keeps the authority`;
    throw failure("ALREADY_EXISTS", "KEY_FILE_EXISTS", text);
  }
  const clients = options.client ?? CLIENTS_DEFAULT;
  checkClients(clients);
  makeFolder(dir, 0o700);
  chmodSync(dir, 0o700);
  const nowMs = session.terminal.clock.nowMs();
  const commonName = `${options.trustDomain} control plane authority`;
  const order = { commonName, use: "authority", hosts: [], ...validity(nowMs, AUTHORITY_DAYS) } as const;
  const authority = issue(order, undefined, realRandom);
  const fact = write(dir, "ca", "authority", authority);
  return [fact, ...issueLeaves(nowMs, options, issuerOf(authority), options.host ?? HOSTS_DEFAULT, clients)];
}

/** Renews what is there; names that are given replace those of before. */
function rotate(session: Session, options: InitOptions): Fact[] {
  const { dir } = options;
  const certificate = readFileSync(join(dir, "ca.crt"), "utf8");
  const issuer = issuerOf({ certificate, key: readFileSync(join(dir, "ca.key"), "utf8") });
  const clients = options.client ?? clientsOf(dir);
  checkClients(clients);
  const hosts = options.host ?? hostsOf(join(dir, "server.crt"));
  const kept = factOf(dir, "ca", "authority (kept)", certificate);
  // Clients that change their domain would be strangers to the node.
  const trustDomain = AUTHORITY.exec(issuer.commonName)?.[1] ?? options.trustDomain;
  const nowMs = session.terminal.clock.nowMs();
  return [kept, ...issueLeaves(nowMs, { ...options, trustDomain }, issuer, hosts, clients)];
}

function checkClients(clients: readonly string[]): void {
  const bad = clients.find((client) => !CLIENT.test(client));
  if (bad === undefined) return;
  const text = `--client ${bad}: a client is admin/NAME, operator/NAME, reader/NAME or actor/NAME`;
  throw failure("INVALID_ARGUMENT", "BAD_FIELD", text, { field: "client" });
}

function issueLeaves(
  nowMs: number,
  options: InitOptions,
  issuer: Issuer,
  hosts: readonly string[],
  clients: readonly string[],
): Fact[] {
  const { dir, days, trustDomain } = options;
  const dates = validity(nowMs, days);
  const server = issue({ commonName: "alysd", use: "server", hosts, ...dates }, issuer, realRandom);
  const facts = [write(dir, "server", `server ${hosts.join(" ")}`, server)];
  for (const client of clients) {
    const uri = `spiffe://${trustDomain}/${client}`;
    const pair = issue({ commonName: client, use: "client", hosts: [], uri, ...dates }, issuer, realRandom);
    facts.push(write(dir, `client-${client.replace("/", "-")}`, `client ${uri}`, pair));
  }
  return facts;
}

function validity(nowMs: number, days: number): { notBeforeMs: number; notAfterMs: number } {
  return { notBeforeMs: nowMs - BACKDATED_MS, notAfterMs: nowMs + days * DAY_MS };
}

function issuerOf({ certificate, key }: KeyPair): Issuer {
  const parsed = new X509Certificate(certificate);
  return {
    commonName: parsed.subject.replace(/^CN=/, ""),
    key: readPrivateKey(key),
    publicKey: parsed.publicKey,
  };
}

/** The key first: a certificate without its key is never seen together with an older key as a pair that fits. */
function write(dir: string, file: string, name: string, { certificate, key }: KeyPair): Fact {
  writeFileAtomicSync(join(dir, `${file}.key`), new TextEncoder().encode(key));
  writeFileAtomicSync(join(dir, `${file}.crt`), new TextEncoder().encode(certificate));
  return factOf(dir, file, name, certificate);
}

function factOf(dir: string, file: string, name: string, certificate: string): Fact {
  const { fingerprint256, validTo } = new X509Certificate(certificate);
  return {
    name,
    file: join(dir, `${file}.crt`),
    fingerprint: fingerprint256,
    expires: new Date(validTo).toISOString().slice(0, 10),
  };
}

/** Names of the server in the certificate of before. */
function hostsOf(file: string): string[] {
  const names = new X509Certificate(readFileSync(file)).subjectAltName ?? "";
  return names
    .split(", ")
    .flatMap((text) => /^(?:DNS|IP Address):(.+)$/.exec(text)?.[1] ?? [])
    .map((host) => (isIPv6(host) ? host.toLowerCase() : host));
}

/** Clients that have certificates. */
function clientsOf(dir: string): string[] {
  return readdirSync(dir)
    .filter((file) => /^client-.*\.crt$/.test(file))
    .sort()
    .flatMap((file) => {
      const names = new X509Certificate(readFileSync(join(dir, file))).subjectAltName ?? "";
      return /URI:spiffe:\/\/[^/]+\/([^,\s]+)/.exec(names)?.[1] ?? [];
    });
}
