/** Loaded before alysd: SIGUSR2 ends the thread that writes its store, in the middle of whatever it does. */

import { syncBuiltinESMExports } from "node:module";
import threads, { type WorkerOptions } from "node:worker_threads";

class MortalWorker extends threads.Worker {
  constructor(file: string | URL, options?: WorkerOptions) {
    super(file, options);
    if (options?.name === "storage") process.on("SIGUSR2", () => void this.terminate());
  }
}

threads.Worker = MortalWorker;
syncBuiltinESMExports();
