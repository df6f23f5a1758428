import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { TEST_SECRET } from '@tickcast/testing';
import { jwtVerify } from 'jose';
import { runCli } from './run-cli.ts';

const env = { TICKCAST_AUTH_SECRET: TEST_SECRET };
const key = new TextEncoder().encode(TEST_SECRET);

test('token prints a token for the named subject that is good for an hour', async () => {
  const { code, stdout } = await runCli(['token', '--sub', 'alice'], env);
  expect(code).toBe(0);
  const { payload, protectedHeader } = await jwtVerify(stdout.trim(), key);
  expect(protectedHeader.alg).toBe('HS256');
  expect(payload).toEqual({ sub: 'alice', iat: expect.any(Number), exp: (payload.iat ?? 0) + 3600 });
});

test('token limits the channels and the time as told', async () => {
  const args = ['token', '--sub', 'bob', '--channels', 'market_data:0700.HK, alerts', '--ttl', '15m'];
  const { stdout } = await runCli(args, env);
  const { payload } = await jwtVerify(stdout.trim(), key);
  expect(payload['channels']).toEqual(['market_data:0700.HK', 'alerts']);
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900);
});

test.each([
  [['token'], /--sub NAME is needed/],
  [['token', '--sub', 'a', '--ttl', 'soon'], /not a time like/],
  [['token', '--sub', 'a', '--ttl', '0s'], /not a time like/],
  [['token', '--sub', 'a', '--channels', 'nothing'], /not a list of CHANNEL/],
  [['token', '--sub', 'a', '--unknown'], /Unknown option/],
  [['constructor'], /no command "constructor"/],
  [[], /a command is needed/],
])('a wrong command line ends with code 2 and says what is wrong: %j', async (args, complaint) => {
  const { code, stdout, stderr } = await runCli(args, env);
  expect(code).toBe(2);
  expect(stderr).toMatch(complaint);
  expect(stderr).toMatch(/See: tickcast .*--help/);
  expect(stdout).toBe('');
});

test('without a secret, token says which variable to set', async () => {
  const { code, stderr } = await runCli(['token', '--sub', 'alice']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/set TICKCAST_AUTH_SECRET/);
});

test('the secret may be in a file, as for an edge', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tickcast-cli-'));
  try {
    const file = join(folder, 'secret');
    const unread = await runCli(['token', '--sub', 'alice'], { TICKCAST_AUTH_SECRET_FILE: file });
    expect(unread).toMatchObject({ code: 1, stderr: expect.stringMatching(/TICKCAST_AUTH_SECRET_FILE can't be read/) });
    await writeFile(file, `${TEST_SECRET}\n`);
    const { stdout } = await runCli(['token', '--sub', 'alice'], { TICKCAST_AUTH_SECRET_FILE: file });
    const { payload } = await jwtVerify(stdout.trim(), key);
    expect(payload.sub).toBe('alice');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('--version tells the version of the package', async () => {
  expect(await runCli(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test('--help tells every command and the exit codes', async () => {
  const { code, stdout } = await runCli(['--help']);
  expect(code).toBe(0);
  for (const word of ['token', 'publish', 'tail', 'doctor', 'Exit codes']) expect(stdout).toContain(word);
});
