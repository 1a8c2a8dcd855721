/** `alysctl completion`: scripts that complete alysctl's commands, options and methods in bash, zsh and fish. */
import { Argument, type Command } from "commander";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { type CommandNode, commandTree } from "./completion/tree.ts";
import { zshScript } from "./completion/zsh.ts";
import { SERVICES } from "./reference/services.ts";
import type { Run } from "./session.ts";

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
