/**
 * Validation for many nodes of one process: the production checks, each made once. Verdicts are remembered by the digest
 * of everything they depend on (bytes, sets of keys, policy, whether a block lies in the future), so that seven nodes
 * pay for one. Signatures are remembered too: BLS signing is deterministic.
 */

import { createHash } from "node:crypto";
import type { SecretKey } from "../../src/chain/bls.ts";
import type { AuthoritySetFacts, ChainFacts } from "../../src/chain/facts.ts";
import { decodeHeader, HEADER_LENGTH } from "../../src/chain/header.ts";
import { InlineValidator } from "../../src/chain/pool/inline.ts";
import type {
  ApprovalCheck,
  SegmentInput,
  SegmentVerdict,
  SignatureCheck,
  Validator,
} from "../../src/chain/validator.ts";

/** Verdicts and signatures that all worlds of this process share. At the bound everything is forgotten and made anew. */
const REMEMBERED_MAX = 20_000;

class Memory<V> {
  readonly #values = new Map<string, V>();

  recall(key: string, make: () => V): V {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    if (this.#values.size >= REMEMBERED_MAX) this.#values.clear();
    const made = make();
    this.#values.set(key, made);
    return made;
  }
}

const segments = new Memory<Promise<SegmentVerdict>>();
const approvals = new Memory<Promise<boolean[]>>();
const signatures = new Memory<Promise<boolean[]>>();
const signed = new Memory<Uint8Array>();

export class SharedValidator implements Validator {
  readonly #facts: ChainFacts;
  readonly #inner: InlineValidator;

  constructor(facts: ChainFacts) {
    this.#facts = facts;
    this.#inner = new InlineValidator(facts);
  }

  async validateSegment(input: SegmentInput, signal?: AbortSignal): Promise<SegmentVerdict> {
    if (signal?.aborted === true) return this.#inner.validateSegment(input, signal);
    const key = digest([
      this.#facts.genesisHash,
      input.policy,
      ...setParts(input.authorities),
      ...(input.parentAuthorities === undefined ? [] : setParts(input.parentAuthorities)),
      input.verifiedParentApproval ?? "",
      ...input.blocks,
      ...input.blocks.map((block) => (this.#isFuture(block, input.nowMs) ? "1" : "0")),
    ]);
    // The blocks belong to the caller, who may have them detached later: what is remembered is a copy.
    const blocks = input.blocks.map((block) => block.slice());
    return copyOf(await segments.recall(key, () => this.#inner.validateSegment({ ...input, blocks })));
  }

  verifyApprovals(checks: readonly ApprovalCheck[]): Promise<boolean[]> {
    const parts = checks.flatMap((check) => [check.header, check.approval, check.authorities.root]);
    return approvals.recall(digest([this.#facts.genesisHash, ...parts]), () =>
      this.#inner.verifyApprovals(checks),
    );
  }

  verifySignatures(checks: readonly SignatureCheck[]): Promise<boolean[]> {
    const parts = checks.flatMap((check) => [...check.publicKeys, check.signingRoot, check.signature]);
    return signatures.recall(digest(parts), () => this.#inner.verifySignatures(checks));
  }

  async close(): Promise<void> {}

  #isFuture(block: Uint8Array, nowMs: number): boolean {
    try {
      return decodeHeader(block.subarray(0, HEADER_LENGTH)).timestampMs > nowMs + this.#facts.driftMs;
    } catch {
      // Malformed whatever the time.
      return false;
    }
  }
}

/** A member's signature, made once. */
export function signOnce(key: SecretKey, root: Uint8Array): Uint8Array {
  return signed.recall(digest([key.publicKey, root]), () => key.sign(root)).slice();
}

function setParts({ keys, root }: AuthoritySetFacts): (Uint8Array | string)[] {
  return [root, String(keys.length)];
}

function digest(parts: readonly (Uint8Array | string)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("base64");
}

/** The segment's buffers are given away when it is imported, so each node gets its own. */
function copyOf(verdict: SegmentVerdict): SegmentVerdict {
  if (!verdict.ok) return verdict;
  const { segment } = verdict;
  const headers = segment.headers.slice();
  return {
    ok: true,
    segment: {
      ...segment,
      bytes: segment.bytes.slice(),
      offsets: segment.offsets.slice(),
      hashes: segment.hashes.slice(),
      headers,
      firstParentHash: headers.subarray(0, 32),
      firstParentApproval: segment.firstParentApproval?.slice(),
    },
  };
}
