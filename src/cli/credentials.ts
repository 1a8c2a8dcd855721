/**
 * What alysctl shows to a node that asks who it is: a token from a file, and for TLS the authority that it trusts and a
 * certificate of its own. Read when the connection is made; a token that others can read is refused.
 */
import { readFileSync, statSync } from "node:fs";
import { type Command, Option } from "commander";
import { asError, failure } from "../kernel/errors.ts";
import type { ConnectOptions } from "./client.ts";

export interface CredentialOptions {
  readonly tokenFile?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Anyone but the owner. */
const OTHERS = 0o077;

export function addCredentialOptions(program: Command): Command {
  return program
    .addOption(new Option("--token-file <path>", "file with a token of the node").env("ALYS_TOKEN_FILE"))
    .addOption(
      new Option("--ca <path>", "connect with TLS and trust this authority, PEM").env("ALYS_CA_FILE"),
    )
    .addOption(new Option("--cert <path>", "certificate to show, PEM").env("ALYS_CERT_FILE"))
    .addOption(new Option("--key <path>", "key of the certificate, PEM").env("ALYS_KEY_FILE"));
}

/** Reads the files. Throws Failure. */
export function readCredentials({ tokenFile, ca, cert, key }: CredentialOptions): ConnectOptions {
  if ((cert ?? "") !== "" && ((key ?? "") === "" || (ca ?? "") === "")) {
    throw failure("INVALID_ARGUMENT", "BAD_FIELD", "--cert needs --key and --ca", { field: "cert" });
  }
  const token = isNamed(tokenFile) ? readToken(tokenFile) : undefined;
  if (!isNamed(ca)) return { token };
  const pair = isNamed(cert) && isNamed(key) ? { certificate: read(cert), key: readSecret(key) } : {};
  return { token, tls: { authority: read(ca), ...pair } };
}

/** An empty variable is none, as scripts mean it. */
function isNamed(file: string | undefined): file is string {
  return file !== undefined && file !== "";
}

/** One line, which becomes a header of each call. Its content is in no error. */
function readToken(file: string): string {
  const token = readSecret(file).toString("latin1").trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const why = token === "" ? "is empty" : "holds more than one word of printable ASCII";
  throw failure(
    "INVALID_ARGUMENT",
    "TOKEN_FILE",
    `the token file ${file} ${why}; a token file is one line with one token`,
  );
}

function readSecret(file: string): Buffer {
  const bytes = read(file);
  if ((statSync(file).mode & OTHERS) === 0) return bytes;
  throw failure("FAILED_PRECONDITION", "KEY_FILES", `others can read ${file}; run: chmod 600 ${file}`);
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (thrown) {
    throw failure("NOT_FOUND", "FILE_UNREADABLE", asError(thrown).message);
  }
}
