/** alysctl's commands and options as plain values, read from commander, for the scripts that complete them. Pure. */
import type { Argument, Command, Option } from "commander";

/** What can be completed of a value: words, names of files, or nothing. */
export type ValueKind = readonly string[] | "file" | "none";

export interface OptionNode {
  /** "--mode", and "-m" where there is one. */
  readonly long: string;
  readonly short: string | undefined;
  readonly description: string;
  /** Undefined for a switch. */
  readonly value: ValueKind | undefined;
}

export interface CommandNode {
  /** Its words without the program's name: "" for the program, "peers ban". */
  readonly path: string;
  /** Its last word. */
  readonly name: string;
  readonly description: string;
  readonly commands: readonly CommandNode[];
  /** Its own; those of the program are taken everywhere but for --help and --version. */
  readonly options: readonly OptionNode[];
  readonly argument: ValueKind;
}

/** Placeholders that stand for a file or a folder. */
const FILE = /^[<[](?:path|files?|folder|dir)[\].>]/;

/** `methods` complete the first argument of `call`. */
export function commandTree(program: Command, methods: readonly string[]): CommandNode {
  return nodeOf(program, "", methods);
}

/** The node and everything below it. */
export function flatten(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(flatten)];
}

/** Every spelling of every option that takes a value. */
export function valuedFlags(root: CommandNode): string[] {
  const flags = flatten(root)
    .flatMap(({ options }) => options)
    .filter(({ value }) => value !== undefined)
    .flatMap(flagsOf);
  return [...new Set(flags)].sort();
}

/** The program's options that every command takes. */
export function globalOptions(root: CommandNode): OptionNode[] {
  return root.options.filter(({ long }) => long !== "--version" && long !== "--help");
}

/**
 * Options that take a value, with the path of the command where they stand, or undefined for those that take the same
 * wherever they stand.
 */
export function valuedOptions(
  root: CommandNode,
): { readonly path: string | undefined; readonly option: OptionNode }[] {
  const all = flatten(root).flatMap((node) =>
    node.options.filter(({ value }) => value !== undefined).map((option) => ({ path: node.path, option })),
  );
  const found: { path: string | undefined; option: OptionNode }[] = [];
  for (const { path, option } of all) {
    const sameFlag = all.filter((one) => one.option.long === option.long);
    const isOneKind = sameFlag.every((one) => String(one.option.value) === String(option.value));
    if (!isOneKind) found.push({ path, option });
    else if (sameFlag[0]?.option === option) found.push({ path: undefined, option });
  }
  return found;
}

export function flagsOf({ long, short }: OptionNode): string[] {
  return short === undefined ? [long] : [short, long];
}

function nodeOf(command: Command, path: string, methods: readonly string[]): CommandNode {
  const helper = command.createHelp();
  return {
    path,
    name: command.name(),
    description: command.description(),
    commands: helper
      .visibleCommands(command)
      .map((child) => nodeOf(child, path === "" ? child.name() : `${path} ${child.name()}`, methods)),
    options: helper.visibleOptions(command).map(optionOf),
    argument: path === "call" ? methods : argumentOf(command.registeredArguments[0]),
  };
}

function optionOf(option: Option): OptionNode {
  const placeholder = /[<[].*$/.exec(option.flags)?.[0];
  return {
    long: option.long ?? "",
    short: option.short,
    description: option.description,
    value: placeholder === undefined ? undefined : kindOf(option.argChoices, placeholder),
  };
}

function argumentOf(argument: Argument | undefined): ValueKind {
  return argument === undefined ? "none" : kindOf(argument.argChoices, `<${argument.name()}>`);
}

function kindOf(choices: readonly string[] | undefined, placeholder: string): ValueKind {
  if (choices !== undefined) return choices;
  return FILE.test(placeholder) ? "file" : "none";
}
