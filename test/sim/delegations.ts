/** Delegations of the simulated members: honest ones renew theirs as in production, a script's lasts the whole run. */

import { Role } from "../../gen/alys/wire/v1/wire_pb.ts";
import { MemberDelegation, type OwnDelegation } from "../../src/actors/peer/own-delegation.ts";
import type { SecretKey } from "../../src/chain/bls.ts";
import { encodeDelegation, ROLE_MEMBER, signDelegation } from "../../src/chain/delegation.ts";
import { assert } from "../../src/kernel/errors.ts";
import type { Clock } from "../../src/kernel/ports/clock.ts";
import type { Random } from "../../src/kernel/ports/random.ts";
import { peerIdBytes } from "../../src/p2p/peer-id.ts";
import type { History } from "./history.ts";
import type { Scenario } from "./scenario.ts";

const LASTING_MS = 30 * 24 * 3_600_000;

/** What a delegation is made of, of the machine whose process shows it. */
interface Delegate {
  readonly peerId: string;
  readonly random: Random;
  readonly world: { readonly history: History; readonly scenario: Scenario };
}

/** That of a process, on its own clock. */
export function memberDelegation(machine: Delegate, key: SecretKey, clock: Clock): MemberDelegation {
  const { history, scenario } = machine.world;
  return new MemberDelegation({
    ...{ key, clock, random: machine.random },
    peerId: bytesOf(machine.peerId),
    genesisHash: history.facts.genesisHash,
    lifetimeMs: scenario.delegationLifetimeMs,
  });
}

export function delegationOf(
  key: SecretKey,
  peerId: string,
  genesisHash: Uint8Array,
  nowMs: number,
): OwnDelegation {
  const unsigned = {
    publicKey: key.publicKey,
    peerId: bytesOf(peerId),
    role: ROLE_MEMBER,
    expiryMs: nowMs + LASTING_MS,
  } as const;
  return {
    delegation: encodeDelegation(unsigned),
    signature: signDelegation(key, unsigned, genesisHash),
    role: Role.MEMBER,
  };
}

function bytesOf(peerId: string): Uint8Array {
  const bytes = peerIdBytes(peerId);
  assert(bytes !== undefined, "the peer id is well formed");
  return bytes;
}
