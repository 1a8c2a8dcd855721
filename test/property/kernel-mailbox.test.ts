/** The mailbox against a model: four lists. Bounds hold, order holds, nobody starves, nothing is lost or doubled. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LANES, Mailbox } from "../../src/kernel/actor/mailbox.ts";

interface Item {
  readonly lane: number;
  readonly number: number;
  readonly bytes: number;
}
interface Model {
  readonly lanes: Item[][];
  readonly own: Item[];
  numbers: number;
}

const MESSAGES_MAX = 5;
const BYTES_MAX = 100;
const ROUND = 96;

const bytesOf = (lane: readonly Item[]): number => lane.reduce((sum, item) => sum + item.bytes, 0);
const depth = (model: Model): number =>
  model.own.length + model.lanes.reduce((sum, lane) => sum + lane.length, 0);

class Offer implements fc.Command<Model, Mailbox<Item>> {
  readonly lane: number;
  readonly bytes: number;
  readonly overflow: "refuse" | "drop_oldest";

  constructor(lane: number, bytes: number, overflow: "refuse" | "drop_oldest") {
    this.lane = lane;
    this.bytes = bytes;
    this.overflow = overflow;
  }

  check = (): boolean => true;

  run(model: Model, mailbox: Mailbox<Item>): void {
    const lane = model.lanes[this.lane] ?? assert.fail();
    const item: Item = { lane: this.lane, number: model.numbers++, bytes: this.bytes };
    const offer = mailbox.offer(this.lane, item, this.bytes, this.overflow);
    const isTooLarge = this.bytes > BYTES_MAX;
    const fits = (): boolean => lane.length < MESSAGES_MAX && bytesOf(lane) + this.bytes <= BYTES_MAX;
    assert.equal(offer.isAccepted, !isTooLarge && (fits() || this.overflow === "drop_oldest"));
    if (offer.isAccepted) {
      const dropped: Item[] = [];
      while (!fits()) dropped.push(lane.shift() ?? assert.fail());
      assert.deepEqual(offer.dropped, dropped, "drops the oldest, and no more than needed");
      lane.push(item);
    }
    assert.deepEqual(mailbox.depthOf(this.lane), { messages: lane.length, bytes: bytesOf(lane) });
    assert.equal(mailbox.length, depth(model));
  }

  toString = (): string => `offer(${LANES[this.lane]}, ${this.bytes} bytes, ${this.overflow})`;
}

class PushOwn implements fc.Command<Model, Mailbox<Item>> {
  check = (): boolean => true;

  run(model: Model, mailbox: Mailbox<Item>): void {
    const item: Item = { lane: -1, number: model.numbers++, bytes: 0 };
    mailbox.pushOwn(item);
    model.own.push(item);
  }

  toString = (): string => "pushOwn()";
}

class Take implements fc.Command<Model, Mailbox<Item>> {
  check = (): boolean => true;

  run(model: Model, mailbox: Mailbox<Item>): void {
    const taken = mailbox.take();
    if (taken === undefined) {
      assert.equal(depth(model), 0, "says empty only when it is");
      return;
    }
    const lane = taken.lane < 0 ? model.own : (model.lanes[taken.lane] ?? assert.fail());
    assert.equal(taken, lane.shift(), "the oldest of its lane");
    assert.equal(mailbox.length, depth(model));
  }

  toString = (): string => "take()";
}

class DrainAll implements fc.Command<Model, Mailbox<Item>> {
  check = (): boolean => true;

  run(model: Model, mailbox: Mailbox<Item>): void {
    assert.deepEqual(mailbox.drainAll(), [...model.own, ...model.lanes.flat()]);
    for (const lane of [model.own, ...model.lanes]) lane.length = 0;
    assert.equal(mailbox.length, 0);
  }

  toString = (): string => "drainAll()";
}

test("Mailbox behaves as four bounded lists and one of its own", () => {
  const bound = { messagesMax: MESSAGES_MAX, bytesMax: BYTES_MAX };
  const offers = fc
    .tuple(fc.nat(LANES.length - 1), fc.nat(BYTES_MAX + 5), fc.constantFrom("refuse", "drop_oldest"))
    .map(([lane, bytes, overflow]) => new Offer(lane, bytes, overflow as "refuse" | "drop_oldest"));
  const commands = fc.commands(
    [offers, offers, fc.constant(new PushOwn()), fc.constant(new Take()), fc.constant(new DrainAll())],
    { maxCommands: 200, size: "max" },
  );
  fc.assert(
    fc.property(commands, (given) => {
      const setup = (): { model: Model; real: Mailbox<Item> } => ({
        model: { lanes: LANES.map(() => []), own: [], numbers: 0 },
        real: new Mailbox<Item>({ control: bound, consensus: bound, normal: bound, bulk: bound }),
      });
      fc.modelRun(setup, given);
    }),
    { numRuns: 200 },
  );
});

test("Mailbox serves whoever waits within two rounds, whatever the others send", () => {
  const arrivals = fc.array(fc.tuple(fc.integer({ min: -1, max: 3 }), fc.nat(8)), { maxLength: 300 });
  fc.assert(
    fc.property(arrivals, fc.nat(3), (given, victim) => {
      const mailbox = new Mailbox<string>();
      const send = (lane: number, name: string): void => {
        if (lane < 0) mailbox.pushOwn(name);
        else mailbox.offer(lane, name, 1, "drop_oldest");
      };
      // Some history, to start in the middle of a round.
      for (const [lane, takes] of given) {
        send(lane, "history");
        for (let count = 0; count < takes; count++) mailbox.take();
      }
      mailbox.drainAll();
      send(victim, "victim");
      for (let taken = 1; taken <= 2 * ROUND; taken++) {
        for (let lane = -1; lane < LANES.length; lane++) if (lane !== victim) send(lane, "flood");
        if (mailbox.take() === "victim") return;
      }
      assert.fail(`${LANES[victim]} starved`);
    }),
    { numRuns: 100 },
  );
});
