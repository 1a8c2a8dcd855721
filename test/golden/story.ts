/**
 * A golden story: a script of what happens to one SyncMachine, and what it wants done each time. Lines that begin with `#` are
 * prose, with `=` set up the world, with `>` are inputs; `<` lines are the effects and `|` lines the status, both written by
 * running the story. The chain, the rules and the effect runner are the real ones; the story decides what comes back, and
 * when. test/golden/README.md has the words.
 */

import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { NetworkInternalService } from "../../gen/alys/network/v1/network_pb.ts";
import { PeerInfoSchema, PeerInternalService } from "../../gen/alys/peer/v1/peer_pb.ts";
import { SyncState } from "../../gen/alys/sync/v1/sync_pb.ts";
import { type Mode, syncConfig, TICK_MS } from "../../src/actors/sync/config.ts";
import type { SyncEffect } from "../../src/actors/sync/effect.ts";
import { EffectRunner } from "../../src/actors/sync/effect-runner.ts";
import { EvidenceStore } from "../../src/actors/sync/equivocation/evidence-store.ts";
import type { SyncInput } from "../../src/actors/sync/input.ts";
import { SyncMachine } from "../../src/actors/sync/machine.ts";
import { splitBlock } from "../../src/chain/block.ts";
import { decodeHeader, HEADER_LENGTH, headerHash } from "../../src/chain/header.ts";
import { InlineValidator } from "../../src/chain/pool/inline.ts";
import { type EmbeddedChain, openEmbeddedChain } from "../../src/integrations/chain/embedded/embedded.ts";
import type { ChainPort } from "../../src/integrations/chain/port.ts";
import { asError, Failure, failure, type StatusCode } from "../../src/kernel/errors.ts";
import { MemoryLog } from "../../src/kernel/ports/log.ts";
import { Simulation } from "../../src/kernel/ports/simulation.ts";
import { MemoryDisk, openMemoryStore } from "../../src/storage/memory.ts";
import { stubRef } from "../unit/actors/sync/stub-ref.ts";
import { START_MS, StoryChains } from "./story-chains.ts";
import { effectLine, nameIn } from "./story-lines.ts";

/** Something that the machine waits for: settled by a line of the story. */
type Settle = (how: string) => void;

export class Story {
  readonly #simulation = new Simulation(1, { startMs: START_MS });
  readonly #chains = new StoryChains();
  readonly #waiting = new Map<string, Settle>();
  readonly #lines: string[] = [];
  #settings = {
    batchBlocks: 64,
    finalityDepth: 64,
    ours: "",
  };
  #machine: SyncMachine | undefined;
  #runner: EffectRunner | undefined;
  #isAway = false;
  /** Of the effect that is being performed. */
  #label = "";
  #validations = 0;
  #imports = 0;

  /** Runs the script and gives it back with its effects and statuses written anew. */
  async run(script: string): Promise<string> {
    for (const line of script.split("\n")) {
      if (line.startsWith("<") || line.startsWith("|")) continue;
      this.#lines.push(line);
      if (line.startsWith("= ")) this.#setUp(line.slice(2));
      if (!line.startsWith("> ")) continue;
      try {
        await this.#input(line.slice(2));
      } catch (error) {
        const told = this.#lines.join("\n");
        throw new Error(`${told}\n-- here: ${asError(error).message}`, { cause: error });
      }
    }
    return this.#lines.join("\n");
  }

  #setUp(words: string): void {
    const [what = "", first = "", ...rest] = words.split(" ");
    switch (what) {
      case "chain": {
        const [count, ...more] = rest;
        const changesAt = more.indexOf("changes");
        const partsAt = more.indexOf("parts");
        const change = changesAt < 0 ? undefined : Number(more[changesAt + 1]);
        return this.#chains.forgeChain(
          first,
          Number(count),
          change,
          partsAt < 0 ? [] : [Number(more[partsAt + 1])],
        );
      }
      case "branch": {
        const [from = "", count] = rest;
        const [parent = "", height] = from.split(":");
        return this.#chains.branch(first, parent, Number(height), Number(count));
      }
      case "batch":
        this.#settings.batchBlocks = Number(first);
        return;
      case "finality":
        this.#settings.finalityDepth = Number(first);
        return;
      case "ours":
        this.#settings.ours = first;
        return;
      default:
        assert.fail(`no setting "${what}"`);
    }
  }

  async #begin(): Promise<void> {
    const { forge } = this.#chains;
    const { finalityDepth, ours } = this.#settings;
    const { scheduler, clock } = this.#simulation;
    const facts = forge.facts(500, finalityDepth);
    const { header, authorities } = forge.genesis;
    const store = openMemoryStore({ disk: new MemoryDisk(), genesisHash: facts.genesisHash, scheduler });
    const chain = openEmbeddedChain({
      store,
      facts,
      genesis: { header, authorities },
      clock,
      log: new MemoryLog(),
    });
    if (chain instanceof Failure) throw chain;
    const validator = new InlineValidator(facts);
    if (ours !== "") {
      const blocks = this.#chains.blocks(ours);
      const sets = { authorities, parentAuthorities: authorities };
      const verdict = await validator.validateSegment({
        blocks,
        policy: "EVERY_BLOCK",
        ...sets,
        nowMs: START_MS,
      });
      assert(verdict.ok, "our chain is sound");
      await this.#settled(chain.importSegment(verdict.segment));
    }
    const port = this.#port(chain);
    const config = { ...syncConfig(undefined, 2), batchBlocks: this.#settings.batchBlocks };
    this.#machine = new SyncMachine({ config, chain: port, ownKey: undefined, epoch: 0 });
    const network = stubRef(NetworkInternalService, "network");
    network.on(NetworkInternalService.method.requestBlocks, () =>
      this.#answer("answer", (blocks) => ({ blocks, latencyMs: 10, durationMs: 20, bytes: 1n })),
    );
    network.on(NetworkInternalService.method.requestBlocksByHash, () =>
      this.#answer("found", (blocks) => ({ blocks })),
    );
    this.#runner = new EffectRunner({
      chain: port,
      validator,
      network,
      peer: stubRef(PeerInternalService, "peer"),
      requestDeadlineMs: config.requestDeadlineMs,
      clock,
      log: new MemoryLog(),
      signal: new AbortController().signal,
      evidenceStore: new EvidenceStore(undefined),
      effect: (work, done) => this.#hold(work, done),
      step: (input) => this.#step(input),
      published: () => undefined,
      ownApproval: () => undefined,
      own: () => undefined,
      checkpoints: undefined,
      backFilled: () => undefined,
      searchTold: () => undefined,
      searchEnded: () => undefined,
    });
  }

  /** The chain as the machine sees it: away when the story says so, and slow to import. */
  #port(chain: EmbeddedChain): ChainPort {
    const snapshot = () => ({ ...chain.snapshot(), isAvailable: !this.#isAway });
    const importSegment: ChainPort["importSegment"] = (segment) =>
      new Promise((resolve, reject) => {
        this.#waiting.set(`import ${this.#label}`, (how) => {
          if (how === "") chain.importSegment(segment).then(resolve, reject);
          else
            resolve({ kind: "notNow", failure: failure("UNAVAILABLE", how, "the chain cannot take it now") });
        });
      });
    return new Proxy(chain, {
      get: (target, name) => {
        if (name === "snapshot") return snapshot;
        if (name === "importSegment") return importSegment;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  /** A request that waits for a line of the story: `answer r1 main:1..16`, `fail r1 UNAVAILABLE PEER_BUSY`. */
  #answer<T>(verb: string, reply: (blocks: Uint8Array[]) => T): Promise<T> {
    const label = this.#label;
    return new Promise((resolve, reject) => {
      this.#waiting.set(`${verb} ${label}`, (how) => {
        const isOne = verb === "found" && how !== "";
        resolve(reply(isOne ? [this.#chains.block(how)] : how === "" ? [] : this.#chains.blocks(how)));
      });
      this.#waiting.set(`fail ${label}`, (how) => {
        const [status = "", reason = ""] = how.split(" ");
        reject(failure(status as StatusCode, reason, "the story says so"));
      });
    });
  }

  /** ActorContext.effect, but that a validation is told of when the story says so. */
  #hold<T>(
    work: Promise<T>,
    done: (outcome: { ok: true; value: T } | { ok: false; failure: Failure }) => void,
  ): void {
    const label = this.#label;
    const settle = (): void => {
      work.then(
        (value) => done({ ok: true, value }),
        (thrown: unknown) =>
          done({
            ok: false,
            failure:
              thrown instanceof Failure ? thrown : failure("INTERNAL", "THROWN", asError(thrown).message),
          }),
      );
    };
    if (!label.startsWith("v") && !label.startsWith("l")) return settle();
    // A live block is validated first and imported then, under one label.
    if (this.#waiting.has(`import ${label}`)) return settle();
    this.#waiting.set(`validate ${label}`, (how) => {
      if (how === "") return settle();
      work.catch(() => undefined);
      return done({ ok: false, failure: failure("UNAVAILABLE", how, "the validator failed") });
    });
  }

  async #input(words: string): Promise<void> {
    if (this.#machine === undefined) await this.#begin();
    const [verb = "", first = "", ...rest] = words.split(" ");
    const more = rest.join(" ");
    switch (verb) {
      case "peer":
        return this.#step({ type: "peerSeen", peer: this.#peer(first, more) });
      case "gone":
        return this.#step({ type: "peerGone", peerId: first });
      case "start":
        return this.#step({
          type: "start",
          options: { mode: first as Mode, heightMax: rest[1] === undefined ? undefined : Number(rest[1]) },
        });
      case "stop":
        return this.#step({ type: "stop", reason: { type: "stopped", note: words.slice(5) } });
      case "pause":
        return this.#step({ type: "pause", note: words.slice(6) });
      case "resume":
        return this.#step({ type: "resume" });
      case "gossip":
        return this.#step({
          type: "gossip",
          handle: first,
          peerId: rest[0] ?? "",
          bytes: this.#chains.block(rest.slice(1).join(" ")),
        });
      case "own":
        return this.#step({ type: "own", token: Number(first), block: this.#chains.block(more) });
      case "moved":
        return this.#step({ type: "chainMoved", isReorganized: first === "reorganized" });
      case "away":
      case "back":
        this.#isAway = verb === "away";
        return this.#step({ type: "chainMoved", isReorganized: false });
      case "tick":
        return this.#tick();
      case "wait":
        return this.#wait(Number(first));
      case "status":
        return this.#status();
      default: {
        const settle = this.#waiting.get(`${verb} ${first}`);
        assert(settle !== undefined, `nothing waits for "${verb} ${first}"`);
        for (const other of ["answer", "fail", "found", "validate", "import"])
          this.#waiting.delete(`${other} ${first}`);
        settle(more);
        return this.#simulation.settle();
      }
    }
  }

  /** Ticks for so many seconds; only those that do something are told. */
  async #wait(seconds: number): Promise<void> {
    const endMs = this.#simulation.clock.monotonicMs() + seconds * 1_000;
    while (this.#simulation.clock.monotonicMs() < endMs) await this.#tick();
  }

  async #tick(): Promise<void> {
    await this.#simulation.run(TICK_MS);
    this.#step({ type: "tick" });
  }

  #step(input: SyncInput): void {
    assert(this.#machine !== undefined && this.#runner !== undefined);
    const { clock } = this.#simulation;
    const moment = { monotonicMs: clock.monotonicMs(), unixMs: clock.nowMs() };
    for (const effect of this.#machine.step(input, moment)) {
      this.#label = this.#labelOf(effect);
      this.#lines.push(`< ${effectLine(effect, this.#chains, this.#label)}`);
      this.#runner.perform(effect);
    }
  }

  #labelOf(effect: SyncEffect): string {
    switch (effect.type) {
      case "request":
        return `r${effect.requestId}`;
      case "lookUp":
        return `u${effect.id}`;
      case "validateLive":
      case "importLive":
        return `l${effect.id}`;
      case "validate":
        return `v${++this.#validations}`;
      case "import":
        return `i${++this.#imports}`;
      default:
        return "";
    }
  }

  /** `main:24`, `main:24 member 1`, `main:24 from 5`, `main:24 unproven`. */
  #peer(peerId: string, words: string) {
    const [head = "", ...more] = words.split(" ");
    const block = this.#chains.block(head);
    const { height, slot } = decodeHeader(block.subarray(0, HEADER_LENGTH));
    const member = more.indexOf("member");
    const from = more.indexOf("from");
    const isUnproven = more.includes("unproven");
    const memberKey =
      member < 0 ? new Uint8Array() : this.#chains.forge.secretKeys[Number(more[member + 1])]?.publicKey;
    return create(PeerInfoSchema, {
      peerId,
      score: { overall: 50 },
      earliestHeight: BigInt(from < 0 ? 1 : Number(more[from + 1])),
      memberKey: memberKey ?? new Uint8Array(),
      memberRole: member < 0 ? 0 : 1,
      head: isUnproven
        ? { height: 0n, slot: 0n, hash: this.#chains.forge.genesis.hash, receivedMs: BigInt(START_MS) }
        : {
            height: BigInt(height),
            slot: BigInt(slot),
            hash: headerHash(block.subarray(0, HEADER_LENGTH)),
            receivedMs: BigInt(this.#simulation.clock.nowMs()),
          },
      ...(isUnproven ? { unprovenHead: splitBlock(block) } : {}),
    });
  }

  #status(): void {
    assert(this.#machine !== undefined);
    const { clock } = this.#simulation;
    const moment = { monotonicMs: clock.monotonicMs(), unixMs: clock.nowMs() };
    const { state, head, target, reason } = this.#machine.status(moment);
    const at = ((clock.nowMs() - START_MS) / 1_000).toFixed(1);
    const words = reason === "" ? "" : `: ${reason}`;
    this.#lines.push(
      `| ${at} s ${nameIn(SyncState, state ?? 0)} ${head?.height ?? 0} of ${target?.height ?? 0}${words}`,
    );
  }

  async #settled<T>(work: Promise<T>): Promise<T> {
    work.catch(() => undefined);
    await this.#simulation.settle();
    return work;
  }
}
