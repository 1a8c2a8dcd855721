/**
 * What the ProducerActor is given from outside: the ports and actors below it, its key and its vote record, which
 * outlive its restarts.
 */

import type { NetworkInternalService } from "../../../gen/alys/network/v1/network_pb.ts";
import type { PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { ProducerInternalService, ProducerService } from "../../../gen/alys/producer/v1/producer_pb.ts";
import type { SyncInternalService, SyncService } from "../../../gen/alys/sync/v1/sync_pb.ts";
import type { Validator } from "../../chain/validator.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import type { ActorContext } from "../../kernel/actor/actor.ts";
import type { Ref } from "../../kernel/ref.ts";
import type { StopStore, Table, VoteStore } from "../../storage/port.ts";
import type { Signer } from "./ballot.ts";
import type { GuardMemory } from "./signing-guard.ts";
import type { SigningWatch } from "./signing-watch.ts";

export type ProducerContext = ActorContext<typeof ProducerService, typeof ProducerInternalService>;

export interface ProducerParts {
  readonly chain: ChainPort;
  readonly validator: Validator;
  readonly sync: Ref<typeof SyncService>;
  readonly syncInternal: Ref<typeof SyncInternalService>;
  readonly network: Ref<typeof NetworkInternalService>;
  readonly peers: Ref<typeof PeerService>;
  /** The authority key; without it the actor answers questions and does nothing else. */
  readonly signer: Signer | undefined;
  /** The member's vote record; needed with a signer. */
  readonly votes: VoteStore | undefined;
  /** Judges whether it may sign now; needed with a signer. */
  readonly watch: Pick<SigningWatch, "clockFault" | "voteBar"> | undefined;
  /** Keeps over restarts that the member's key was seen elsewhere; without it, until the process ends. */
  readonly stop?: StopStore | undefined;
  /** What the guard knows over restarts of the actor; without it each one listens anew. */
  readonly guard?: GuardMemory | undefined;
  /** Keeps what the operator scheduled over restarts of the actor and the node; without it, until the actor restarts. */
  readonly schedule?: Table | undefined;
}
