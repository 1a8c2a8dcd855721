/** The completion script for bash. Pure. */
import {
  type CommandNode,
  flagsOf,
  flatten,
  globalOptions,
  type OptionNode,
  valuedFlags,
  valuedOptions,
} from "./tree.ts";

/** To be sourced, or put where bash-completion looks. All it knows is in it: completing starts no process. */
export function bashScript(root: CommandNode): string {
  const nodes = flatten(root);
  const paths = nodes.map(({ path }) => path).filter((path) => path !== "");
  return `# Completion of alysctl for bash: source <(alysctl completion bash)
_alysctl() {
  local cur prev at word index words options files
  COMPREPLY=()
  cur=\${COMP_WORDS[COMP_CWORD]}
  prev=\${COMP_WORDS[COMP_CWORD - 1]}
  at= words= options= files=
  index=1
  while [ "$index" -lt "$COMP_CWORD" ]; do
    word=\${COMP_WORDS[index]}
    index=$((index + 1))
    case $word in
      ${valuedFlags(root).join(" | ")}) index=$((index + 1)) ;;
      -*) ;;
      *)
        case "$at\${at:+ }$word" in
${paths.map((path) => `          ${quoted(path)}) at=${quoted(path)} ;;`).join("\n")}
        esac
        ;;
    esac
  done
  case "$at:$prev" in
${valuedOptions(root)
  .map(({ path, option }) => valueCase(path, option))
  .join("\n")}
  esac
  case $at in
${nodes.map((node) => commandCase(node, globalOptions(root))).join("\n")}
  esac
  if [ "\${cur#-}" != "$cur" ]; then
    COMPREPLY=($(compgen -W "$options ${globalOptions(root).flatMap(flagsOf).join(" ")}" -- "$cur"))
  elif [ -n "$files" ]; then
    COMPREPLY=($(compgen -f -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}
complete -F _alysctl alysctl
`;
}

function valueCase(path: string | undefined, option: OptionNode): string {
  const place = path === undefined ? "*" : quoted(path);
  const patterns = flagsOf(option).map((flag) => `${place}:${flag}`);
  const how =
    option.value === "file"
      ? 'COMPREPLY=($(compgen -f -- "$cur")); '
      : typeof option.value === "object"
        ? `COMPREPLY=($(compgen -W ${quoted(option.value.join(" "))} -- "$cur")); `
        : "";
  return `    ${patterns.join(" | ")}) ${how}return ;;`;
}

function commandCase(
  { path, commands, options, argument }: CommandNode,
  everywhere: readonly OptionNode[],
): string {
  const names = commands.map(({ name }) => name);
  const words = typeof argument === "string" ? names : [...names, ...argument];
  const flags = options
    .filter((option) => !everywhere.includes(option))
    .flatMap(flagsOf)
    .join(" ");
  const files = argument === "file" ? " files=yes" : "";
  return `    ${quoted(path)}) words=${quoted(words.join(" "))} options=${quoted(flags)}${files} ;;`;
}

/** In single quotes, in which nothing has a meaning. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
