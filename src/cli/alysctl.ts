#!/usr/bin/env node
/**
 * The entry of alysctl: the process's arguments, streams and signals, and nothing else.
 */
import { runAlysctl } from "./program.ts";
import { processTerminal } from "./terminal.ts";

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
process.once("SIGTERM", () => interrupted.abort());
// `alysctl … | head` closes our output when it has seen enough: that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.exitCode = await runAlysctl(process.argv.slice(2), processTerminal(), interrupted.signal);
