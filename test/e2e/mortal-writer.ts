/**
 * Loaded before alysd: each SIGUSR2 ends the thread that writes its store, right after an answer that leaves nothing for it to
 * do. A thread that is terminated inside a transaction may never end, because the database's lock dies with it.
 */

import process from "node:process";
import { isMainThread, type Worker } from "node:worker_threads";

interface Answer {
  readonly kind?: string;
  readonly results?: readonly unknown[];
}

let isTold = false;

function watch(worker: Worker): void {
  let open = 0;
  const post = worker.postMessage.bind(worker);
  worker.postMessage = (...args: Parameters<Worker["postMessage"]>) => {
    open++;
    post(...args);
  };
  worker.on("message", ({ kind, results }: Answer) => {
    if (kind !== "written") return;
    open -= results?.length ?? 0;
    if (!isTold || open > 0) return;
    isTold = false;
    void worker.terminate();
  });
}

if (isMainThread) {
  process.on("SIGUSR2", () => {
    isTold = true;
  });
  process.on("worker", (worker: Worker) => {
    if (worker.threadName === "storage") watch(worker);
  });
}
