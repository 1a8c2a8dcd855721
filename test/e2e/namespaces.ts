/** Processes in pid namespaces of their own, as containers have them; tests that need them say so where they cannot be made. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { RUNTIME_ENVIRONMENT, RUNTIME_FLAGS } from "../../src/cli/localnet/processes.ts";

const MAIN_FILE = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** The program ends with unshare; it is process 1 inside, or whatever its first program starts it as. */
const UNSHARE: readonly string[] = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"];

/** Why there are no pid namespaces here, undefined when there are. */
export function missingPidNamespaces(): string | undefined {
  const { status, stderr, error } = spawnSync(UNSHARE[0] ?? "", [...UNSHARE.slice(1), "true"], {
    encoding: "utf8",
  });
  if (status === 0) return undefined;
  return `no pid namespaces can be made here: ${error?.message ?? stderr.trim()}`;
}

export interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

/** A process whose output is kept. */
export class Ward {
  readonly child: ChildProcess;
  /** Resolves when it is gone. */
  readonly ended: Promise<Ended>;
  #stderr = "";

  constructor(command: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const [program = "", ...args] = command;
    this.child = spawn(program, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...RUNTIME_ENVIRONMENT, ...process.env, ...environment },
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.child.once("close", (status, signal) => resolve({ status, signal, stderr: this.#stderr }));
    });
  }

  /** Without warning. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

/** A program that is process 1 of a pid namespace. */
export function namespaced(command: readonly string[]): Ward {
  return new Ward([...UNSHARE, ...command]);
}

/** alysd in a pid namespace of its own: process 1 there, or process 2 or later beneath a shell. */
export function namespacedNode(
  configFile: string,
  environment: Readonly<Record<string, string>> = {},
  isFirst = true,
): Ward {
  const node = [process.execPath, ...RUNTIME_FLAGS, MAIN_FILE, "--config", configFile];
  const command = isFirst ? node : ["sh", "-c", '"$@"; exit $?', "sh", ...node];
  return new Ward([...UNSHARE, ...command], environment);
}

/** alysd as any other process. */
export function plainNode(configFile: string, environment: Readonly<Record<string, string>> = {}): Ward {
  return new Ward([process.execPath, ...RUNTIME_FLAGS, MAIN_FILE, "--config", configFile], environment);
}
