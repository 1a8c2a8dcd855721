/**
 * What a mailbox costs: asks and tells of one actor, each beside the barest thing in JavaScript that does the same work
 * without lanes, bounds, deadlines or exactly one answer. All four make the same messages and run the same handler.
 */

import { EventEmitter } from "node:events";
import { create } from "@bufbuild/protobuf";
import { actorCell } from "../src/kernel/actor/cell.ts";
import { environment } from "../src/kernel/actor/environment.ts";
import {
  type NormalRequest,
  NormalRequestSchema,
  type NormalResponse,
  NormalResponseSchema,
  ProbeService,
} from "../test/unit/kernel/probe.ts";
import { probeDefinition } from "../test/unit/kernel/probe-actor.ts";
import type { Benchmark, BenchmarkCase, Metric } from "./harness.ts";

/** Callers that each wait for the answer before they ask again; and messages told before the teller waits. */
const AT_ONCE = 1_024;

/** What the kernel's promises may cost: three quarters of what the machine could do, and three fifths. */
const ASK_RATIO_MIN = 0.25;
const TELL_RATIO_MIN = 0.4;

const RATE: Metric = { unit: "1/s" };
const { normal } = ProbeService.method;

export const benchmark: Benchmark = {
  name: "mailbox",
  claim: "an ask costs at most four bare awaited calls, a tell at most two and a half bare events",
  prepare: async ({ isQuick }) => {
    const messages = AT_ONCE * (isQuick ? 200 : 1_000);
    const counter = new Counter();
    const handle = ({ value }: NormalRequest): NormalResponse => {
      counter.add();
      return create(NormalResponseSchema, { value: value + 1 });
    };
    const cell = actorCell(probeDefinition({ handlers: () => ({ normal: handle }) }), environment());
    const running = cell.child.start();
    const emitter = new EventEmitter().on("message", handle);
    // Async, because the call it stands for is.
    const bare = async (request: NormalRequest): Promise<NormalResponse> => handle(request);
    const makeRequest = (value: number): NormalRequest => create(NormalRequestSchema, { value });
    const cases: readonly BenchmarkCase[] = [
      rateCase("ask", messages, () => asks(messages, (value) => cell.ref.ask(normal, makeRequest(value)))),
      rateCase("ask/ceiling", messages, () => asks(messages, (value) => bare(makeRequest(value)))),
      rateCase("tell", messages, () =>
        tells(messages, counter, (value) => cell.ref.tell(normal, makeRequest(value))),
      ),
      rateCase("tell/ceiling", messages, () =>
        tells(messages, counter, (value) => {
          setImmediate((request) => emitter.emit("message", request), makeRequest(value));
        }),
      ),
    ];
    return {
      cases,
      derive: (median) => {
        const ratio = (name: string): number =>
          median(name, "messages_per_second") / median(`${name}/ceiling`, "messages_per_second");
        return [derived("ask", ratio("ask"), ASK_RATIO_MIN), derived("tell", ratio("tell"), TELL_RATIO_MIN)];
      },
      close: () => running.stop(),
    };
  },
};

const derived = (name: string, value: number, atLeast: number) => ({
  caseName: `${name}/ratio`,
  metric: "ratio",
  value,
  unit: "1",
  target: { atLeast },
});

function rateCase(name: string, messages: number, run: () => Promise<void>): BenchmarkCase {
  return {
    name,
    metrics: { messages_per_second: RATE },
    round: async () => {
      const startedMs = performance.now();
      await run();
      return { messages_per_second: (messages * 1_000) / (performance.now() - startedMs) };
    },
  };
}

async function asks(messages: number, ask: (value: number) => Promise<unknown>): Promise<void> {
  const caller = async (): Promise<void> => {
    for (let value = 0; value < messages / AT_ONCE; value++) await ask(value);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
}

async function tells(messages: number, counter: Counter, tell: (value: number) => void): Promise<void> {
  for (let burst = 0; burst < messages / AT_ONCE; burst++) {
    const handled = counter.after(AT_ONCE);
    for (let value = 0; value < AT_ONCE; value++) tell(value);
    await handled;
  }
}

/** Says when so many more messages were handled. */
class Counter {
  #left = 0;
  #done: () => void = () => {};

  add(): void {
    this.#left -= 1;
    if (this.#left === 0) this.#done();
  }

  after(count: number): Promise<void> {
    this.#left = count;
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }
}
