/** fast-check arbitraries of the chain's objects, within their limits but small. */

import fc from "fast-check";
import type { AggregateApproval } from "../../../src/chain/approval.ts";
import type { AuthorityChange, AuxPowHeader, BlockBody } from "../../../src/chain/block.ts";
import type { BlockHeader } from "../../../src/chain/header.ts";

// The same runs each time; another seed explores further, and is printed when it finds something.
fc.configureGlobal({ seed: Number(process.env["FAST_CHECK_SEED"] ?? 1) });

export function bytes(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length });
}

/** Records with the ordinary prototype, so that they deep-equal what a decoder returns. */
export function record<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const hash = bytes(32);
const uint53 = fc.maxSafeNat();
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });

export const headerArbitrary: fc.Arbitrary<BlockHeader> = record({
  parentHash: hash,
  height: uint53,
  slot: uint53,
  timestampMs: uint53,
  stateRoot: hash,
  bodyRoot: hash,
  authoritiesRoot: hash,
  historyRoot: hash,
});

export const approvalArbitrary: fc.Arbitrary<AggregateApproval> = fc
  .integer({ min: 0, max: 15 })
  .chain((length) =>
    record({
      bits: fc.integer({ min: 0, max: 2 ** length - 1 }),
      length: fc.constant(length),
      signature: bytes(96),
    }),
  );

const auxPowArbitrary: fc.Arbitrary<AuxPowHeader> = record({
  rangeStart: hash,
  rangeEnd: hash,
  bits: uint32,
  chainId: uint32,
  height: uint53,
  feeRecipient: bytes(20),
  auxpow: fc.uint8Array({ maxLength: 300 }),
});

const changeArbitrary: fc.Arbitrary<AuthorityChange> = record({
  keys: fc.array(bytes(48), { maxLength: 15 }),
  proofs: fc.array(bytes(96), { maxLength: 15 }),
});

function optional<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined });
}

export const bodyArbitrary: fc.Arbitrary<BlockBody> = record({
  parentApproval: optional(approvalArbitrary),
  transactions: fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 12 }),
  pegins: fc.array(record({ txid: hash, blockHash: hash }), { maxLength: 5 }),
  pegoutProposal: optional(fc.uint8Array({ maxLength: 200 })),
  finalizedPegouts: fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 4 }),
  auxpow: optional(auxPowArbitrary),
  nextAuthorities: optional(changeArbitrary),
});
