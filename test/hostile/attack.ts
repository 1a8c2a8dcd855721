/** What an attack is, and the loops that several share. Each attack is a file of its own in attacks/. */

import type { Connection, Stream } from "@libp2p/interface";
import { HostilePeer, type Target } from "./peer.ts";

export interface AttackContext {
  readonly target: Target;
  /** Aborts when the attack's time is over. */
  readonly signal: AbortSignal;
  /** Counts what was sent, for the report. */
  count(what: string, amount?: number): void;
  /** Tells that the target ended a connection of ours. */
  wasCut(): void;
}

export interface Attack {
  /** What it does, for people. */
  readonly claim: string;
  /** Whether the target should cut or penalise it within five seconds; a mere burden within limits need not be. */
  readonly isPunished: boolean;
  /** Whether it wants to keep others out: then it is measured how long a newcomer takes to connect meanwhile. */
  readonly isAgainstNewcomers?: boolean;
  run(context: AttackContext): Promise<void>;
}

/** Between two identities of one attacker: a stranger comes back as fast as it is let in. */
const RETURN_MS = 200;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Attacks with one identity after the other until the time is over: each time it was cut, or its connection refused, it comes
 * back as somebody else.
 */
export async function persist(
  context: AttackContext,
  attack: (peer: HostilePeer, connection: Connection) => Promise<void>,
  greets: boolean,
): Promise<void> {
  while (!context.signal.aborted) {
    const peer = await HostilePeer.create(context.target);
    try {
      const connection = greets ? await peer.greet() : await peer.connect();
      context.count("connections");
      connection.addEventListener("close", () => {
        if (!context.signal.aborted) context.wasCut();
      });
      await Promise.race([attack(peer, connection), ended(connection), aborted(context.signal)]);
    } catch {
      context.count("refused");
    }
    await peer.stop();
    await pause(RETURN_MS);
  }
}

/** Opens streams of a protocol one after the other, whenever the one before has ended, as long as the peer is connected. */
export async function keepOpening(
  context: AttackContext,
  peer: HostilePeer,
  protocol: string,
  use: (stream: Stream) => Promise<void>,
): Promise<void> {
  while (peer.isConnected && !context.signal.aborted) {
    try {
      const stream = await peer.open(protocol);
      stream.addEventListener("message", () => undefined);
      context.count("streams");
      await use(stream);
    } catch {
      context.count("streamsRefused");
      await pause(10);
    }
  }
}

/** Runs the same thing `number` times side by side. */
export async function sideBySide(number: number, run: (index: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: number }, (_, index) => run(index)));
}

/** Calls `step` at most `perSecond` times a second until it answers false or the time is over. */
export async function atRate(
  context: AttackContext,
  perSecond: number,
  step: () => Promise<boolean>,
): Promise<void> {
  const startMs = performance.now();
  for (let done = 0; !context.signal.aborted; done++) {
    if (!(await step())) return;
    const earlyMs = startMs + (done * 1000) / perSecond - performance.now();
    if (earlyMs > 1) await pause(earlyMs);
    else if (done % 64 === 0) await pause(0);
  }
}

function ended(connection: Connection): Promise<void> {
  return new Promise((resolve) => connection.addEventListener("close", () => resolve(), { once: true }));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
