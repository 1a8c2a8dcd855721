/**
 * The status handshake: what we say of ourselves and what we believe of a peer. A number proves nothing; a head counts
 * when its approval verifies under a set that we know, a role when its delegation does; what a set that we do not know yet
 * would prove is kept, and judged again when the authorities change. Owned by the PeerActor; the
 * signatures are checked by the validator, off this thread.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Role, type Status, StatusSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";
import { concatBytes, equalBytes } from "../../chain/bytes.ts";
import {
  type Delegation,
  decodeDelegation,
  delegationSigningRoot,
  isExpired,
  memberOf,
} from "../../chain/delegation.ts";
import { sha256 } from "../../chain/hash.ts";
import { type BlockHeader, decodeHeader, HASH_LENGTH, headerHash } from "../../chain/header.ts";
import { toHex } from "../../chain/hex.ts";
import { MalformedError } from "../../chain/malformed.ts";
import type { Validator } from "../../chain/validator.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import { PROTOCOL_VERSIONS } from "./config.ts";
import type { DelegationSource } from "./own-delegation.ts";
import type { ClaimedHead, ClaimedRole, ProvenStatus } from "./proven-status.ts";

export interface HandshakeParts {
  readonly chain: ChainPort;
  readonly validator: Validator;
  /** Peer id in its binary form, as a Delegation carries it. */
  readonly peerIdBytes: (peerId: string) => Uint8Array | undefined;
  /** What a member or sentry shows; the one of the moment in every Status. */
  readonly ownDelegation: DelegationSource | undefined;
  /** Told of every head whose approval was verified: its timestamp, Unix milliseconds. */
  readonly onHeadProven?: ((timestampMs: number) => void) | undefined;
}

/** When a Status was received, by both clocks. */
export interface Received {
  readonly unixMs: number;
  readonly monotonicMs: number;
}

/** Why a Status was not believed, and whether that is proof of bad faith. */
export type StatusFault =
  | { readonly kind: "malformed"; readonly detail: string }
  | { readonly kind: "other chain" }
  | { readonly kind: "no common version" }
  /** `claim`: header and approval, one behind the other. */
  | { readonly kind: "false head"; readonly claim: Uint8Array };

export type StatusVerdict =
  | { readonly ok: true; readonly status: ProvenStatus }
  | { readonly ok: false; readonly fault: StatusFault };

/** Heads whose approval was verified: every peer of a synced network tells the same one. */
const VERIFIED_MAX = 64;

/** Delegations whose signature was verified: 15 members, their sentries and some that are being replaced. */
const DELEGATIONS_MAX = 128;

interface Claim {
  readonly status: Status;
  readonly header: BlockHeader;
  readonly hash: Uint8Array;
}

export class Handshake {
  readonly #parts: HandshakeParts;
  readonly #verified = new Set<string>();
  readonly #delegations = new Set<string>();

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
  }

  /** Our own Status, encoded. `nowMs`: what our clock shows, Unix milliseconds. */
  ownStatus(nowMs: number): Uint8Array {
    const { chain } = this.#parts;
    const ownDelegation = this.#parts.ownDelegation?.current;
    const { head, final, earliestHeight } = chain.snapshot();
    const status = create(StatusSchema, {
      versions: [...PROTOCOL_VERSIONS],
      genesisHash: chain.facts.genesisHash,
      headHeader: head.header,
      headApproval: head.approval,
      finalHeight: BigInt(final.height),
      finalHash: final.hash,
      earliestHeight: BigInt(earliestHeight),
      role: ownDelegation?.role ?? Role.UNSPECIFIED,
      delegation: ownDelegation?.delegation ?? new Uint8Array(),
      delegationSignature: ownDelegation?.signature ?? new Uint8Array(),
      sentMs: BigInt(Math.max(0, Math.floor(nowMs))),
    });
    return toBinary(StatusSchema, status);
  }

  /** Judges a peer's Status. Rejects only when the validator is closed or overloaded. */
  async judge(peerId: string, bytes: Uint8Array, now: Received): Promise<StatusVerdict> {
    const claim = this.#read(bytes);
    if ("kind" in claim) return { ok: false, fault: claim };
    const { status, header, hash } = claim;
    const unproven = { header: status.headHeader, approval: status.headApproval };
    const judged = await this.#judgeHead(unproven, header, hash);
    if (judged === "false") return { ok: false, fault: falseHead(unproven) };
    const { delegation, delegationSignature } = status;
    const claimedRole = { delegation, delegationSignature };
    const member = await this.#memberOf(peerId, claimedRole, now.unixMs);
    return {
      ok: true,
      status: {
        ...(judged === "proven" ? this.#proven(header, hash) : this.#unproven(unproven)),
        claimedRole,
        finalHeight: Number(status.finalHeight),
        earliestHeight: Number(status.earliestHeight),
        receivedMs: now.unixMs,
        receivedAtMs: now.monotonicMs,
        sentMs: Number(status.sentMs),
        memberKey: member?.publicKey,
        memberRole: member?.role ?? 0,
        memberUntilMs: member?.expiryMs ?? 0,
      },
    };
  }

  /** Judges again what the authorities decide, when they have changed. Rejects as `judge` does. */
  async judgeAgain(peerId: string, status: ProvenStatus, nowMs: number): Promise<StatusVerdict> {
    const { unproven, claimedRole } = status;
    let { headHash, headHeight, headSlot, unproven: still } = status;
    if (unproven !== undefined) {
      const header = decodeHeader(unproven.header);
      const hash = headerHash(unproven.header);
      const judged = await this.#judgeHead(unproven, header, hash);
      if (judged === "false") return { ok: false, fault: falseHead(unproven) };
      if (judged === "proven")
        ({ headHash, headHeight, headSlot, unproven: still } = this.#proven(header, hash));
    }
    const member = await this.#memberOf(peerId, claimedRole, nowMs);
    const head = { headHash, headHeight, headSlot, unproven: still };
    return {
      ok: true,
      status: {
        ...status,
        ...head,
        memberKey: member?.publicKey,
        memberRole: member?.role ?? 0,
        memberUntilMs: member?.expiryMs ?? 0,
      },
    };
  }

  #proven({ height, slot, timestampMs }: BlockHeader, headHash: Uint8Array) {
    this.#parts.onHeadProven?.(timestampMs);
    return { headHash, headHeight: height, headSlot: slot, unproven: undefined };
  }

  #unproven(unproven: ClaimedHead) {
    return { headHash: this.#parts.chain.facts.genesisHash, headHeight: 0, headSlot: 0, unproven };
  }

  #read(bytes: Uint8Array): Claim | StatusFault {
    try {
      const status = fromBinary(StatusSchema, bytes.slice());
      if (status.genesisHash.length !== HASH_LENGTH)
        return { kind: "malformed", detail: "genesis_hash is not 32 bytes" };
      if (!equalBytes(status.genesisHash, this.#parts.chain.facts.genesisHash))
        return { kind: "other chain" };
      if (!status.versions.some((version) => PROTOCOL_VERSIONS.includes(version)))
        return { kind: "no common version" };
      if (status.finalHash.length !== HASH_LENGTH)
        return { kind: "malformed", detail: "final_hash is not 32 bytes" };
      if (status.finalHeight > Number.MAX_SAFE_INTEGER || status.earliestHeight > Number.MAX_SAFE_INTEGER) {
        return { kind: "malformed", detail: "a height is out of range" };
      }
      if (status.sentMs > Number.MAX_SAFE_INTEGER)
        return { kind: "malformed", detail: "sent_ms is out of range" };
      return { status, header: decodeHeader(status.headHeader), hash: headerHash(status.headHeader) };
    } catch (error) {
      const detail = error instanceof MalformedError ? error.message : "not a Status";
      return { kind: "malformed", detail };
    }
  }

  async #judgeHead(
    { header: headerBytes, approval }: ClaimedHead,
    header: BlockHeader,
    hash: Uint8Array,
  ): Promise<"proven" | "false" | "unproven"> {
    const { chain, validator } = this.#parts;
    if (header.height === 0) return equalBytes(hash, chain.facts.genesisHash) ? "proven" : "false";
    const known = chain.hashAt(header.height);
    if (known !== undefined && equalBytes(known, hash)) return "proven";
    const key = toHex(hash);
    if (this.#verified.has(key)) return "proven";
    const authorities = chain.authoritiesAt(header.height);
    if (!equalBytes(header.authoritiesRoot, authorities.root)) return "unproven";
    const [isTrue] = await validator.verifyApprovals([{ header: headerBytes, approval, authorities }]);
    if (isTrue !== true) return "false";
    remember(this.#verified, key, VERIFIED_MAX);
    return "proven";
  }

  /** A delegation that does not hold gives no role; expired or of a former member, it is no fault either. */
  async #memberOf(peerId: string, status: ClaimedRole, nowMs: number): Promise<Delegation | undefined> {
    if (status.delegation.length === 0) return undefined;
    const { chain, validator, peerIdBytes } = this.#parts;
    let delegation: Delegation;
    try {
      delegation = decodeDelegation(status.delegation);
    } catch {
      return undefined;
    }
    const peerBytes = peerIdBytes(peerId);
    const { keys } = chain.authoritiesAt(chain.snapshot().head.height + 1);
    if (peerBytes === undefined || !equalBytes(peerBytes, delegation.peerId)) return undefined;
    if (memberOf(delegation, keys) === undefined || isExpired(delegation, nowMs)) return undefined;
    const key = toHex(sha256(concatBytes([status.delegation, status.delegationSignature])));
    if (this.#delegations.has(key)) return delegation;
    const [isTrue] = await validator.verifySignatures([
      {
        publicKeys: [delegation.publicKey],
        signingRoot: delegationSigningRoot(delegation, chain.facts.genesisHash),
        signature: status.delegationSignature,
      },
    ]);
    if (isTrue !== true) return undefined;
    remember(this.#delegations, key, DELEGATIONS_MAX);
    return delegation;
  }
}

const falseHead = ({ header, approval }: ClaimedHead): StatusFault => ({
  kind: "false head",
  claim: concatBytes([header, approval]),
});

/** At the bound the oldest is forgotten, and verified again when it comes back. */
function remember(keys: Set<string>, key: string, max: number): void {
  if (keys.size >= max) keys.delete(keys.keys().next().value ?? "");
  keys.add(key);
}
