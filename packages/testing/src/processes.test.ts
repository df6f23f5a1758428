import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { cleanEnvironment, endAllProcesses, eventually, startProcess } from './mod.ts';

// What a test's own process does, played by a child that imports the built kit.
const KIT = fileURLToPath(new URL('../dist/mod.js', import.meta.url));

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a child is killed even when the test process is ended by SIGKILL', async () => {
  const program = `
    import { startProcess, startRedis } from ${JSON.stringify(KIT)};
    const redis = await startRedis();
    const sleeper = await startProcess('sleep', ['600']);
    console.log('started ' + redis.pid + ' ' + sleeper.pid);
    setInterval(() => {}, 1000);`;
  const parent = await startProcess(process.execPath, ['--input-type=module', '-e', program], {
    env: cleanEnvironment(),
  });
  const [, ...pids] = (await parent.waitForLine(/^started/)).split(' ');
  expect(pids.map(Number).every(isRunning)).toBe(true);
  await parent.kill();
  await eventually(() => !pids.map(Number).some(isRunning));
});

test('a child that is still running at the end of the test file is killed', async () => {
  const child = await startProcess('sleep', ['600']);
  await endAllProcesses();
  expect(isRunning(child.pid)).toBe(false);
  expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
});

test('output is read to the last line, and waiting for one that never comes ends with the process', async () => {
  const child = await startProcess('sh', ['-c', 'echo one; echo two >&2; printf three; exit 3']);
  expect(await child.waitForLine(/three/)).toBe('three');
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect(child.lines().toSorted()).toEqual(['one', 'three', 'two']);
  await expect(child.waitForLine(/four/)).rejects.toThrow(/ended without a line like/);
});

test('a program that does not exist is refused with its code', async () => {
  await expect(startProcess('no-such-program-here', [])).rejects.toMatchObject({ code: 'ENOENT' });
});

test('what a child prints is not coloured where CI or a developer’s settings would have it so', () => {
  const before = { ...process.env };
  Object.assign(process.env, { CI: 'true', FORCE_COLOR: '1', TICKCAST_PORT: '1' });
  try {
    expect(cleanEnvironment()).not.toHaveProperty('CI');
    expect(cleanEnvironment()).not.toHaveProperty('FORCE_COLOR');
    expect(cleanEnvironment({ TICKCAST_PORT: '2' })).toMatchObject({ PATH: before.PATH, TICKCAST_PORT: '2' });
  } finally {
    process.env = before;
  }
});
