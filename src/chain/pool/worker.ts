/**
 * Entry of a validation worker thread: takes tasks in order, runs each to its end, replies. It keeps nothing
 * between tasks but the cache of decoded keys, so that it may die at any time. Started by threads.ts only, as
 * .ts or as .js.
 */
import { constants, getPriority, platform, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../kernel/errors.ts";
import { type Reply, runTask, type Task, type WorkerData } from "./task.ts";

const port = parentPort;
assert(port !== null, "worker.ts runs in a worker thread only");
const { facts } = workerData as WorkerData;

/** Niceness: the threads that answer clients and peers, and the one that writes, go before a worker's long turns. */
const NICENESS = constants.priority.PRIORITY_BELOW_NORMAL;
// On Linux it is a thread's own; elsewhere it is the whole process's, and stays as it is. It may be raised, never lowered.
if (platform() === "linux" && getPriority() < NICENESS) setPriority(NICENESS);

port.on("message", (task: Task) => {
  const { reply, transfer } = runTask(facts, task);
  port.postMessage(reply, transfer);
});
port.postMessage({ kind: "ready" } satisfies Reply);
