/**
 * A validation worker that fails on demand: the time of a segment says how. Everything else it does as the
 * real one.
 */
import { existsSync, writeFileSync } from "node:fs";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { runGroup, type Task, takeGroup, type WorkerData } from "../../../../src/chain/pool/task.ts";
import { FAILURE } from "./failure-times.ts";

const port = parentPort!;
const { facts } = workerData as WorkerData;
const marker = process.env["ALYS_FAILING_WORKER_MARKER"]!;

function isFirstTime(): boolean {
  if (existsSync(marker)) return false;
  writeFileSync(marker, "");
  return true;
}

port.on("message", (first: Task) => {
  for (let task: Task | undefined = first; task !== undefined; ) {
    const { group, next } = takeGroup(task, () => receiveMessageOnPort(port)?.message);
    const done = runGroup(facts, group);
    for (const each of group) fail(each.kind === "segment" ? each.nowMs : 0);
    for (const { reply, transfer } of done) port.postMessage(reply, transfer);
    task = next;
  }
});

function fail(when: number): void {
  if (when === FAILURE.DIE_ALWAYS || (when === FAILURE.DIE_ONCE && isFirstTime())) process.exit(3);
  if (when === FAILURE.THROW_ONCE && isFirstTime()) throw new Error("the worker throws");
  if (when === FAILURE.HANG_ONCE && isFirstTime()) for (;;);
}
port.postMessage({ kind: "ready" });
