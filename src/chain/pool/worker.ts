/**
 * Entry of a validation worker thread: takes tasks in order, small segments together that wait together, runs them to their
 * end, replies. It keeps nothing between tasks but the cache of decoded keys, so that it may die at any time. Started by threads.ts only, as
 * .ts or as .js.
 */
import { constants, getPriority, platform, setPriority } from "node:os";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { assert } from "../../kernel/errors.ts";
import { type Reply, runGroup, type Task, takeGroup, type WorkerData } from "./task.ts";

const port = parentPort;
assert(port !== null, "worker.ts runs in a worker thread only");
const { facts } = workerData as WorkerData;

/** Niceness: the threads that answer clients and peers, and the one that writes, go before a worker's long turns. */
const NICENESS = constants.priority.PRIORITY_BELOW_NORMAL;
// On Linux it is a thread's own; elsewhere it is the whole process's, and stays as it is. It may be raised, never lowered.
if (platform() === "linux" && getPriority() < NICENESS) setPriority(NICENESS);

const takeWaiting = (): Task | undefined => receiveMessageOnPort(port)?.message;

port.on("message", (first: Task) => {
  for (let task: Task | undefined = first; task !== undefined; ) {
    const { group, next } = takeGroup(task, takeWaiting);
    for (const { reply, transfer } of runGroup(facts, group)) port.postMessage(reply, transfer);
    task = next;
  }
});
port.postMessage({ kind: "ready" } satisfies Reply);
