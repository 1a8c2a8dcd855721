#!/usr/bin/env node
/**
 * An EngineActor that takes transactions of even length, and a BridgeActor that answers what it is sent:
 * node clients/typescript/echo-actors.ts --address HOST:PORT
 * Prints what it is told. Ends with its standard input.
 */

import { parseArgs } from "node:util";
import { attachBridge, attachEngine, Refusal, TransactionVerdict } from "./attach.ts";
import { CONNECTION_OPTIONS, connectionOf } from "./options.ts";

const { values } = parseArgs({ options: CONNECTION_OPTIONS });
const controller = new AbortController();
process.stdin.on("end", () => controller.abort()).resume();
const onProblem = (problem: string): void => console.error(problem);
const options = { ...connectionOf(values), signal: controller.signal, onProblem };
const payloads = new Map<string, Uint8Array>();
const nameOf = (hash: Uint8Array): string => Buffer.from(hash).toString("hex");

await Promise.all([
  attachEngine(
    {
      async validateTransaction({ length }) {
        return { verdict: length % 2 === 0 ? TransactionVerdict.ACCEPT : TransactionVerdict.REJECT };
      },
      async receivePayload(_memberKey, payloadHash, payload) {
        payloads.set(nameOf(payloadHash), payload);
      },
      async providePayload(_memberKey, payloadHash) {
        const payload = payloads.get(nameOf(payloadHash));
        if (payload === undefined) throw new Refusal(5, "there is no such payload");
        return payload;
      },
      told: ({ case: kind }) => console.log(`engine ${kind}`),
    },
    options,
  ),
  attachBridge(
    {
      federationMessage: async (_memberKey, _label, message) => message,
      told: ({ case: kind }) => console.log(`bridge ${kind}`),
    },
    options,
  ),
]);
