/** The completion script for fish. Pure. */
import { type CommandNode, flatten, globalOptions, type OptionNode, valuedFlags } from "./tree.ts";

/** To be sourced, or put as alysctl.fish into ~/.config/fish/completions. */
export function fishScript(root: CommandNode): string {
  const nodes = flatten(root);
  const paths = nodes.map(({ path }) => path).filter((path) => path !== "");
  return `# Completion of alysctl for fish: alysctl completion fish | source
function __alysctl_at
  set -l words (commandline -opc)
  set -l at ''
  set -l is_value no
  for word in $words[2..-1]
    if test $is_value = yes
      set is_value no
      continue
    end
    switch $word
      case ${valuedFlags(root).map(quoted).join(" ")}
        set is_value yes
      case '-*'
      case '*'
        switch (string trim -- "$at $word")
          case ${paths.map(quoted).join(" ")}
            set at (string trim -- "$at $word")
        end
    end
  end
  test "$at" = "$argv[1]"
end
complete -c alysctl -f
${globalOptions(root)
  .map((option) => `complete -c alysctl ${optionText(option)}`)
  .join("\n")}
${nodes.flatMap((node) => nodeLines(node, globalOptions(root))).join("\n")}
`;
}

function nodeLines(node: CommandNode, everywhere: readonly OptionNode[]): string[] {
  const begin = `complete -c alysctl -n ${quoted(`__alysctl_at "${node.path}"`)}`;
  const { argument } = node;
  return [
    ...node.commands.map(({ name, description }) => `${begin} -a ${quoted(name)} -d ${quoted(description)}`),
    ...(argument === "file" ? [`${begin} -F`] : []),
    ...(typeof argument === "string" ? [] : [`${begin} -a ${quoted(argument.join(" "))}`]),
    ...node.options
      .filter((option) => !everywhere.includes(option))
      .map((option) => `${begin} ${optionText(option)}`),
  ];
}

function optionText({ long, short, description, value }: OptionNode): string {
  const names = [`-l ${long.slice(2)}`, ...(short === undefined ? [] : [`-s ${short.slice(1)}`])].join(" ");
  const how =
    value === undefined
      ? ""
      : value === "file"
        ? " -r -F"
        : value === "none"
          ? " -x"
          : ` -x -a ${quoted(value.join(" "))}`;
  return `${names}${how} -d ${quoted(description)}`;
}

/** In fish's single quotes only the quote and the backslash mean something. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
