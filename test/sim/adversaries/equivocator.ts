/**
 * A member with a key and without scruples: in its slots it proposes two blocks, each to everybody in another order, and
 * publishes whichever finds a quorum, or keeps it back; it approves whatever it is shown; now and then it gossips a
 * block that breaks the rules.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FederationMessageSchema, SignedFederationMessageSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";
import { approvedBlock, buildBlock, type UnsignedBlock } from "../../../src/actors/producer/block-builder.ts";
import {
  decodeFederation,
  encodeApprovalReply,
  encodeProposal,
} from "../../../src/actors/producer/messages.ts";
import { decodeApproval, encodeApproval, quorumOf } from "../../../src/chain/approval.ts";
import { joinBlock, parseBlock } from "../../../src/chain/block.ts";
import type { SecretKey } from "../../../src/chain/bls.ts";
import { concatBytes, equalBytes } from "../../../src/chain/bytes.ts";
import { sha256 } from "../../../src/chain/hash.ts";
import { HEADER_LENGTH, headerHash } from "../../../src/chain/header.ts";
import { toHex } from "../../../src/chain/hex.ts";
import { authorOf } from "../../../src/chain/rules.ts";
import { DOMAIN_BLOCK_APPROVAL, domain, signingRoot } from "../../../src/chain/signing.ts";
import { delegationOf } from "../delegations.ts";
import { SLOT_MS } from "../scenario.ts";
import type { World } from "../world.ts";
import { signOnce } from "../world-validator.ts";
import { Adversary, type Claim, type RequestEvent } from "./adversary.ts";

const MESSAGE_LIFETIME_MS = 600;

export class Equivocator extends Adversary {
  readonly #member: number;
  readonly #key: SecretKey;
  readonly #startMs: number;
  #counter = 0;
  #lastSlot = 0;

  constructor(world: World, member: number, key: SecretKey, number: number) {
    super(world, `byzantine-${member}`, number, true);
    this.#member = member;
    this.#key = key;
    this.#startMs = world.simulation.clock.nowMs();
  }

  protected override claim(): Claim {
    const { genesisHash } = this.world.history.facts;
    const nowMs = this.world.simulation.clock.nowMs();
    const { delegation, signature, role } = delegationOf(this.#key, this.peerId, genesisHash, nowMs);
    return { ...super.claim(), role, delegation, delegationSignature: signature };
  }

  protected act(): void {
    const slot = Math.floor(this.world.simulation.clock.nowMs() / SLOT_MS);
    if (slot <= this.#lastSlot) return;
    this.#lastSlot = slot;
    if (this.random.next() < 0.1) this.#gossipNonsense(slot);
    if (authorOf(slot, this.world.scenario.members) !== this.#member) return;
    const chain = this.truth();
    const template = chain.childTemplate();
    if (template.parentSlot >= slot) return;
    const nowMs = this.world.simulation.clock.nowMs();
    const blocks = [0xaa, 0xbb].map((mark) => buildBlock(template, slot, nowMs, [Uint8Array.of(mark)]));
    this.did("equivocation");
    for (const [turn, block] of blocks.entries()) this.world.background(this.#gather(block, turn === 1));
  }

  /** Shows a block to all members and publishes it when enough of them approve. */
  async #gather(block: UnsignedBlock, isSecond: boolean): Promise<void> {
    const { members } = this.world.scenario;
    const signatures = new Map([[this.#member, this.#sign(block.hash)]]);
    const proposal = approvedBlock(block, members, signatures);
    if (proposal === undefined) return;
    const payload = encodeProposal(proposal);
    const others = this.world.machines.filter(({ key }) => key !== undefined);
    const inOrder = isSecond ? [...others].reverse() : others;
    await Promise.all(
      inOrder.map(async ({ peerId }) => {
        if (!this.connected().includes(peerId)) return;
        const sealed = this.#seal(payload);
        const chunks = await this.ask(peerId, "federation", sealed, MESSAGE_LIFETIME_MS);
        const approval = readApproval(chunks?.[0] ?? new Uint8Array());
        if (approval === undefined || !equalBytes(approval.blockHash, block.hash)) return;
        signatures.set(approval.authorityIndex, approval.signature);
      }),
    );
    // A friend of the same kind signs whatever it is shown.
    for (const member of this.world.scenario.byzantine) {
      const key = this.world.history.forge.secretKeys[member];
      if (key !== undefined) signatures.set(member, signOnce(key, this.#root(block.hash)));
    }
    if (signatures.size < quorumOf(members)) return;
    const certified = approvedBlock(block, members, signatures);
    if (certified === undefined) return;
    const publish = (): void => {
      if (this.host.isOpen) this.gossipBlock(certified, false);
    };
    if (this.random.next() < 0.5) return publish();
    // Kept back until others have built without it: two certified blocks of one height, the older one better.
    this.did("withheldBlock");
    this.world.after(1_500 + this.random.integer(4_000), publish);
  }

  protected override onRequest(event: RequestEvent): void {
    if (event.protocol !== "federation") return super.onRequest(event);
    const message = readMessage(event.payload);
    const decoded = message && decodeFederation(message);
    if (decoded?.kind !== "proposal") return this.host.respond(event.handle, "invalid-request");
    const { header } = parseBlock(decoded.block);
    const blockHash = headerHash(decoded.block.subarray(0, HEADER_LENGTH));
    const isHonestVote = this.random.next() < 0.7;
    const signature = isHonestVote ? this.#sign(blockHash) : this.random.bytes(96);
    const { slot, height } = header;
    const reply = encodeApprovalReply({ blockHash, height, slot, authorityIndex: this.#member, signature });
    this.host.respond(event.handle, [this.#seal(reply)]);
  }

  #gossipNonsense(slot: number): void {
    const chain = this.truth();
    const template = chain.childTemplate();
    if (template.parentApproval === undefined || slot <= template.parentSlot) return;
    const nowMs = this.world.simulation.clock.nowMs();
    const block = buildBlock(template, slot, nowMs, [this.random.bytes(8)]);
    const { length, signature } = decodeApproval(template.parentApproval);
    this.did("invalidBlockOfMember");
    this.gossipBlock(
      joinBlock(block.header, block.body, encodeApproval({ bits: 2 ** length - 1, length, signature })),
      true,
    );
  }

  /** An envelope as the wire format says. */
  #seal(payload: Uint8Array): Uint8Array {
    this.#counter += 1;
    const message = toBinary(
      FederationMessageSchema,
      create(FederationMessageSchema, {
        startMs: BigInt(this.#startMs),
        counter: BigInt(this.#counter),
        expiryMs: BigInt(this.world.simulation.clock.nowMs() + MESSAGE_LIFETIME_MS),
        payload: fromBinary(FederationMessageSchema, payload).payload,
      }),
    );
    const context = `/alys/${toHex(this.world.history.facts.genesisHash)}/federation/1`;
    const signature = this.host.sign(concatBytes([new TextEncoder().encode(context), sha256(message)]));
    return toBinary(
      SignedFederationMessageSchema,
      create(SignedFederationMessageSchema, { message, signature }),
    );
  }

  #sign(hash: Uint8Array): Uint8Array {
    return signOnce(this.#key, this.#root(hash));
  }

  #root(hash: Uint8Array): Uint8Array {
    return signingRoot(hash, domain(DOMAIN_BLOCK_APPROVAL, this.world.history.facts.genesisHash));
  }
}

function readMessage(envelope: Uint8Array): Uint8Array | undefined {
  try {
    const { message } = fromBinary(SignedFederationMessageSchema, envelope);
    return toBinary(
      FederationMessageSchema,
      create(FederationMessageSchema, fromBinary(FederationMessageSchema, message)),
    );
  } catch {
    return undefined;
  }
}

function readApproval(envelope: Uint8Array) {
  const message = readMessage(envelope);
  const decoded = message && decodeFederation(message);
  return decoded?.kind === "approval" ? decoded.approval : undefined;
}
