/**
 * A control plane of every service whose actors are stubs, and calls of any method with any bytes: what the tests that walk
 * all methods by their descriptors share.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { create, type DescMethod, type DescService, fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Client, credentials, Metadata, type ServiceError, type StatusObject, status } from "@grpc/grpc-js";
import { BridgeService, ChainService, EngineService } from "../../gen/alys/integration/v1/integration_pb.ts";
import { NetworkService } from "../../gen/alys/network/v1/network_pb.ts";
import { NodeService } from "../../gen/alys/node/v1/node_pb.ts";
import { PeerService } from "../../gen/alys/peer/v1/peer_pb.ts";
import { ProducerService } from "../../gen/alys/producer/v1/producer_pb.ts";
import { SupervisorService } from "../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { reasonsInProto } from "../../scripts/reasons.ts";
import { attenuateToken } from "../../src/control/auth/token.ts";
import { openTokenStore } from "../../src/control/auth/token-store.ts";
import type { AnyRef } from "../../src/control/bind.ts";
import { pathOf } from "../../src/control/codec.ts";
import { type ControlOptions, type RunningControl, startControl } from "../../src/control/server.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import type { AskOptions } from "../../src/kernel/ref.ts";
import { folder, until } from "./control-world.ts";

export const SERVICES: readonly DescService[] = [
  NodeService,
  SyncService,
  PeerService,
  NetworkService,
  ProducerService,
  SupervisorService,
  ChainService,
  EngineService,
  BridgeService,
];
export const METHODS = SERVICES.flatMap((service) => service.methods);
const ATTACHING = new Set<DescService>([ChainService, EngineService, BridgeService]);
const REASONS = reasonsInProto();

/** What a stub does with a call. `pending` never answers; `flood` publishes for as long as the reader takes it. */
export type StubMode = "answer" | "pending" | "flood";

/** Messages of a flood, 4 KiB each: far more than window and buffers take. */
const FLOOD_MESSAGES = 10_000;
/** A field that no message has, as it is written: its length, then so many bytes. */
const PADDING = Uint8Array.of(0x80, 0x20, ...new Array<number>(4096).fill(7));

/** Answers anything; counts what it is asked and who watches. */
export class Stub implements AnyRef {
  readonly service: DescService;
  readonly name = "stub";
  mode: StubMode = "answer";
  asked = 0;
  watching = 0;
  /** Calls that wait for an answer. */
  waiting = 0;
  /** Messages that readers took. */
  sent = 0;

  constructor(service: DescService) {
    this.service = service;
  }

  ask(method: never, _request: never, options?: AskOptions): Promise<unknown> {
    this.asked += 1;
    if (this.mode !== "pending") return Promise.resolve(create((method as DescMethod).output));
    this.waiting += 1;
    return new Promise((_, reject) => {
      options?.signal?.addEventListener("abort", () => {
        this.waiting -= 1;
        reject(options.signal?.reason);
      });
    });
  }

  watch(method: never, _request: never, reader: { onMessage(message: never): void }) {
    this.asked += 1;
    this.watching += 1;
    const answer = create((method as DescMethod).output);
    if (this.mode === "flood") answer.$unknown = [{ no: 999, wireType: 2, data: PADDING }];
    const message = answer as never;
    let isOpen = true;
    let isPaused = false;
    let left = this.mode === "flood" ? FLOOD_MESSAGES : this.mode === "answer" ? 1 : 0;
    const push = (): void => {
      for (let turn = 0; turn < 64 && isOpen && !isPaused && left > 0; turn++, left--) {
        this.sent += 1;
        reader.onMessage(message);
      }
      if (isOpen && !isPaused && left > 0) setImmediate(push);
    };
    setImmediate(push);
    return {
      close: () => {
        if (isOpen) this.watching -= 1;
        isOpen = false;
      },
      pause: () => {
        isPaused = true;
      },
      resume: () => {
        isPaused = false;
        push();
      },
    } as never;
  }
}

export interface Place {
  readonly control: RunningControl;
  readonly stubs: readonly Stub[];
  readonly client: Client;
  readonly tokens: Readonly<Record<"read" | "operate" | "admin" | "expired" | "revoked", string>>;
}

export async function place(t: TestContext, options: Partial<ControlOptions> = {}): Promise<Place> {
  const store = openTokenStore({
    directory: folder(t),
    clock: realClock,
    random: realRandom,
    isNeeded: true,
  });
  const make = async (scope: "read" | "operate" | "admin") =>
    store.create({ principal: scope, scope, methods: [], lifetimeMs: undefined });
  const [read, operate, admin, revoked] = [
    await make("read"),
    await make("operate"),
    await make("admin"),
    await make("admin"),
  ];
  await store.revoke(revoked.record.id);
  const stubs = SERVICES.map((service) => new Stub(service));
  const control = await startControl({
    services: stubs.map((ref) => ({
      service: ref.service,
      ref,
      ...(ATTACHING.has(ref.service)
        ? {
            attach: async ({ requests }: { requests: AsyncIterable<object> }) => {
              for await (const _ of requests) ref.asked += 1;
            },
          }
        : {}),
    })),
    listenAddress: "127.0.0.1:0",
    requireTokens: true,
    tokens: store,
    reflection: false,
    log: silentLog,
    clock: realClock,
    ...options,
  });
  const client = new Client(control.address ?? "", credentials.createInsecure(), {
    "grpc.max_send_message_length": -1,
  });
  t.after(async () => {
    client.close();
    await control.close();
  });
  const expired = attenuateToken(admin.token, [{ kind: "expires", atMs: 1_000 }]) ?? "";
  return {
    control,
    stubs,
    client,
    tokens: {
      read: read.token,
      operate: operate.token,
      admin: admin.token,
      expired,
      revoked: revoked.token,
    },
  };
}

export interface Answer {
  readonly code: string;
  readonly reason: string | undefined;
  readonly text: string;
}

const OK: Answer = { code: "OK", reason: undefined, text: "" };
const through = (bytes: Buffer): Buffer => bytes;

export interface CallOptions {
  readonly token?: string | undefined;
  readonly deadlineMs?: number;
  readonly isCancelled?: boolean;
}

/** One call with these bytes; a stream is ended after its first message. */
export function call(
  { client }: Place,
  method: DescMethod,
  bytes: Uint8Array,
  options: CallOptions,
): Promise<Answer> {
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.set("authorization", `Bearer ${options.token}`);
  const frame = Buffer.from(bytes);
  const path = pathOf(method);
  const settings = { deadline: Date.now() + (options.deadlineMs ?? 10_000) };
  return new Promise((resolve) => {
    if (method.methodKind === "unary") {
      const running = client.makeUnaryRequest(path, through, through, frame, metadata, settings, (error) =>
        resolve(error === null ? OK : answerOf(error)),
      );
      if (options.isCancelled) setImmediate(() => running.cancel());
      return;
    }
    const isDuplex = method.methodKind === "bidi_streaming";
    const duplex = isDuplex
      ? client.makeBidiStreamRequest(path, through, through, metadata, settings)
      : undefined;
    const running =
      duplex ?? client.makeServerStreamRequest(path, through, through, frame, metadata, settings);
    running.on("data", () => {
      if (options.deadlineMs !== undefined || isDuplex) return;
      resolve(OK);
      running.cancel();
    });
    running.on("error", () => {});
    running.on("status", (end: StatusObject) => resolve(end.code === status.OK ? OK : answerOf(end)));
    duplex?.write(frame);
    duplex?.end();
    // Not in this turn: the client of grpc-js 1.14 then sends the request and forgets to cancel it at the server.
    if (options.isCancelled) setImmediate(() => running.cancel());
  });
}

function answerOf(error: Pick<ServiceError, "code" | "details" | "metadata">): Answer {
  const [packed] = error.metadata?.get("grpc-status-details-bin") ?? [];
  const details = packed instanceof Buffer ? fromBinary(StatusSchema, new Uint8Array(packed)).details : [];
  const info = details.map((any) => anyUnpack(any, ErrorInfoSchema)).find((one) => one !== undefined);
  return { code: status[error.code], reason: info?.reason, text: error.details };
}

/** One of the statuses; ours carry a documented reason and nothing from inside. */
export function expect(method: DescMethod, what: string, answer: Answer, ...allowed: string[]): void {
  const name = `${pathOf(method)} ${what}`;
  const told = answer.reason === undefined ? answer.code : `${answer.code}/${answer.reason}`;
  assert.ok(allowed.includes(told), `${name}: ${told} (${answer.text}), expected ${allowed.join(" or ")}`);
  if (answer.reason !== undefined) assert.ok(REASONS.has(answer.reason), `${name}: ${answer.reason}`);
  assert.doesNotMatch(answer.text, /\bat .*:\d+:\d+|node_modules|src\//, name);
}

export const FIELD_INVALID = "INVALID_ARGUMENT/FIELD_INVALID";

/** Nothing is left of any call. */
export async function isClean({ control, stubs }: Place): Promise<void> {
  await until(() => control.liveCalls === 0);
  await until(() => stubs.every(({ watching, waiting }) => watching + waiting === 0));
}
