/**
 * Two nodes of one key, and the administrator who puts it right: a second machine with a member's key, with or without a
 * copy of its vote record, runs for a while; once it is gone the member's operator confirms that, again and again, until
 * nothing is left to confirm. The twin is on the member's side of every partition: two halves of a network cannot know of
 * each other, and in a federation of three each of them can be a quorum with its own copy of the key.
 */

import { ProducerService } from "../../gen/alys/producer/v1/producer_pb.ts";
import { Machine } from "./machine.ts";
import type { World } from "./world.ts";

/** Identities of twins begin behind those of the machines. */
const FIRST_INDEX = 50;
/** An administrator looks this often. */
const LOOK_MS = 2_000;
/** And this often in all: until long after the recovery. */
const LOOKS = 60;

/** Starts a second machine with the member's key. */
export function startTwin(world: World, member: Machine, hasRecord: boolean): Machine {
  const index = FIRST_INDEX + world.twins.length;
  const { key, memberIndex } = member;
  const twin = new Machine(world, { name: `twin-${index}-of-${member.name}`, index, key, memberIndex });
  const record = member.voteDisk.votes.get("votes");
  if (hasRecord && record !== undefined) twin.voteDisk.votes.set("votes", record.slice());
  world.twins.push(twin);
  twin.start();
  return twin;
}

/** The twin is switched off for good, and the member's administrator says so. */
export function endTwin(world: World, member: Machine, twin: Machine): void {
  twin.kill("killed", false);
  confirmAgain(world, member, LOOKS);
}

function confirmAgain(world: World, member: Machine, left: number): void {
  if (left === 0) return;
  const confirmed = member.process?.cells.producer.ref.ask(ProducerService.method.confirmKey, {
    reason: "the other machine is off",
  });
  confirmed?.then(
    () => world.count("keyConfirmed"),
    // Nothing is to be confirmed yet or any more, or the twin's connection has not ended.
    () => undefined,
  );
  world.after(LOOK_MS, () => confirmAgain(world, member, left - 1));
}
