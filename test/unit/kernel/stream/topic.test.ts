/** Topics: snapshot then changes, positions, slow readers, resuming, heartbeats, ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Failure, failure } from "../../../../src/kernel/errors.ts";
import { later } from "../../../../src/kernel/protocol.ts";
import type { StreamReader } from "../../../../src/kernel/stream/reader.ts";
import { Topic } from "../../../../src/kernel/stream/topic.ts";
import type { TopicOptions } from "../../../../src/kernel/stream/topic-settings.ts";
import { ProbeService, type WatchCountResponse } from "../probe.ts";
import { type ProbeTopic, startProbe } from "../probe-actor.ts";

const { watchCount, control } = ProbeService.method;
type Options = Partial<TopicOptions<typeof watchCount>>;

class Recorder implements StreamReader<WatchCountResponse> {
  readonly messages: WatchCountResponse[] = [];
  readonly ends: (Failure | undefined)[] = [];

  onMessage(message: WatchCountResponse): void {
    this.messages.push(message);
  }
  onEnd(reason: Failure | undefined): void {
    this.ends.push(reason);
  }
  /** Events as short words: `snapshot 3`, `changed 4`, `skipped 2`, `heartbeat 4`. */
  get words(): string[] {
    return this.messages.map(({ event }) => {
      if (event.case === "skipped") return `skipped ${event.value.count}`;
      if (event.case === "heartbeat") return `heartbeat ${event.value.headSequence}`;
      return `${event.case} ${event.value?.value}`;
    });
  }
}

function counting(options: Options = {}) {
  let topic: ProbeTopic | undefined;
  let value = 0;
  const probe = startProbe({
    topic: () => {
      topic = new Topic(watchCount, {
        snapshot: () => ({ event: { case: "snapshot", value: { value } } }),
        ...options,
      });
      return topic;
    },
    handlers: () => ({
      control: () => {
        throw new Error("told to crash");
      },
    }),
  });
  assert(topic !== undefined);
  const made = topic;
  const count = (times = 1): void => {
    for (let done = 0; done < times; done++) {
      value += 1;
      made.publish({ event: { case: "changed", value: { value } } });
    }
  };
  return { ...probe, topic: made, count };
}

test("a reader gets the snapshot, then every change, with epoch, sequence and time", async () => {
  const { cell, simulation, count } = counting();
  count(2);
  const reader = new Recorder();
  cell.ref.watch(watchCount, {}, reader);
  assert.deepEqual(reader.words, [], "nothing inside watch()");
  await simulation.settle();
  count(2);
  await simulation.settle();
  assert.deepEqual(reader.words, ["snapshot 2", "changed 3", "changed 4"]);
  assert.deepEqual(
    reader.messages.map((message) => message.position?.sequence),
    [2n, 3n, 4n],
  );
  assert.equal(reader.messages[0]?.position?.epoch, BigInt(cell.describe().epoch ?? 0));
  assert.equal(reader.messages[0]?.position?.time?.seconds, BigInt(simulation.clock.nowMs()) / 1000n);
});

test("publish() never calls a reader, and readers share one message", async () => {
  const { cell, simulation, count } = counting();
  const readers = [new Recorder(), new Recorder()] as const;
  for (const reader of readers) cell.ref.watch(watchCount, {}, reader);
  await simulation.settle();
  count();
  assert.equal(readers[0].messages.length, 1);
  await simulation.settle();
  assert.equal(readers[0].messages[1], readers[1].messages[1]);
});

test("a slow reader of a log is told how much it was spared and gets a fresh snapshot", async () => {
  const { cell, simulation, count, topic } = counting({ messagesMax: 3 });
  const reader = new Recorder();
  const subscription = cell.ref.watch(watchCount, {}, reader);
  await simulation.settle();
  subscription.pause();
  count(3);
  assert.deepEqual(subscription.pending, { messages: 3, bytes: 768 });
  count(7);
  assert.deepEqual(subscription.pending, { messages: 0, bytes: 0 });
  subscription.resume();
  await simulation.settle();
  count();
  await simulation.settle();
  assert.deepEqual(reader.words, ["snapshot 0", "skipped 10", "snapshot 10", "changed 11"]);
  assert.equal(topic.skippedTotal, 10);
});

test("afterSkip changes keeps the newest that fit, in messages and in bytes", async () => {
  const inMessages = counting({ messagesMax: 2, afterSkip: "changes" });
  const inBytes = counting({ bytesMax: 20, sizeOf: () => 10, afterSkip: "changes" });
  for (const { cell, simulation, count } of [inMessages, inBytes]) {
    const reader = new Recorder();
    const subscription = cell.ref.watch(watchCount, {}, reader);
    await simulation.settle();
    subscription.pause();
    count(5);
    subscription.resume();
    await simulation.settle();
    assert.deepEqual(reader.words, ["snapshot 0", "skipped 3", "changed 4", "changed 5"]);
  }
});

test("latest mode keeps only the newest change", async () => {
  const { cell, simulation, count } = counting({ mode: "latest" });
  const reader = new Recorder();
  cell.ref.watch(watchCount, {}, reader);
  await simulation.settle();
  count(3);
  await simulation.settle();
  count();
  await simulation.settle();
  assert.deepEqual(reader.words, ["snapshot 0", "skipped 2", "changed 3", "changed 4"]);
});

test("a slow reader does not hold up another", async () => {
  const { cell, simulation, count } = counting({ messagesMax: 4 });
  const [slow, quick] = [new Recorder(), new Recorder()];
  cell.ref.watch(watchCount, {}, slow).pause();
  cell.ref.watch(watchCount, {}, quick);
  await simulation.settle();
  count(4);
  await simulation.settle();
  assert.equal(quick.messages.length, 5);
  assert.equal(slow.messages.length, 0);
});

test("a filter leaves changes out, visible as gaps in the sequence", async () => {
  const { cell, simulation, count } = counting({
    filter: (change, request) =>
      change.event.case === "changed" && change.event.value.value % request.modulus === 0,
  });
  const reader = new Recorder();
  cell.ref.watch(watchCount, { modulus: 2 }, reader);
  await simulation.settle();
  count(4);
  await simulation.settle();
  assert.deepEqual(reader.words, ["snapshot 0", "changed 2", "changed 4"]);
  assert.deepEqual(
    reader.messages.map((message) => Number(message.position?.sequence)),
    [0, 2, 4],
  );
});

test("a resume token goes on after its message, without a snapshot", async () => {
  const { cell, simulation, count } = counting();
  const first = new Recorder();
  const subscription = cell.ref.watch(watchCount, {}, first);
  await simulation.settle();
  count(2);
  await simulation.settle();
  subscription.close();
  count(2);
  const second = new Recorder();
  const resumeToken = first.messages[1]?.position?.resumeToken ?? "";
  cell.ref.watch(watchCount, { resumeToken }, second);
  await simulation.settle();
  assert.deepEqual(second.words, ["changed 2", "changed 3", "changed 4"]);
});

test("a resume token that lost too much, or of another epoch, is refused with the oldest that is left", async () => {
  const { cell, simulation, count } = counting({ retainedMax: 2 });
  const epoch = (cell.describe().epoch ?? 0).toString(36);
  count(5);
  const answers: Record<string, readonly [string[], Failure | undefined]> = {};
  for (const resumeToken of [`${epoch}.2`, `${epoch}.3`, "1.5"]) {
    const reader = new Recorder();
    cell.ref.watch(watchCount, { resumeToken }, reader);
    await simulation.settle();
    answers[resumeToken] = [reader.words, reader.ends[0]];
  }
  const { [`${epoch}.2`]: tooOld, [`${epoch}.3`]: oldest, "1.5": foreign } = answers;
  assert.deepEqual(oldest, [["changed 4", "changed 5"], undefined]);
  for (const refused of [tooOld, foreign]) {
    assert.deepEqual(refused?.[0], []);
    assert.equal(refused?.[1]?.code, "OUT_OF_RANGE");
    assert.equal(refused?.[1]?.reason, "RESUME_TOKEN_EXPIRED");
    assert.deepEqual(refused?.[1]?.detail.metadata, {
      oldest_token: `${epoch}.3`,
      newest_token: `${epoch}.5`,
    });
  }
});

test("in latest mode any resume token of the past begins with the present, or goes on where nothing was missed", async () => {
  const { cell, simulation, count } = counting({ mode: "latest" });
  const epoch = (cell.describe().epoch ?? 0).toString(36);
  count(5);
  for (const [resumeToken, words] of [
    [`${epoch}.1`, ["snapshot 5"]],
    ["1.9", ["snapshot 5"]],
    [`${epoch}.5`, []],
  ] as const) {
    const reader = new Recorder();
    cell.ref.watch(watchCount, { resumeToken }, reader);
    await simulation.settle();
    assert.deepEqual(reader.words, words);
    assert.deepEqual(reader.ends, []);
  }
});

test("a resume token of the future is none", async () => {
  const { cell, simulation, count } = counting();
  count(2);
  const reader = new Recorder();
  const epoch = (cell.describe().epoch ?? 0).toString(36);
  cell.ref.watch(watchCount, { resumeToken: `${epoch}.3` }, reader);
  await simulation.settle();
  assert.equal(reader.ends[0]?.reason, "BAD_RESUME_TOKEN");
});

test("a malformed resume token ends with INVALID_ARGUMENT", async () => {
  const { cell, simulation } = counting();
  const reader = new Recorder();
  cell.ref.watch(watchCount, { resumeToken: "../../etc" }, reader);
  await simulation.settle();
  assert.equal(reader.ends[0]?.reason, "BAD_RESUME_TOKEN");
});

test("a quiet topic sends heartbeats to those who asked for them", async () => {
  const { cell, simulation, count } = counting();
  const reader = new Recorder();
  const subscription = cell.ref.watch(watchCount, {}, reader, { heartbeatMs: 1_000 });
  await simulation.run(500);
  count();
  await simulation.run(2_600);
  assert.deepEqual(reader.words, ["snapshot 0", "changed 1", "heartbeat 1", "heartbeat 1"]);
  subscription.close();
  assert.equal(simulation.clock.pendingTimers, 0);
});

test("a closed subscription hears nothing more, not even the end", async () => {
  const { cell, simulation, count, topic } = counting();
  const [closed, aborted] = [new Recorder(), new Recorder()];
  const controller = new AbortController();
  const subscription = cell.ref.watch(watchCount, {}, closed);
  cell.ref.watch(watchCount, {}, aborted, { signal: controller.signal });
  await simulation.settle();
  count();
  subscription.close();
  subscription.close();
  controller.abort();
  cell.crash(new Error("x"));
  await simulation.settle();
  assert.deepEqual([...closed.words, ...aborted.words], ["snapshot 0", "snapshot 0"]);
  assert.deepEqual([...closed.ends, ...aborted.ends], []);
  assert.equal(topic.readers, 0);
});

test("readers of a crashed actor are told UNAVAILABLE, paused or not; watching it while down too", async () => {
  const { cell, simulation } = counting();
  const [running, paused, late] = [new Recorder(), new Recorder(), new Recorder()];
  cell.ref.watch(watchCount, {}, running);
  cell.ref.watch(watchCount, {}, paused).pause();
  await simulation.settle();
  cell.ref.tell(control, {});
  await simulation.settle();
  cell.ref.watch(watchCount, {}, late);
  await simulation.settle();
  assert.deepEqual(
    [running, paused, late].map((reader) => reader.ends.map((end) => end?.reason)),
    [["ACTOR_CRASHED"], ["ACTOR_CRASHED"], ["ACTOR_DOWN"]],
  );
});

test("a snapshot that throws crashes the actor; one that is refused ends the reader", async () => {
  const refusing = counting({ snapshot: () => failure("NOT_FOUND", "NO_SUCH_PEER", "x") });
  const reader = new Recorder();
  refusing.cell.ref.watch(watchCount, {}, reader);
  await refusing.simulation.settle();
  assert.equal(reader.ends[0]?.reason, "NO_SUCH_PEER");
  const throwing = counting({
    snapshot: () => {
      throw new Error("inconsistent");
    },
  });
  throwing.cell.ref.watch(watchCount, {}, reader);
  await throwing.simulation.settle();
  assert.equal(throwing.cell.isRunning, false);
  assert.equal(reader.ends[1]?.reason, "ACTOR_CRASHED");
});

test("a reader that throws is closed, and nobody else is hurt", async () => {
  const { cell, simulation, count, log } = counting();
  const other = new Recorder();
  let end: Failure | undefined;
  cell.ref.watch(
    watchCount,
    {},
    {
      onMessage: () => {
        throw new Error("reader");
      },
      onEnd: (reason) => {
        end = reason;
      },
    },
  );
  cell.ref.watch(watchCount, {}, other);
  await simulation.settle();
  count();
  await simulation.settle();
  assert.equal(end?.reason, "READER_FAILED");
  assert.deepEqual(other.words, ["snapshot 0", "changed 1"]);
  assert.equal(log.records.at(-1)?.message, "the reader of a stream threw");
});

const of = (account: string, isAdministrator = false) => ({ outsider: { account, isAdministrator } });

test("one reader too many from outside is refused; the node itself reads all the same", async () => {
  const { cell, simulation } = counting({ readersMax: 1 });
  const readers = [new Recorder(), new Recorder(), new Recorder()] as const;
  cell.ref.watch(watchCount, {}, readers[0], of("a"));
  cell.ref.watch(watchCount, {}, readers[1], of("b"));
  cell.ref.watch(watchCount, {}, readers[2]);
  await simulation.settle();
  assert.deepEqual(readers[0].words, ["snapshot 0"]);
  assert.equal(readers[1].ends[0]?.reason, "TOO_MANY_READERS");
  assert.deepEqual(readers[2].words, ["snapshot 0"]);
});

test("one account fills its share of a topic, and neither the others' nor the node's", async () => {
  const { cell, simulation } = counting({ readersMax: 8 });
  const watch = (options?: ReturnType<typeof of>) => {
    const reader = new Recorder();
    return { reader, subscription: cell.ref.watch(watchCount, {}, reader, options) };
  };
  const greedy = Array.from({ length: 300 }, () => watch(of("greedy")));
  const [modest, own] = [watch(of("modest")), watch()];
  await simulation.settle();
  const refusals = greedy.flatMap(({ reader }) => reader.ends.map((end) => end?.reason));
  assert.equal(refusals.length, 298);
  assert.deepEqual([...new Set(refusals)], ["TOO_MANY_READERS_OF_PRINCIPAL"]);
  for (const { reader } of [modest, own]) assert.deepEqual(reader.words, ["snapshot 0"]);
  greedy[0]?.subscription.close();
  const [again, tooMany] = [watch(of("greedy")), watch(of("greedy"))];
  await simulation.settle();
  assert.deepEqual(again.reader.words, ["snapshot 0"]);
  assert.equal(tooMany.reader.ends.length, 1);
});

test("publish() before the start, and a response without position, are programmer errors", () => {
  const topic = new Topic(watchCount, { snapshot: () => ({}) });
  assert.throws(() => topic.publish({}), /before its actor started/);
  assert.throws(() => new Topic(control as never, { snapshot: () => ({}) as never }), /has no position/);
});

test("a stream that is planned ends with UNIMPLEMENTED", async () => {
  const { cell, simulation } = startProbe({ topic: () => later("needs the store") as unknown as ProbeTopic });
  const reader = new Recorder();
  cell.ref.watch(watchCount, {}, reader);
  await simulation.settle();
  assert.equal(reader.ends[0]?.code, "UNIMPLEMENTED");
});
