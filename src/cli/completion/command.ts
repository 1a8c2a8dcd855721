/** `alysctl completion`: scripts that complete alysctl's commands, options and methods in bash, zsh and fish. */
import { Argument, type Command } from "commander";
import { SERVICES } from "../reference/services.ts";
import type { Run } from "../session.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { type CommandNode, commandTree } from "./tree.ts";
import { zshScript } from "./zsh.ts";

const SCRIPTS: Readonly<Record<string, (root: CommandNode) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export function addCompletionCommand(program: Command, run: Run): void {
  program
    .command("completion")
    .description("print a script that completes alysctl: source <(alysctl completion bash)")
    .addArgument(new Argument("<shell>", "whose script").choices(Object.keys(SCRIPTS)))
    .action((shell: string) =>
      run(async ({ terminal }) =>
        terminal.write(SCRIPTS[shell]?.(commandTree(program, methodNames())) ?? ""),
      ),
    );
}

/** "SyncService/GetBlock": the short form, as people type it. */
function methodNames(): string[] {
  return SERVICES.flatMap(({ name, methods }) => methods.map((method) => `${name}/${method.name}`));
}
