/**
 * `alysctl keys delegation`: makes the file by which a node without the authority key is its member's sentry. A file of its
 * own, loaded when it is asked for: it brings BLS.
 */
import { readChain } from "../../chain/chain-file.ts";
import { encodeDelegationFile } from "../../chain/delegation-file.ts";
import { toHex } from "../../chain/hex.ts";
import { loadAuthorityKey } from "../../chain/keys.ts";
import { Failure, failure } from "../../kernel/errors.ts";
import { peerIdBytes } from "../../p2p/peer-id.ts";
import { writeFileAtomicSync } from "../../storage/files.ts";
import type { Session } from "../session.ts";
import { renderFields } from "../table.ts";

export interface DelegationOptions {
  /** The authority key. */
  readonly file: string;
  /** Path of the chain's specification. */
  readonly chain: string;
  readonly peerId: string;
  readonly days: number;
  readonly out: string;
}

const DAY_MS = 24 * 3_600_000;

/** Rejects with Failure: what the key file and the chain's file say, or a peer id that is none. */
export function delegate(session: Session, options: DelegationOptions): Promise<void> {
  const { file, chain, peerId, days, out } = options;
  const key = loadAuthorityKey(file);
  if (key instanceof Failure) throw key;
  const loaded = readChain(chain);
  if (loaded instanceof Failure) throw loaded;
  const bytes = peerIdBytes(peerId);
  if (bytes === undefined)
    throw failure("INVALID_ARGUMENT", "BAD_FIELD", `"${peerId}" is no peer id`, { field: "peer-id" });
  const expiryMs = session.terminal.clock.nowMs() + days * DAY_MS;
  const text = encodeDelegationFile(key, bytes, expiryMs, loaded.genesis.hash);
  writeFileAtomicSync(out, new TextEncoder().encode(text));
  const facts = {
    file: out,
    member: `0x${toHex(key.publicKey)}`,
    peerId,
    expires: new Date(expiryMs).toISOString(),
  };
  if (session.isJson) session.terminal.out(JSON.stringify(facts, undefined, 2));
  else
    session.terminal.out(
      renderFields([
        ["delegation", out],
        ["member", facts.member],
        ["sentry", peerId],
        ["ends", `${facts.expires}; replace the file before, the sentry reads it again by itself`],
      ]),
    );
  return Promise.resolve();
}
