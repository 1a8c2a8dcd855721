/** The completion script for zsh. Pure. */
import {
  type CommandNode,
  flagsOf,
  flatten,
  globalOptions,
  type OptionNode,
  valuedFlags,
  valuedOptions,
} from "./tree.ts";

/** To be sourced after compinit, or put as _alysctl into a folder of $fpath. */
export function zshScript(root: CommandNode): string {
  const nodes = flatten(root);
  const paths = nodes.map(({ path }) => path).filter((path) => path !== "");
  return `#compdef alysctl
# Completion of alysctl for zsh: source <(alysctl completion zsh)
_alysctl() {
  local at word prev files
  local -a found options values
  integer index=2
  while (( index < CURRENT )); do
    word=\${words[index]}
    (( index += 1 ))
    case $word in
      (${valuedFlags(root).join("|")}) (( index += 1 )) ;;
      (-*) ;;
      (*)
        case "\${at:+$at }$word" in
${paths.map((path) => `          (${quoted(path)}) at=${quoted(path)} ;;`).join("\n")}
        esac
        ;;
    esac
  done
  prev=\${words[CURRENT-1]}
  case "$at:$prev" in
${valuedOptions(root)
  .map(({ path, option }) => valueCase(path, option))
  .join("\n")}
  esac
  case $at in
${nodes.map((node) => commandCase(node, globalOptions(root))).join("\n")}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    options+=(${globalOptions(root).flatMap(describedFlags).join(" ")})
    _describe -o option options
  elif [[ -n $files ]]; then
    _files
  elif (( $#found )); then
    _describe command found
  fi
}
if [[ \${funcstack[1]} == _alysctl ]]; then
  _alysctl "$@"
else
  compdef _alysctl alysctl
fi
`;
}

function valueCase(path: string | undefined, option: OptionNode): string {
  const place = path === undefined ? "*" : quoted(path);
  const patterns = flagsOf(option).map((flag) => `${place}:${flag}`);
  const how =
    option.value === "file"
      ? "_files; "
      : typeof option.value === "object"
        ? `values=(${option.value.map(quoted).join(" ")}); _describe value values; `
        : "";
  return `    (${patterns.join("|")}) ${how}return ;;`;
}

function commandCase(
  { path, commands, options, argument }: CommandNode,
  everywhere: readonly OptionNode[],
): string {
  const named = commands.map(({ name, description }) => described(name, description));
  const found = typeof argument === "string" ? named : [...named, ...argument.map(quoted)];
  const flags = options.filter((option) => !everywhere.includes(option)).flatMap(describedFlags);
  const lines = [
    `    (${quoted(path)})`,
    `      found=(${found.join(" ")})`,
    `      options=(${flags.join(" ")})`,
    ...(argument === "file" ? ["      files=yes"] : []),
    "      ;;",
  ];
  return lines.join("\n");
}

function describedFlags(option: OptionNode): string[] {
  return flagsOf(option).map((flag) => described(flag, option.description));
}

/** "name:what it is"; the first colon ends the name. */
function described(name: string, description: string): string {
  return quoted(`${name}:${description}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
