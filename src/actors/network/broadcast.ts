/**
 * Publishing: blocks and transactions of clients and of the producer. What a client wants published is judged by the rules
 * that every receiver judges it by, and refused with the reason: peers would hold it against this node. Owned by the
 * NetworkActor.
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { type NetworkInternalService, NetworkService } from "../../../gen/alys/network/v1/network_pb.ts";
import { GossipBlockSchema, GossipTransactionSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";
import { splitBlock } from "../../chain/block.ts";
import { describeFault } from "../../chain/block-fault.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { sha256 } from "../../chain/hash.ts";
import { HASH_LENGTH, headerHash } from "../../chain/header.ts";
import { MalformedError } from "../../chain/malformed.ts";
import type { Validator } from "../../chain/validator.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import { type EnginePort, TRANSACTION_BYTES_MAX } from "../../integrations/engine/port.ts";
import type { ActorContext } from "../../kernel/actor/actor.ts";
import type { Deferred } from "../../kernel/actor/deferred.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import type { Host } from "../../p2p/port.ts";
import { TRANSACTION_DEADLINE_MS } from "./config.ts";

type Context = ActorContext<typeof NetworkService, typeof NetworkInternalService>;

export interface BroadcastParts {
  readonly context: Context;
  readonly host: Host;
  readonly engine: EnginePort;
  readonly chain: ChainPort;
  readonly validator: Validator;
}

/** The hash of a block that is well formed; a Failure naming what is wrong otherwise. */
function hashOf(block: Uint8Array): Uint8Array | Failure {
  try {
    return headerHash(splitBlock(block).header);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return failure("INVALID_ARGUMENT", "BLOCK_MALFORMED", `the block is malformed: ${error.message}`, {
      field: "block.ssz",
    });
  }
}

export class Broadcast {
  readonly #parts: BroadcastParts;

  constructor(parts: BroadcastParts) {
    this.#parts = parts;
  }

  /** Publishes a block for a client, when it is one that peers would forward. */
  block(block: Uint8Array): Failure | Deferred<typeof NetworkService.method.broadcastBlock.output> {
    const { context } = this.#parts;
    const blockHash = hashOf(block);
    if (!(blockHash instanceof Uint8Array)) return blockHash;
    const answer = context.deferred(NetworkService.method.broadcastBlock);
    context.effect(this.#publishJudged(block, blockHash), (outcome) => {
      if (outcome.ok) answer.resolve({ blockHash, peersReached: outcome.value.recipients });
      else answer.reject(outcome.failure);
    });
    return answer;
  }

  /**
   * For the producer and for attached processes too: what they hand us may be another form of a block that is known here.
   * One that is stored byte for byte was judged when it was imported.
   */
  publishBlock(block: Uint8Array): Promise<{ readonly recipients: number }> {
    const hash = hashOf(block);
    return hash instanceof Uint8Array ? this.#publishJudged(block, hash) : Promise.reject(hash);
  }

  /** As every receiver: validated alone, each approval verified, under the sets behind its parent. */
  async #publishJudged(block: Uint8Array, hash: Uint8Array): Promise<{ readonly recipients: number }> {
    const { chain, validator, context } = this.#parts;
    const stored = chain.readBlockByHash(hash)?.bytes;
    if (stored === undefined || !equalBytes(stored, block)) {
      const sets = chain.authoritiesAfter(block.subarray(0, HASH_LENGTH));
      if (sets === undefined) {
        const text =
          "the block's parent is not here: nobody can tell under which authorities it would be valid";
        throw failure("FAILED_PRECONDITION", "BLOCK_PARENT_UNKNOWN", text, { field: "block.ssz" });
      }
      const nowMs = context.clock.nowMs();
      const input = { blocks: [block], policy: "EVERY_BLOCK", nowMs, ...sets } as const;
      const verdict = await validator.validateSegment(input, context.signal);
      if (!verdict.ok) {
        const text = `peers would not take the block: ${describeFault(verdict.fault)}`;
        const code = verdict.fault.isInvalid ? "INVALID_ARGUMENT" : "FAILED_PRECONDITION";
        throw failure(code, "BLOCK_NOT_VALID", text, { field: "block.ssz" });
      }
    }
    const message = toBinary(GossipBlockSchema, create(GossipBlockSchema, { block }));
    return this.#parts.host.publish("blocks", message);
  }

  /** Publishes a transaction after the engine's check. */
  transaction(
    transaction: Uint8Array,
    sourcePeerId?: string,
  ): Failure | Deferred<typeof NetworkService.method.broadcastTransaction.output> {
    const { context, engine } = this.#parts;
    if (transaction.length === 0 || transaction.length > TRANSACTION_BYTES_MAX) {
      const limits = `1 to ${TRANSACTION_BYTES_MAX} bytes`;
      return failure("INVALID_ARGUMENT", "TRANSACTION_SIZE", `a transaction has ${limits}`, {
        field: "transaction",
      });
    }
    const answer = context.deferred(NetworkService.method.broadcastTransaction);
    context.effect(this.#checked(engine, transaction, sourcePeerId), (outcome) => {
      if (outcome.ok) {
        answer.resolve({ transactionHash: sha256(transaction), peersReached: outcome.value.recipients });
      } else {
        answer.reject(outcome.failure);
      }
    });
    return answer;
  }

  async #checked(
    engine: EnginePort,
    transaction: Uint8Array,
    sourcePeerId: string | undefined,
  ): Promise<{ readonly recipients: number }> {
    const verdict = await engine.validateTransaction(transaction, TRANSACTION_DEADLINE_MS, sourcePeerId);
    if (verdict !== "accept") {
      throw failure("FAILED_PRECONDITION", "TRANSACTION_REFUSED", `the engine says ${verdict}`);
    }
    const message = create(GossipTransactionSchema, { transaction });
    return this.#parts.host.publish("transactions", toBinary(GossipTransactionSchema, message));
  }
}
