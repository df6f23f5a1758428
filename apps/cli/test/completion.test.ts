import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CHANNELS } from '@tickcast/protocol';
import { runCli } from './run-cli.ts';

const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tickcast-completion-'));
  await writeFile(join(folder, 'bash'), (await runCli(['completion', 'bash'])).stdout);
  await writeFile(join(folder, 'monday.ndjson'), '');
});

afterAll(() => rm(folder, { recursive: true }));

/** What a real bash offers for the last of the words. */
async function offered(...words: string[]): Promise<string[]> {
  const script = `source ./bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tickcast; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['-c', script, 'bash', 'tickcast', ...words], { cwd: folder });
  return stdout.split('\n').filter((word) => word !== '');
}

test.concurrent.each([
  [['do'], ['doctor']],
  [['re'], ['record', 'replay']],
  [
    ['backtest', ''],
    ['run', 'follow', 'list', 'cancel', '--help'],
  ],
  [
    ['backtest', 'run', '--s'],
    ['--strategy', '--symbol'],
  ],
  [['tail', ''], CHANNELS],
  [['tail', '--json', 'al'], ['alerts']],
  [['tail', '--url', 'ws://somewhere/', 'ma'], ['market_data']],
  [['tail', '--url', 'ma'], []],
  [['tail', 'market_data', ''], []],
  [
    ['tail', 'alerts', '--color', 'a'],
    ['auto', 'always'],
  ],
  [['record', 'mon'], ['monday.ndjson']],
  [['record', 'monday.ndjson', 'alerts', 'agent'], ['agent_status']],
  [
    ['replay', ''],
    ['bash', 'monday.ndjson'],
  ],
  [['completion', 'z'], ['zsh']],
  [['nonsense', ''], []],
])('bash completes %j with %j', async (words, expected) => {
  // In any order, as bash sorts them: files come as their file system lists them.
  expect((await offered(...words)).toSorted()).toEqual(expected.toSorted());
});

test.concurrent.each(['zsh', 'fish'])('there is a script for %s with every command and option', async (shell) => {
  const { code, stdout } = await runCli(['completion', shell]);
  expect(code).toBe(0);
  for (const word of ['record', 'follow', 'days-per-second', 'event-id', 'always']) expect(stdout).toContain(word);
});

test.concurrent('another shell is refused with code 2', async () => {
  const { code, stderr } = await runCli(['completion', 'powershell']);
  expect(stderr).toMatch(/completion takes one of bash, zsh, fish/);
  expect(code).toBe(2);
});
