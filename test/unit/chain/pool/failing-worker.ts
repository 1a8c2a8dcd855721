/**
 * A validation worker that fails on demand: the time of a segment says how. Everything else it does as the
 * real one.
 */
import { existsSync, writeFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { runTask, type Task, type WorkerData } from "../../../../src/chain/pool/task.ts";
import { FAILURE } from "./failure-times.ts";

const port = parentPort!;
const { facts } = workerData as WorkerData;
const marker = process.env["ALYS_FAILING_WORKER_MARKER"]!;

function isFirstTime(): boolean {
  if (existsSync(marker)) return false;
  writeFileSync(marker, "");
  return true;
}

port.on("message", (task: Task) => {
  const when = task.kind === "segment" ? task.nowMs : 0;
  const { reply, transfer } = runTask(facts, task);
  if (when === FAILURE.DIE_ALWAYS || (when === FAILURE.DIE_ONCE && isFirstTime())) process.exit(3);
  if (when === FAILURE.THROW_ONCE && isFirstTime()) throw new Error("the worker throws");
  if (when === FAILURE.HANG_ONCE && isFirstTime()) for (;;);
  port.postMessage(reply, transfer);
});
port.postMessage({ kind: "ready" });
