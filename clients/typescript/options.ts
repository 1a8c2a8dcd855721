/** The command line that the examples share: --address, and --token-file, --ca, --cert, --key where the node wants them. */

import { readFileSync } from "node:fs";
import type { AttachOptions } from "./attach.ts";

export const CONNECTION_OPTIONS = {
  address: { type: "string", default: "127.0.0.1:50051" },
  "token-file": { type: "string" },
  ca: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
} as const;

type Values = { readonly [K in keyof typeof CONNECTION_OPTIONS]?: string | undefined };

export function connectionOf(values: Values): Pick<AttachOptions, "address" | "token" | "tls"> {
  const { address = "", ca, cert, key, "token-file": tokenFile } = values;
  return {
    address,
    token: tokenFile === undefined ? undefined : tokenIn(tokenFile),
    tls:
      ca === undefined ? undefined : { ca, ...(cert && { certificate: cert }), ...(key && { key }) },
  };
}

/** A token file is one line with one token. Its content is in no error. */
function tokenIn(file: string): string {
  const token = readFileSync(file, "latin1").trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new Error(`the token file ${file} is not one line with one token of printable ASCII`);
}
