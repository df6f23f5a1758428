import type { CommandSpec } from '../command-spec.ts';
import { COMMAND_SPECS } from '../command-table.ts';
import { firstWords, GROUPS, secondWords, WORDS } from './words.ts';

/** Works as a file of `fpath` and when it is evaluated after compinit. */
export function zshScript(): string {
  return `#compdef tickcast
# Completion of tickcast in zsh: eval "$(tickcast completion zsh)", after compinit
_tickcast() {
  local -a commands
  local command=$words[2]
  if ((CURRENT == 2)); then
    commands=(${described(firstWords())})
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
${GROUPS.map(
  (group) => `  if [[ $command == ${group} ]]; then
    if ((CURRENT == 2)); then
      commands=(${described(secondWords(group))})
      _describe command commands
      return
    fi
    command+=" $words[2]"
    shift words
    ((CURRENT--))
  fi`,
).join('\n')}
  case $command in
${[...COMMAND_SPECS].map(([name, spec]) => `    ${quote(name)}) _arguments ${argumentsOf(spec)} ;;`).join('\n')}
  esac
}
if [[ $funcstack[1] == _tickcast ]]; then _tickcast "$@"; else compdef _tickcast tickcast; fi
`;
}

function described(words: Map<string, string>): string {
  return [...words].map(([word, what]) => quote(`${word}:${what}`)).join(' ');
}

function argumentsOf({ options, arguments: kinds }: CommandSpec): string {
  const specs = Object.entries(options).map(([name, { type, multiple, value, choices, help }]) => {
    const what = help.replaceAll(/[[\]:\\]/g, String.raw`\$&`);
    const taken = type === 'string' ? `:${value}:${choices === undefined ? '' : `(${choices.join(' ')})`}` : '';
    return `${multiple ? '*' : ''}--${name}[${what}]${taken}`;
  });
  const positions = kinds.map((kind, at) => {
    const words = WORDS[kind];
    const place = at === kinds.length - 1 ? '*' : at + 1;
    return `${place}:${kind}:${words === null ? '_files' : `(${words.join(' ')})`}`;
  });
  return [...specs, '--help[say more]', ...positions].map(quote).join(' ');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
