/** Every checker, made anew for each world. */

import type { World } from "../world.ts";
import { AwayChainStandsStill } from "./away-chain-stands-still.ts";
import { BadBodiesAreBlamed } from "./bad-bodies-are-blamed.ts";
import { BannedHoldNoConnection } from "./banned-hold-no-connection.ts";
import { BlocksOnceAndInOrder } from "./blocks-once-and-in-order.ts";
import type { Checker } from "./checker.ts";
import { ChildrenAreRestarted } from "./children-are-restarted.ts";
import { ClocksComeRight } from "./clocks-come-right.ts";
import { ConnectionsSurviveActors } from "./connections-survive-actors.ts";
import { DelegationsAreRenewed } from "./delegations-are-renewed.ts";
import { FinalStaysFinal } from "./final-stays-final.ts";
import { ForksBelowFinalAreRefused } from "./forks-below-final-are-refused.ts";
import { HeadsOnlyImprove } from "./heads-only-improve.ts";
import { HonestAreNotBanned } from "./honest-are-not-banned.ts";
import { HonestKeepTheirName } from "./honest-keep-their-name.ts";
import { InvalidIsNotForwarded } from "./invalid-is-not-forwarded.ts";
import { LiesAreNoTarget } from "./lies-are-no-target.ts";
import { MailboxesAreBounded } from "./mailboxes-are-bounded.ts";
import { MembersAreNotEvicted } from "./members-are-not-evicted.ts";
import { MessagesAreValues } from "./messages-are-values.ts";
import { NobodyCrashes } from "./nobody-crashes.ts";
import { NobodySignsTwice } from "./nobody-signs-twice.ts";
import { NothingIsStuck } from "./nothing-is-stuck.ts";
import { OldRecordsAreWaitedOut } from "./old-records-are-waited-out.ts";
import { StallsAreTold } from "./stalls-are-told.ts";
import { StoppedKeysRest } from "./stopped-keys-rest.ts";
import { UnknownAncestryIsBounded } from "./unknown-ancestry-is-bounded.ts";

export function allCheckers(world: World): readonly Checker[] {
  return [
    new BlocksOnceAndInOrder(world),
    new FinalStaysFinal(world),
    new NobodySignsTwice(world),
    new MailboxesAreBounded(world),
    new BannedHoldNoConnection(world),
    new MembersAreNotEvicted(world),
    new HonestAreNotBanned(world),
    new HonestKeepTheirName(world),
    new InvalidIsNotForwarded(world),
    new ChildrenAreRestarted(world),
    new NothingIsStuck(world),
    new NobodyCrashes(world),
    new ConnectionsSurviveActors(world),
    new MessagesAreValues(world),
    new UnknownAncestryIsBounded(world),
    new StallsAreTold(world),
    new LiesAreNoTarget(world),
    new HeadsOnlyImprove(world),
    new ForksBelowFinalAreRefused(world),
    new BadBodiesAreBlamed(world),
    new AwayChainStandsStill(world),
    new DelegationsAreRenewed(world),
    new ClocksComeRight(world),
    new StoppedKeysRest(world),
    new OldRecordsAreWaitedOut(world),
  ];
}
