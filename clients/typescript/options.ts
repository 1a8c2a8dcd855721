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
    token: tokenFile === undefined ? undefined : readFileSync(tokenFile, "utf8").trim(),
    tls:
      ca === undefined ? undefined : { ca, ...(cert && { certificate: cert }), ...(key && { key }) },
  };
}
