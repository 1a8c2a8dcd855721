/** `alysctl status`: node, network, sync and production in one table, as far as each of them answers. */

import { toJson } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { GetNetworkStatusResponseSchema, NetworkService } from "../../gen/alys/network/v1/network_pb.ts";
import { GetInfoResponseSchema, NodeService } from "../../gen/alys/node/v1/node_pb.ts";
import { GetProducerStatusResponseSchema, ProducerService } from "../../gen/alys/producer/v1/producer_pb.ts";
import {
  CanProduceBlocksResponseSchema,
  GetSyncStatusResponseSchema,
  SyncService,
} from "../../gen/alys/sync/v1/sync_pb.ts";
import { Failure } from "../kernel/errors.ts";
import { describeFailure } from "./exit-status.ts";
import { networkFields } from "./network.ts";
import { nodeFields } from "./node.ts";
import { producerFields } from "./producer.ts";
import type { Run, Session } from "./session.ts";
import { productionFields, syncFields } from "./sync.ts";
import { type FieldRow, renderFields } from "./table.ts";

export function addStatusCommand(program: Command, run: Run): void {
  program
    .command("status")
    .description("node, network, synchronisation and production at a precheck")
    .action(() => run(showStatus));
}

/** A failure of one part is shown in its place; when the node does not answer at all, that is the answer. */
async function showStatus(session: Session): Promise<void> {
  const { call } = session;
  // First alone: it tells whether there is a node, with one error and not five.
  const info = await session.client(NodeService).getInfo({}, call);
  const [network, sync, production, producer] = await Promise.all([
    settled(session.client(NetworkService).getNetworkStatus({}, call)),
    settled(session.client(SyncService).getSyncStatus({}, call)),
    settled(session.client(SyncService).canProduceBlocks({}, call)),
    settled(session.client(ProducerService).getProducerStatus({}, call)),
  ]);
  if (session.isJson) {
    const options = { alwaysEmitImplicit: true };
    const orError = <T>(answer: T | Failure, json: (answer: T) => unknown): unknown =>
      answer instanceof Failure ? { error: describeFailure(answer) } : json(answer);
    const whole = {
      node: toJson(GetInfoResponseSchema, info, options),
      network: orError(network, (answer) => toJson(GetNetworkStatusResponseSchema, answer, options)),
      sync: orError(sync, (answer) => toJson(GetSyncStatusResponseSchema, answer, options)),
      production: orError(production, (answer) => toJson(CanProduceBlocksResponseSchema, answer, options)),
      producer: orError(producer, (answer) => toJson(GetProducerStatusResponseSchema, answer, options)),
    };
    session.terminal.out(JSON.stringify(whole, undefined, 2));
    return;
  }
  const sections = [
    section("node", info, nodeFields),
    section("network", network, ({ status }) => status && networkFields(status)),
    section("sync", sync, ({ status }) => status && syncFields(status)),
    section("production", production, ({ status }) => status && productionFields(status)),
    section("producer", producer, ({ status }) => status && producerFields(status)),
  ];
  session.terminal.out(sections.join("\n\n"));
}

async function settled<T>(asked: Promise<T>): Promise<T | Failure> {
  try {
    return await asked;
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
    throw thrown;
  }
}

/** The fields below the part's name, or why it does not answer. */
function section<T>(
  name: string,
  answer: T | Failure,
  fields: (answer: T) => FieldRow[] | undefined,
): string {
  const rows: FieldRow[] =
    answer instanceof Failure ? [["failed", describeFailure(answer)]] : (fields(answer) ?? []);
  const lines = renderFields(rows).split("\n");
  return [name.toUpperCase(), ...lines.map((line) => `  ${line}`)].join("\n");
}
