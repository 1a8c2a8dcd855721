/** A delegation that stays as it is, for tests of what peers make of it. */
import type { DelegationSource, OwnDelegation } from "../../../../src/actors/peer/own-delegation.ts";
import { decodeDelegation } from "../../../../src/chain/delegation.ts";

export function fixedDelegation(own: OwnDelegation): DelegationSource {
  return {
    current: own,
    delegation: decodeDelegation(own.delegation),
    renewals: 0,
    nextMs: undefined,
    lookMs: 3_600_000,
    warnBelowMs: 0,
    lastFailure: "",
    renew: () => Promise.resolve(false),
  };
}
