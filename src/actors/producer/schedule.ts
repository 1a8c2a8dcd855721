/**
 * AuthoritySchedule: the one set of authorities that this member's operator wants in force, and the only one that it
 * proposes or approves a change to. Kept in a table over restarts; done with once it is in force. Owned by the
 * ProducerActor.
 */

import { authoritySet } from "../../chain/authorities.ts";
import { checkChange } from "../../chain/authority/change.ts";
import { type AuthorityChange, decodeBody, EMPTY_BODY, encodeBody } from "../../chain/block.ts";
import { equalBytes } from "../../chain/bytes.ts";
import type { AuthoritySetFacts } from "../../chain/facts.ts";
import { MalformedError } from "../../chain/malformed.ts";
import type { ChildTemplate } from "../../integrations/chain/port.ts";
import type { Table } from "../../storage/port.ts";

const KEY = "scheduled-authorities";

interface Scheduled {
  readonly change: AuthorityChange;
  readonly set: AuthoritySetFacts;
}

export class AuthoritySchedule {
  readonly #table: Table | undefined;
  #scheduled: Scheduled | undefined;

  /** Without a table what is scheduled lasts as long as this object. */
  constructor(table: Table | undefined) {
    this.#table = table;
    const bytes = table?.get(KEY);
    // A record that cannot be read schedules nothing: the member then refuses changes, which is the safe side.
    const change = bytes && readChange(bytes);
    this.#scheduled = change && scheduledOf(change);
  }

  /** The set that a proposal may put in force. */
  get authorities(): AuthoritySetFacts | undefined {
    return this.#scheduled?.set;
  }

  /** What a block of ours on this head carries: the change, when the rules let it stand there. */
  changeFor(template: ChildTemplate): AuthorityChange | undefined {
    const change = this.#scheduled?.change;
    if (change === undefined || template.height < template.lowestChangeHeight) return undefined;
    return checkChange(change, template.authorities) === undefined ? change : undefined;
  }

  /** Writes; undefined withdraws. It counts after `apply`, once the promise has settled. */
  async store(change: AuthorityChange | undefined): Promise<void> {
    const bytes = change && encodeBody({ ...EMPTY_BODY, nextAuthorities: change });
    await this.#table?.put(new Map([[KEY, bytes]]));
  }

  apply(change: AuthorityChange | undefined): void {
    this.#scheduled = change && scheduledOf(change);
  }

  /** Whether `inForce` is what was scheduled, so that nothing is left to do. */
  isDone(inForce: AuthoritySetFacts): boolean {
    return this.#scheduled !== undefined && equalBytes(this.#scheduled.set.root, inForce.root);
  }
}

function scheduledOf(change: AuthorityChange): Scheduled {
  return { change, set: authoritySet(change.keys) };
}

/** The record is a block's body that carries the change and nothing else. */
function readChange(bytes: Uint8Array): AuthorityChange | undefined {
  try {
    return decodeBody(bytes).nextAuthorities;
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}
