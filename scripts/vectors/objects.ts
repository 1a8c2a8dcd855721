/** Vectors of the SSZ objects: fields as people read them, the exact bytes, and the root. */

import { type AggregateApproval, approvalRoot, encodeApproval, indexesOf } from "../../src/chain/approval.ts";
import { authoritySetRoot } from "../../src/chain/authorities.ts";
import {
  type AuthorityChange,
  type AuxPowHeader,
  type BlockBody,
  EMPTY_BODY,
  encodeBody,
  joinBlock,
} from "../../src/chain/block.ts";
import { authorityChangeRoot, auxpowHeaderRoot, bodyRoot } from "../../src/chain/body-root.ts";
import { delegationRoot, encodeDelegation, ROLE_MEMBER, ROLE_SENTRY } from "../../src/chain/delegation.ts";
import { type BlockHeader, decodeHeader, encodeHeader, headerHash } from "../../src/chain/header.ts";
import { toHex } from "../../src/chain/hex.ts";
import type { ChainParameters } from "../../src/chain/parameters.ts";
import { domain, signingRoot } from "../../src/chain/signing.ts";
import { chainParametersRoot, genesisOf } from "../../src/chain/spec.ts";
import type { Random } from "../../src/kernel/ports/random.ts";
import type { Federation } from "../../test/unit/chain/build-chain.ts";

type Json = unknown;

function headerFields(header: BlockHeader): Json {
  return {
    parent_hash: toHex(header.parentHash),
    height: header.height,
    slot: header.slot,
    timestamp_ms: header.timestampMs,
    state_root: toHex(header.stateRoot),
    body_root: toHex(header.bodyRoot),
    authorities_root: toHex(header.authoritiesRoot),
    history_root: toHex(header.historyRoot),
  };
}

function approvalFields(approval: AggregateApproval): Json {
  return {
    aggregation_bits: Array.from({ length: approval.length }, (_, index) =>
      indexesOf(approval.bits).includes(index),
    ),
    signature: toHex(approval.signature),
  };
}

function auxpowFields(header: AuxPowHeader): Json {
  return {
    range_start: toHex(header.rangeStart),
    range_end: toHex(header.rangeEnd),
    bits: header.bits,
    chain_id: header.chainId,
    height: header.height,
    fee_recipient: toHex(header.feeRecipient),
    auxpow: toHex(header.auxpow),
  };
}

function changeFields(change: AuthorityChange): Json {
  return { set: { keys: change.keys.map(toHex) }, proofs: change.proofs.map(toHex) };
}

function bodyFields(body: BlockBody): Json {
  return {
    parent_approval: body.parentApproval === undefined ? [] : [approvalFields(body.parentApproval)],
    transactions: body.transactions.map(toHex),
    pegins: body.pegins.map(({ txid, blockHash }) => ({ txid: toHex(txid), block_hash: toHex(blockHash) })),
    pegout_proposal: body.pegoutProposal === undefined ? [] : [toHex(body.pegoutProposal)],
    finalized_pegouts: body.finalizedPegouts.map(toHex),
    auxpow: body.auxpow === undefined ? [] : [auxpowFields(body.auxpow)],
    next_authorities: body.nextAuthorities === undefined ? [] : [changeFields(body.nextAuthorities)],
  };
}

interface Samples {
  readonly headers: readonly BlockHeader[];
  readonly approvals: readonly AggregateApproval[];
  readonly auxpow: AuxPowHeader;
  readonly changes: readonly AuthorityChange[];
  readonly bodies: readonly BlockBody[];
}

/** Arbitrary but fixed content: these objects are well formed, not valid. */
function makeSamples(random: Random): Samples {
  const header = (height: number): BlockHeader => ({
    parentHash: random.bytes(32),
    height,
    slot: height * 3,
    timestampMs: height * 6000,
    stateRoot: random.bytes(32),
    bodyRoot: random.bytes(32),
    authoritiesRoot: random.bytes(32),
    historyRoot: random.bytes(32),
  });
  const approval = (length: number): AggregateApproval => ({
    bits: random.integer(2 ** length),
    length,
    signature: random.bytes(96),
  });
  const change = (count: number): AuthorityChange => ({
    keys: Array.from({ length: count }, () => random.bytes(48)),
    proofs: Array.from({ length: count }, () => random.bytes(96)),
  });
  const auxpow: AuxPowHeader = {
    rangeStart: random.bytes(32),
    rangeEnd: random.bytes(32),
    bits: 0x1d00ffff,
    chainId: 1337,
    height: 12_345,
    feeRecipient: random.bytes(20),
    auxpow: random.bytes(200),
  };
  const approvals = [0, 1, 3, 7, 8, 15].map(approval);
  const transactions = [0, 1, 32, 33, 190].map((length) => random.bytes(length));
  const full: BlockBody = {
    parentApproval: approvals[2],
    transactions,
    pegins: [{ txid: random.bytes(32), blockHash: random.bytes(32) }],
    pegoutProposal: random.bytes(300),
    finalizedPegouts: [random.bytes(64), random.bytes(0)],
    auxpow,
    nextAuthorities: change(2),
  };
  const usual = { ...EMPTY_BODY, parentApproval: approvals[3], transactions };
  return {
    headers: [header(0), header(1), header(1_000_000_007)],
    approvals,
    auxpow,
    changes: [change(1), change(15)],
    bodies: [EMPTY_BODY, usual, full],
  };
}

/** One file an object. */
export function objectVectors(random: Random, federation: Federation): Record<string, Json> {
  const { headers, approvals, auxpow, changes, bodies } = makeSamples(random);
  const header = headers[1] as BlockHeader;
  const objectRoot = random.bytes(32);
  const genesisHash = random.bytes(32);
  return {
    "block-header": headers.map((sample) => {
      const bytes = encodeHeader(sample);
      return { value: headerFields(sample), serialized: toHex(bytes), root: toHex(headerHash(bytes)) };
    }),
    "aggregate-approval": approvals.map((sample) => ({
      value: approvalFields(sample),
      serialized: toHex(encodeApproval(sample)),
      root: toHex(approvalRoot(sample)),
    })),
    "auxpow-header": [{ value: auxpowFields(auxpow), root: toHex(auxpowHeaderRoot(auxpow)) }],
    "authority-set": [...changes.map(({ keys }) => keys), federation.authorities.keys].map((keys) => ({
      value: { keys: keys.map(toHex) },
      root: toHex(authoritySetRoot(keys)),
    })),
    "authority-change": changes.map((sample) => ({
      value: changeFields(sample),
      root: toHex(authorityChangeRoot(sample)),
    })),
    "block-body": bodies.map((sample) => {
      const bytes = encodeBody(sample);
      return { value: bodyFields(sample), serialized: toHex(bytes), root: toHex(bodyRoot(bytes)) };
    }),
    "signed-block": bodies.map((body, index) => {
      const approval = approvals[index + 3] as AggregateApproval;
      const bytes = joinBlock(encodeHeader(header), encodeBody(body), encodeApproval(approval));
      const value = {
        header: headerFields(header),
        body: bodyFields(body),
        approval: approvalFields(approval),
      };
      return { value, serialized: toHex(bytes), hash: toHex(headerHash(encodeHeader(header))) };
    }),
    "signing-data": ([1, 2, 3] as const).map((type) => {
      const domainBytes = domain(type, genesisHash);
      return {
        domain_type: type,
        genesis_hash: toHex(genesisHash),
        domain: toHex(domainBytes),
        object_root: toHex(objectRoot),
        root: toHex(signingRoot(objectRoot, domainBytes)),
      };
    }),
    delegation: ([ROLE_MEMBER, ROLE_SENTRY] as const).map((role) => delegationVector(random, role)),
    "chain-parameters": [genesisVector(federation.parameters)],
  };
}

function delegationVector(random: Random, role: typeof ROLE_MEMBER | typeof ROLE_SENTRY): Json {
  const sample = {
    publicKey: random.bytes(48),
    peerId: random.bytes(38),
    role,
    expiryMs: 1_800_000_000_000,
  };
  return {
    value: {
      public_key: toHex(sample.publicKey),
      peer_id: toHex(sample.peerId),
      role,
      expiry_ms: sample.expiryMs,
    },
    serialized: toHex(encodeDelegation(sample)),
    root: toHex(delegationRoot(sample)),
  };
}

function genesisVector(parameters: ChainParameters): Json {
  const genesis = genesisOf(parameters);
  return {
    value: {
      slot_duration_ms: parameters.slotDurationMs,
      authorities: parameters.authorities.map(toHex),
      federation: parameters.federation.map(toHex),
      federation_bitcoin_pubkeys: parameters.federationBitcoinPubkeys.map(toHex),
      bits: parameters.bits,
      chain_id: parameters.chainId,
      max_blocks_without_pow: parameters.maxBlocksWithoutPow,
      bitcoin_start_height: parameters.bitcoinStartHeight,
      pow_limit: parameters.powLimit,
      pow_lower_limit: parameters.powLowerLimit,
      pow_target_timespan: parameters.powTargetTimespan,
      pow_target_spacing: parameters.powTargetSpacing,
      pow_no_retargeting: parameters.powNoRetargeting,
      max_pow_adjustment: parameters.maxPowAdjustment,
    },
    root: toHex(chainParametersRoot(parameters)),
    genesis_header: headerFields(decodeHeader(genesis.header)),
    genesis_hash: toHex(genesis.hash),
  };
}
