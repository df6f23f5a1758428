import { COMMAND_SPECS } from '../command-table.ts';
import { firstWords, GROUPS, secondWords, WORDS } from './words.ts';

/** Without what came after bash 3.2, which macOS still has. */
export function bashScript(): string {
  return `# Completion of tickcast in bash: eval "$(tickcast completion bash)"
_tickcast() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local command=\${COMP_WORDS[1]} words= first=2 at=0 i
  COMPREPLY=()
  case $command in
    ${GROUPS.join(' | ')}) first=3 ;;
  esac
  if ((COMP_CWORD < first)); then
    case $COMP_CWORD:$command in
      1:*) words='${[...firstWords().keys()].join(' ')} --help' ;;
${GROUPS.map((group) => `      2:${group}) words='${[...secondWords(group).keys()].join(' ')} --help' ;;`).join('\n')}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    return
  fi
  ((first == 3)) && command+=" \${COMP_WORDS[2]}"
  case "$command $prev" in
${valuePatterns()}
  esac
  if [[ $cur == -* ]]; then
    case $command in
${cases(([name, { options }]) => `'${name}') words='${[...Object.keys(options), 'help'].map((option) => `--${option}`).join(' ')}' ;;`)}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    return
  fi
  # Which argument it is: options and their values aside.
  for ((i = first; i < COMP_CWORD; i++)); do
    case "$command \${COMP_WORDS[i]}" in
      ${withValue().join(' | ')}) ((i++)) ;;
      "$command -"*) ;;
      *) ((at++)) ;;
    esac
  done
  case "$command:$at" in
${cases(([name, { arguments: kinds }]) =>
  kinds
    .map((kind, at) => {
      const pattern = at === kinds.length - 1 ? `'${name}:'*` : `'${name}:${at}'`;
      const words = WORDS[kind];
      return `${pattern}) ${words === null ? 'words=/files' : `words='${words.join(' ')}'`} ;;`;
    })
    .join('\n      '),
)}
  esac
  if [[ $words == /files ]]; then
    compopt -o filenames 2> /dev/null
    local IFS=$'\\n'
    COMPREPLY=($(compgen -f -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}
complete -F _tickcast tickcast
`;
}

type Entry = typeof COMMAND_SPECS extends ReadonlyMap<infer Name, infer Spec> ? [Name, Spec] : never;

function cases(line: (entry: Entry) => string): string {
  return [...COMMAND_SPECS].map((entry) => `      ${line(entry)}`).join('\n');
}

/** Options that are followed by a value, with their commands. */
function withValue(): string[] {
  return [...COMMAND_SPECS].flatMap(([name, { options }]) =>
    Object.entries(options)
      .filter(([, { type }]) => type === 'string')
      .map(([option]) => `'${name} --${option}'`),
  );
}

function valuePatterns(): string {
  const known = [...COMMAND_SPECS].flatMap(([name, { options }]) =>
    Object.entries(options).flatMap(([option, { choices }]) =>
      choices === undefined
        ? []
        : [`    '${name} --${option}') COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$cur")); return ;;`],
    ),
  );
  return [...known, `    ${withValue().join(' | ')}) return ;;`].join('\n');
}
