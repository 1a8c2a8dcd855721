/**
 * What every host does, whatever carries it. `hostContract` registers the suite for an implementation; each test opens
 * hosts of its own and closes them.
 */

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { Failure } from "../../src/kernel/errors.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { faultOf } from "../../src/p2p/failures.ts";
import { type Identity, identityFromSeed } from "../../src/p2p/identity.ts";
import type {
  ConnectionGate,
  Host,
  HostEvent,
  HostOptions,
  RequestOptions,
  ResponseError,
} from "../../src/p2p/port.ts";

export interface HostHarness {
  /** A closed host. */
  create(identity: Identity, gate: ConnectionGate): Host;
  readonly listenAddresses: readonly string[];
  readonly transports: HostOptions["transports"];
  /** A well-formed address at which nobody listens. */
  readonly deafAddress: string;
}

export const GENESIS = new Uint8Array(32).fill(0x5a);

/** Generous: these tests share cores with others. */
const PATIENCE_MS = 10_000;

export const REQUEST: RequestOptions = {
  firstByteDeadlineMs: 5000,
  deadlineMs: 8000,
  responseBytesMax: 1024 * 1024,
  chunkBytesMax: 512 * 1024,
  chunksMax: 16,
};

const random = seededRandom(20_240_601);

/** A host under test with all its events. */
export class Watched {
  readonly host: Host;
  readonly gate: { banned: Set<string>; refused: number } & ConnectionGate;
  readonly events: HostEvent[] = [];
  #waiting: (() => void)[] = [];

  constructor(harness: HostHarness) {
    const banned = new Set<string>();
    this.gate = {
      banned,
      refused: 0,
      allows: (peerId) => peerId === undefined || !banned.has(peerId),
    };
    this.host = harness.create(identityFromSeed(random.bytes(32)), this.gate);
    this.host.subscribe((event) => {
      this.events.push(event);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  get id(): string {
    return this.host.peerId;
  }

  /** The first event of that type that fits, from the past or the future. */
  async until<T extends HostEvent["type"]>(
    type: T,
    fits: (event: Extract<HostEvent, { type: T }>) => boolean = () => true,
  ): Promise<Extract<HostEvent, { type: T }>> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      for (const event of this.events) {
        const candidate = event as Extract<HostEvent, { type: T }>;
        if (event.type === type && fits(candidate)) return candidate;
      }
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve);
        deadline.addEventListener("abort", () => reject(new Error(`no event ${type}`)), { once: true });
      });
    }
  }

  count(type: HostEvent["type"]): number {
    return this.events.filter((event) => event.type === type).length;
  }
}

export function options(harness: HostHarness, changes: Partial<HostOptions> = {}): HostOptions {
  return {
    genesisHash: GENESIS,
    listenAddresses: harness.listenAddresses,
    bootstrapAddresses: [],
    transports: harness.transports,
    encryption: ["tls"],
    mdns: false,
    kadDht: false,
    privateNetwork: true,
    connectionsMax: 50,
    topics: ["blocks", "transactions"],
    protocols: ["status", "blocks-by-range", "goodbye", "federation"],
    gossip: { heartbeatMs: 200 },
    agentVersion: "contract/1",
    ...changes,
  };
}

export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (thrown) {
    assert.ok(thrown instanceof Failure, `rejects with a Failure, not ${thrown}`);
    return thrown;
  }
  throw new Error("nothing failed");
}

/** Polls a condition that no event announces. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

type Answer = Iterable<Uint8Array> | AsyncIterable<Uint8Array> | ResponseError;

/** Answers every request of a host. */
export function answerAll(watched: Watched, answer: (payload: Uint8Array) => Answer): void {
  watched.host.subscribe((event) => {
    if (event.type === "request") watched.host.respond(event.handle, answer(event.payload));
  });
}

export function judgeAll(watched: Watched, verdict: "accept" | "ignore" | "reject"): void {
  watched.host.subscribe((event) => {
    if (event.type === "gossip") watched.host.verdict(event.handle, verdict);
  });
}

export class Hosts {
  readonly #harness: HostHarness;
  #open: Watched[] = [];

  constructor(harness: HostHarness) {
    this.#harness = harness;
  }

  async start(changes: Partial<HostOptions> = {}): Promise<Watched> {
    const watched = new Watched(this.#harness);
    this.#open.push(watched);
    await watched.host.open(options(this.#harness, changes));
    return watched;
  }

  async pair(): Promise<[Watched, Watched]> {
    const [asker, answerer] = [await this.start(), await this.start()];
    await this.join(asker, answerer);
    return [asker, answerer];
  }

  /** Connects two hosts; done when both know each other's identity. */
  async join(from: Watched, to: Watched): Promise<void> {
    await from.host.dial(to.id, to.host.addresses(), { deadlineMs: PATIENCE_MS });
    await to.until("peerIdentified", ({ identity }) => identity.peerId === from.id);
    await from.until("peerIdentified", ({ identity }) => identity.peerId === to.id);
  }

  /** Joins and waits until gossip flows both ways. */
  async joinGossip(from: Watched, to: Watched): Promise<void> {
    await this.join(from, to);
    await from.until("subscriptionChanged", (event) => event.peerId === to.id && event.topic === "blocks");
    await to.until("subscriptionChanged", (event) => event.peerId === from.id && event.topic === "blocks");
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#open.splice(0).map(({ host }) => host.close()));
  }
}

export function hostContract(name: string, harness: HostHarness): void {
  describe(`${name}: Host`, () => {
    const hosts = new Hosts(harness);
    afterEach(() => hosts.closeAll());
    lifeTests(hosts, harness);
    dialTests(hosts, harness);
    requestTests(hosts);
    requestLimitTests(hosts);
    gossipTests(hosts);
  });
}

function lifeTests(hosts: Hosts, harness: HostHarness): void {
  test("open and close begin and end an epoch and keep the identity", async () => {
    const one = await hosts.start();
    assert.equal(one.host.isOpen, true);
    assert.ok(one.host.addresses().length > 0);
    assert.ok(one.host.addresses().every((address) => address.endsWith(`/p2p/${one.id}`)));
    await one.host.close();
    await one.host.close();
    assert.equal(one.host.isOpen, false);
    await one.host.open(options(harness));
    const { snapshot } = one.host.subscribe(() => {});
    assert.equal(snapshot.epoch, 2);
    assert.deepEqual(
      one.events.map(({ type }) => type).filter((type) => type !== "addressesChanged"),
      ["opened", "closed", "opened"],
    );
  });

  test("open rejects when an address cannot be listened on, and can be tried again", async () => {
    const one = await hosts.start();
    const taken = (one.host.addresses()[0] ?? "").split("/p2p/")[0] ?? "";
    const other = new Watched(harness);
    const refused = await failureOf(other.host.open(options(harness, { listenAddresses: [taken] })));
    assert.equal(refused.reason, "LISTEN_FAILED");
    assert.equal(other.host.isOpen, false);
    await other.host.open(options(harness));
    await other.host.close();
  });

  test("a closed host answers HOST_CLOSED", async () => {
    const [one, two] = await hosts.pair();
    const pending = failureOf(one.host.request(two.id, "status", Uint8Array.of(1), REQUEST));
    await two.until("request");
    await one.host.close();
    assert.equal((await pending).reason, "HOST_CLOSED");
    const refused = await failureOf(one.host.publish("blocks", Uint8Array.of(1)));
    assert.equal(refused.reason, "HOST_CLOSED");
    assert.equal(refused.isRetryable, true);
  });

  test("bootstrap addresses are reported, not dialled", async () => {
    const seed = await hosts.start();
    const address = seed.host.addresses()[0] ?? "";
    const one = await hosts.start({ bootstrapAddresses: [address] });
    const found = await one.until("peerDiscovered", ({ source }) => source === "bootstrap");
    assert.deepEqual([found.peerId, found.addresses], [seed.id, [address]]);
    assert.equal(one.host.connections().length, 0);
  });

  test("sign makes what verifyPeerSignature accepts for this peer only", async () => {
    const [one, two] = [new Watched(harness), new Watched(harness)];
    const bytes = Uint8Array.of(1, 2, 3);
    const signature = one.host.sign(bytes);
    assert.equal(two.host.verifyPeerSignature(one.id, bytes, signature), true);
    assert.equal(two.host.verifyPeerSignature(two.id, bytes, signature), false);
    assert.equal(two.host.verifyPeerSignature(one.id, Uint8Array.of(1, 2), signature), false);
    assert.equal(two.host.verifyPeerSignature("nobody", bytes, signature), false);
    assert.equal(two.host.verifyPeerSignature(one.id, bytes, signature.subarray(1)), false);
  });
}

function dialTests(hosts: Hosts, harness: HostHarness): void {
  test("dial connects both sides and tells each what the other is", async () => {
    const [one, two] = await hosts.pair();
    const opened = await two.until("connectionOpened");
    assert.equal(opened.connection.peerId, one.id);
    assert.equal(opened.connection.direction, "inbound");
    const { identity } = await two.until("peerIdentified");
    assert.equal(identity.agentVersion, "contract/1");
    assert.ok(identity.protocols.includes("/alys/5a5a5a5a/status/1"));
    const { snapshot } = one.host.subscribe(() => {});
    assert.deepEqual(
      snapshot.connections.map(({ peerId, direction }) => [peerId, direction]),
      [[two.id, "outbound"]],
    );
    const again = await one.host.dial(two.id, two.host.addresses(), { deadlineMs: PATIENCE_MS });
    assert.equal(again.id, snapshot.connections[0]?.id);
    assert.ok((await one.host.ping(two.id, { deadlineMs: PATIENCE_MS })) >= 0);
  });

  test("dial without a peer id connects whoever answers", async () => {
    const [one, two] = [await hosts.start(), await hosts.start()];
    const bare = two.host.addresses().map((address) => address.split("/p2p/")[0] ?? "");
    const connection = await one.host.dial(undefined, bare, { deadlineMs: PATIENCE_MS });
    assert.equal(connection.peerId, two.id);
  });

  test("dial refuses another peer than the one asked for, and addresses where nobody is", async () => {
    const [one, two] = [await hosts.start(), await hosts.start()];
    const stranger = new Watched(harness);
    const bare = two.host.addresses().map((address) => address.split("/p2p/")[0] ?? "");
    const wrong = await failureOf(one.host.dial(stranger.id, bare, { deadlineMs: PATIENCE_MS }));
    assert.equal(wrong.reason, "DIAL_FAILED");
    const nobody = await failureOf(one.host.dial(stranger.id, [harness.deafAddress], { deadlineMs: 1500 }));
    assert.ok(["DIAL_FAILED", "DIAL_DEADLINE"].includes(nobody.reason), nobody.reason);
    assert.equal(faultOf(nobody), "network");
    const nonsense = await failureOf(one.host.dial(undefined, ["/nonsense"], { deadlineMs: 1000 }));
    assert.equal(nonsense.reason, "ADDRESS_INVALID");
    assert.equal(one.host.connections().length, 0);
  });

  test("the gate refuses a banned peer in both directions at once", async () => {
    const [one, two] = [await hosts.start(), await hosts.start()];
    one.gate.banned.add(two.id);
    const refused = await failureOf(one.host.dial(two.id, two.host.addresses(), { deadlineMs: PATIENCE_MS }));
    assert.equal(refused.reason, "GATE_REFUSED");
    await two.host.dial(one.id, one.host.addresses(), { deadlineMs: PATIENCE_MS }).catch(() => {});
    await eventually(() => two.host.connections().length === 0, "the banned peer's connection closes");
    assert.equal(one.count("connectionOpened"), 0);
    assert.ok(one.host.stats().gateRefused >= 2);
  });

  test("hangUp closes the connection at both ends", async () => {
    const [one, two] = await hosts.pair();
    await one.host.hangUp(two.id);
    assert.equal(one.host.connections().length, 0);
    const closed = await two.until("connectionClosed");
    assert.equal(closed.connection.peerId, one.id);
    assert.equal(closed.isLastOfPeer, true);
    await one.host.hangUp(two.id);
    const refused = await failureOf(one.host.request(two.id, "status", Uint8Array.of(), REQUEST));
    assert.equal(refused.reason, "NOT_CONNECTED");
  });

  test("a full host refuses strangers and admits protected peers", async () => {
    const hub = await hosts.start({ connectionsMax: 1 });
    const [first, stranger, member] = [await hosts.start(), await hosts.start(), await hosts.start()];
    await hosts.join(first, hub);
    await stranger.host.dial(hub.id, hub.host.addresses(), { deadlineMs: PATIENCE_MS }).catch(() => {});
    await eventually(() => stranger.host.connections().length === 0, "the stranger is refused");
    hub.host.protectPeers(new Set([member.id]));
    await hosts.join(member, hub);
    assert.equal(hub.host.connections().length, 2);
    const { connectionsIn, connectionsOut } = hub.host.stats();
    assert.deepEqual([connectionsIn, connectionsOut], [2, 0]);
  });
}

function requestTests(hosts: Hosts): void {
  test("request brings the chunks in order and counts their bytes", async () => {
    const [one, two] = await hosts.pair();
    const chunks = [new Uint8Array(300_000).fill(1), new Uint8Array(0), new Uint8Array(70_000).fill(2)];
    answerAll(two, () => chunks);
    const seen: number[] = [];
    const onChunk = (chunk: Uint8Array): void => void seen.push(chunk.length);
    const payload = new Uint8Array(60).fill(9);
    const answer = await one.host.request(two.id, "blocks-by-range", payload, { ...REQUEST, onChunk });
    assert.deepEqual(answer, chunks);
    assert.deepEqual(seen, [300_000, 0, 70_000]);
    const { payload: asked, peerId } = await two.until("request");
    assert.deepEqual([peerId, asked], [one.id, payload]);
    const ended = await two.until("requestEnded");
    assert.equal(ended.outcome, "answered");
    assert.ok(ended.bytesOut >= 370_000);
    const traffic = one.host.stats().trafficByProtocol["blocks-by-range"];
    assert.ok(traffic !== undefined && traffic.bytesIn >= 370_000 && traffic.bytesOut >= 60);
    const [connection] = one.host.connections();
    assert.ok((connection?.traffic["blocks-by-range"]?.bytesIn ?? 0) >= 370_000);
    assert.ok((connection?.bytesIn ?? 0) >= 370_000);
  });

  test("an empty answer is an empty list, and a generator is an answer", async () => {
    const [one, two] = await hosts.pair();
    answerAll(two, async function* (payload) {
      for (const byte of payload) yield Uint8Array.of(byte);
    });
    assert.deepEqual(await one.host.request(two.id, "status", Uint8Array.of(), REQUEST), []);
    const answer = await one.host.request(two.id, "status", Uint8Array.of(4, 5), REQUEST);
    assert.deepEqual(answer, [Uint8Array.of(4), Uint8Array.of(5)]);
  });

  test("each error of the responder arrives as its own failure", async () => {
    const [one, two] = await hosts.pair();
    const errors: ResponseError[] = [
      "invalid-request",
      "server-error",
      "resource-unavailable",
      "rate-limited",
    ];
    answerAll(two, (payload) => errors[payload[0] ?? 0] ?? []);
    const reasons: string[] = [];
    for (const index of errors.keys()) {
      reasons.push(
        (await failureOf(one.host.request(two.id, "status", Uint8Array.of(index), REQUEST))).reason,
      );
    }
    assert.deepEqual(reasons, [
      "PEER_INVALID_REQUEST",
      "PEER_SERVER_ERROR",
      "PEER_RESOURCE_UNAVAILABLE",
      "PEER_RATE_LIMITED",
    ]);
  });

  test("a source of chunks that fails half-way never looks like a whole answer", async () => {
    const [one, two] = await hosts.pair();
    answerAll(two, function* () {
      yield Uint8Array.of(1);
      throw new Error("the disk is gone");
    });
    const cut = await failureOf(one.host.request(two.id, "status", Uint8Array.of(), REQUEST));
    assert.ok(["STREAM_RESET", "RESPONSE_TRUNCATED"].includes(cut.reason), cut.reason);
    assert.equal(faultOf(cut), "network");
    assert.equal((await two.until("requestEnded")).outcome, "closed");
  });

  test("two chains have no protocol in common", async () => {
    const one = await hosts.start();
    const two = await hosts.start({ genesisHash: new Uint8Array(32).fill(0x77) });
    await hosts.join(one, two);
    const refused = await failureOf(one.host.request(two.id, "status", Uint8Array.of(), REQUEST));
    assert.equal(refused.reason, "PROTOCOL_UNSUPPORTED");
    assert.equal(two.count("request"), 0);
    assert.equal(one.count("subscriptionChanged"), 0);
  });

  test("a connection that goes fails what is under way on it", async () => {
    const [one, two] = await hosts.pair();
    const pending = failureOf(one.host.request(two.id, "status", Uint8Array.of(), REQUEST));
    await two.until("request");
    await two.host.close();
    const lost = await pending;
    assert.equal(faultOf(lost), "network");
    assert.equal(lost.isRetryable, true);
  });

  test("a stale handle does nothing", async () => {
    const [one, two] = await hosts.pair();
    answerAll(two, () => [Uint8Array.of(1)]);
    await one.host.request(two.id, "status", Uint8Array.of(), REQUEST);
    const { handle } = await two.until("request");
    two.host.respond(handle, [Uint8Array.of(2)]);
    two.host.verdict(12_345 as Parameters<Host["verdict"]>[0], "accept");
  });
}

function requestLimitTests(hosts: Hosts): void {
  const refusals = [
    ["RESPONSE_TOO_LARGE", "a chunk that is too large", { chunkBytesMax: 99 }],
    ["RESPONSE_TOO_LARGE", "an answer that is too large", { responseBytesMax: 250 }],
    ["RESPONSE_TOO_MANY", "one chunk too many", { chunksMax: 2 }],
  ] as const;
  for (const [reason, what, limits] of refusals) {
    test(`request refuses ${what}`, async () => {
      const [one, two] = await hosts.pair();
      answerAll(two, () => [new Uint8Array(100), new Uint8Array(100), new Uint8Array(100)]);
      const asked = one.host.request(two.id, "status", Uint8Array.of(), { ...REQUEST, ...limits });
      const refused = await failureOf(asked);
      assert.equal(refused.reason, reason);
      assert.equal(faultOf(refused), "peer");
    });
  }

  test("a responder that never begins costs the first-byte deadline and hears that we left", async () => {
    const [one, two] = await hosts.pair();
    const asked = one.host.request(two.id, "status", Uint8Array.of(), {
      ...REQUEST,
      firstByteDeadlineMs: 300,
    });
    assert.equal((await failureOf(asked)).reason, "FIRST_BYTE_DEADLINE");
    assert.equal((await two.until("requestEnded")).outcome, "closed");
    assert.equal(two.host.stats().requestsServing, 0);
  });

  test("a responder that stalls after a chunk costs the whole deadline, and its source is closed", async () => {
    const [one, two] = await hosts.pair();
    const released = Promise.withResolvers<void>();
    let isClosed = false;
    answerAll(two, async function* () {
      try {
        yield Uint8Array.of(1);
        await released.promise;
        yield Uint8Array.of(2);
      } finally {
        isClosed = true;
      }
    });
    const asked = one.host.request(two.id, "status", Uint8Array.of(), { ...REQUEST, deadlineMs: 400 });
    assert.equal((await failureOf(asked)).reason, "RESPONSE_DEADLINE");
    assert.equal((await two.until("requestEnded")).outcome, "closed");
    released.resolve();
    await eventually(() => isClosed, "the generator is closed");
  });

  test("an aborted request is cancelled at both ends", async () => {
    const [one, two] = await hosts.pair();
    const controller = new AbortController();
    const signal = controller.signal;
    const pending = failureOf(one.host.request(two.id, "status", Uint8Array.of(), { ...REQUEST, signal }));
    await two.until("request");
    controller.abort();
    assert.equal((await pending).reason, "REQUEST_CANCELLED");
    assert.equal((await two.until("requestEnded")).outcome, "closed");
  });

  test("a request longer than its protocol allows is not sent", async () => {
    const [one, two] = await hosts.pair();
    const refused = await failureOf(one.host.request(two.id, "goodbye", new Uint8Array(65), REQUEST));
    assert.equal(refused.reason, "REQUEST_TOO_LARGE");
    assert.equal(two.count("request"), 0);
  });

  test("more requests than a protocol's burst are answered rate limited, then cut off", async () => {
    const [one, two] = await hosts.pair();
    answerAll(two, () => []);
    const reasons: string[] = [];
    for (let index = 0; index < 8; index += 1) {
      const asked = one.host.request(two.id, "goodbye", Uint8Array.of(index), REQUEST);
      reasons.push(
        await asked.then(
          () => "answered",
          (cause: Failure) => cause.reason,
        ),
      );
    }
    assert.deepEqual(reasons.slice(0, 2), ["answered", "answered"]);
    assert.equal(reasons[2], "PEER_RATE_LIMITED");
    await two.until("violation", ({ kind }) => kind === "rate-limited");
    assert.equal(two.count("request"), 2);
    assert.ok(two.host.stats().rateLimited >= 6);
  });
}

function gossipTests(hosts: Hosts): void {
  test("publish reaches subscribers, and what is accepted is passed on", async () => {
    const [one, two, three] = [await hosts.start(), await hosts.start(), await hosts.start()];
    await hosts.joinGossip(one, two);
    await hosts.joinGossip(two, three);
    judgeAll(two, "accept");
    judgeAll(three, "accept");
    const block = new Uint8Array(5000).fill(3);
    assert.deepEqual(await one.host.publish("blocks", block), { recipients: 1 });
    const heard = await three.until("gossip");
    assert.equal(heard.peerId, two.id);
    assert.deepEqual([heard.topic, heard.data], ["blocks", block]);
    const [blocks] = two.host.stats().gossip;
    assert.equal(blocks?.accepted, 1);
    assert.deepEqual(await one.host.publish("blocks", block), { recipients: 0 });
  });

  test("what is rejected or ignored goes no further, and only rejecting costs", async () => {
    const [one, two, three] = [await hosts.start(), await hosts.start(), await hosts.start()];
    await hosts.joinGossip(one, two);
    await hosts.joinGossip(two, three);
    const verdicts = new Map<number, "accept" | "ignore" | "reject">([
      [1, "ignore"],
      [2, "reject"],
      [3, "reject"],
      [4, "accept"],
    ]);
    two.host.subscribe((event) => {
      if (event.type === "gossip")
        two.host.verdict(event.handle, verdicts.get(event.data[0] ?? 0) ?? "ignore");
    });
    judgeAll(three, "accept");
    const scores: number[] = [];
    for (const first of verdicts.keys()) {
      await one.host.publish("blocks", new Uint8Array(100).fill(first));
      await two.until("gossip", ({ data }) => data[0] === first);
      // The router keeps a computed score for one heartbeat.
      await new Promise((resolve) => setTimeout(resolve, 250));
      scores.push(two.host.stats().gossipScores[one.id] ?? 0);
    }
    await three.until("gossip", ({ data }) => data[0] === 4);
    assert.equal(three.count("gossip"), 1);
    assert.ok((scores[0] ?? -1) >= 0, "ignoring is free");
    assert.ok((scores[2] ?? 0) < -40, `two rejections end gossip: ${scores}`);
    const [blocks] = two.host.stats().gossip;
    assert.deepEqual([blocks?.ignored, blocks?.rejected, blocks?.accepted], [1, 2, 1]);
  });

  test("a message without a verdict is ignored at its deadline", async () => {
    const one = await hosts.start();
    const two = await hosts.start({ gossip: { heartbeatMs: 200, verdictDeadlineMs: 100 } });
    await hosts.joinGossip(one, two);
    await one.host.publish("transactions", Uint8Array.of(1, 2));
    const { handle } = await two.until("gossip");
    await eventually(() => two.host.stats().messagesWaiting === 0, "the message expires");
    two.host.verdict(handle, "accept");
    const transactions = two.host.stats().gossip.find(({ topic }) => topic === "transactions");
    assert.deepEqual([transactions?.expired, transactions?.accepted], [1, 0]);
  });

  test("publish refuses what is too large for its topic", async () => {
    const one = await hosts.start();
    const refused = await failureOf(one.host.publish("transactions", new Uint8Array(2 * 1024 * 1024)));
    assert.equal(refused.reason, "PUBLISH_FAILED");
    assert.deepEqual(await one.host.publish("transactions", Uint8Array.of(7)), { recipients: 0 });
  });
}
