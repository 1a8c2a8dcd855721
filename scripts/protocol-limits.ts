/**
 * The part of docs/limits.md about what one peer may do: each protocol of ours and each budget below them, with the test that
 * reaches it. A protocol or budget without a test does not compile.
 */

import { BUDGETS, type Measure } from "../src/p2p/peer-meter.ts";
import { PROTOCOL_LIMITS, PROTOCOLS, type Protocol } from "../src/p2p/protocols.ts";

/** Files below test/, without their suffixes. */
export const PROTOCOL_TESTS: Readonly<Record<Protocol, readonly string[]>> = {
  status: ["unit/p2p/admission"],
  "blocks-by-range": ["unit/p2p/admission", "hostile/attacks/range-flood"],
  "blocks-by-hash": ["unit/p2p/admission"],
  checkpoint: ["unit/p2p/admission"],
  goodbye: ["unit/p2p/admission"],
  federation: ["unit/p2p/admission", "hostile/attacks/federation-requests"],
};

const METER = "unit/p2p/peer-meter";

export const BUDGET_TESTS: Readonly<Record<Measure, readonly string[]>> = {
  streams: [METER, "e2e/p2p-guard"],
  frames: [METER, "e2e/p2p-guard", "hostile/attacks/yamux-frames"],
  identifyBytes: [METER],
  pushBytes: [METER, "hostile/attacks/identify-push"],
  pingBytes: [METER, "hostile/attacks/ping-flood"],
  dhtBytes: [METER, "hostile/attacks/kad-find-node"],
  refusals: [METER, "hostile/attacks/kad-add-provider"],
  earlyStreams: [METER, "hostile/attacks/gossip-not-greeted"],
  namelessStreams: [METER, "e2e/p2p-guard", "hostile/attacks/bare-streams"],
  gossipBytes: [METER],
  gossipRpcs: [METER],
  gossipControls: [METER, "e2e/p2p-gossip-intake", "hostile/attacks/gossip-control"],
  gossipIds: [METER, "e2e/p2p-gossip-intake"],
  gossipBlocks: [METER],
  gossipTransactions: [METER],
  malformedGossip: [METER, "e2e/p2p-gossip-intake", "hostile/attacks/gossip-garbage"],
  otherBytes: [METER],
};

const named = (tests: readonly string[]): string => tests.map((test) => `\`${test}\``).join(", ");

/** Two tables. */
export function protocolLimits(): string {
  const requests = PROTOCOLS.map((protocol) => {
    const { requestBytesMax, burst, refillMs, concurrentMax } = PROTOCOL_LIMITS[protocol];
    const cells = [requestBytesMax, burst, `${refillMs} ms`, concurrentMax, named(PROTOCOL_TESTS[protocol])];
    return `| \`${protocol}\` | ${cells.join(" | ")} |`;
  });
  const budgets = Object.entries(BUDGETS).map(
    ([measure, { burst, perSecond }]) =>
      `| \`${measure}\` | ${burst} | ${perSecond} | ${named(BUDGET_TESTS[measure as Measure])} |`,
  );
  return [
    "## What one peer may ask",
    "",
    'Past a rate a request is answered "rate limited"; a longer one resets its stream before anything is allocated.',
    "",
    "| protocol | bytes of a request | at once | regained in | in flight | reached by |",
    "|---|---|---|---|---|---|",
    ...requests,
    "",
    "## What one peer may do below our protocols",
    "",
    "libp2p's own protocols, its muxer's frames and gossipsub's messages (`src/p2p/peer-meter.ts` derives the numbers). Past a budget the peer",
    "is told, penalised and cut. Frames of QUIC are native and not counted.",
    "",
    "| measure | at once | a second | reached by |",
    "|---|---|---|---|",
    ...budgets,
  ].join("\n");
}
