import { COMMAND_SPECS } from '../command-table.ts';
import { firstWords, GROUPS, secondWords, WORDS } from './words.ts';

export function fishScript(): string {
  const lines = [
    '# Completion of tickcast in fish: tickcast completion fish > ~/.config/fish/completions/tickcast.fish',
    'complete -c tickcast -f',
    'complete -c tickcast -l help -d "say more"',
    ...[...firstWords()].map(([word, what]) => line('__fish_use_subcommand', `-a ${word} -d ${quote(what)}`)),
    ...GROUPS.flatMap((group) =>
      [...secondWords(group)].map(([word, what]) => line(underGroup(group), `-a ${word} -d ${quote(what)}`)),
    ),
    ...[...COMMAND_SPECS].flatMap(([name, { options, arguments: kinds }]) => [
      ...Object.entries(options).map(([option, { type, choices, help }]) => {
        const values = choices === undefined ? '' : ` -a ${quote(choices.join(' '))}`;
        return line(seen(name), `-l ${option}${type === 'string' ? ' -x' : ''}${values} -d ${quote(help)}`);
      }),
      ...kinds.flatMap((kind) => {
        const words = WORDS[kind];
        if (words === null) return [line(seen(name), '-F')];
        return words.length === 0 ? [] : [line(seen(name), `-a ${quote(words.join(' '))}`)];
      }),
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

function line(condition: string, rest: string): string {
  return `complete -c tickcast -n ${quote(condition)} ${rest}`;
}

function seen(name: string): string {
  return name
    .split(' ')
    .map((word) => `__fish_seen_subcommand_from ${word}`)
    .join('; and ');
}

function underGroup(group: string): string {
  return `${seen(group)}; and not __fish_seen_subcommand_from ${[...secondWords(group).keys()].join(' ')}`;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;
}
