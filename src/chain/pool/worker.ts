/**
 * Entry of a validation worker thread: takes tasks in order, runs each to its end, replies. It keeps nothing
 * between tasks but the cache of decoded keys, so that it may die at any time. Started by threads.ts only, as
 * .ts or as .js.
 */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../kernel/errors.ts";
import { type Reply, runTask, type Task, type WorkerData } from "./task.ts";

const port = parentPort;
assert(port !== null, "worker.ts runs in a worker thread only");
const { facts } = workerData as WorkerData;

port.on("message", (task: Task) => {
  const { reply, transfer } = runTask(facts, task);
  port.postMessage(reply, transfer);
});
port.postMessage({ kind: "ready" } satisfies Reply);
