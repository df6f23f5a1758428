import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { cleanEnvironment, startProcess } from '@tickcast/testing';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tickcast-alerts-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function start(rulesFile: string, roles: string) {
  const env = { TICKCAST_ALERT_RULES: rulesFile, TICKCAST_ROLES: roles, TICKCAST_PRODUCERS_ADMIN_PORT: '0' };
  return startProcess(process.execPath, [MAIN], { env: cleanEnvironment(env) });
}

test('a worker refuses to start with bad rules, and names each of them and what is wrong', async () => {
  const path = join(folder, 'bad.json');
  const rules = [
    { name: 'good', type: 'agent_stopped' },
    { name: 'memory', type: 'agent_memory', percent: 'eighty' },
    { name: 'moves', type: 'price_move', symbols: [], percent: 1 },
  ];
  writeFileSync(path, JSON.stringify({ rules }));
  const worker = await start(path, 'alerts');
  expect(await worker.exited).toEqual({ code: 2, signal: null });
  expect(worker.lines()).toEqual([
    `${path} is no good file of alert rules:`,
    '  - rule 2 "memory": percent must be number',
    expect.stringMatching(/rule 3 "moves": /),
    expect.stringMatching(/rule 3 "moves": /),
  ]);
});

test('a worker refuses to start without its file of rules', async () => {
  const worker = await start(join(folder, 'none.json'), 'alerts');
  expect(await worker.exited).toEqual({ code: 2, signal: null });
  expect(worker.lines().join('\n')).toContain('ENOENT');
});

test('a worker that does not watch needs no rules', async () => {
  const worker = await start(join(folder, 'none.json'), 'backtests');
  expect(await worker.waitForLine(/"the worker runs"/, 25_000)).toContain('"roles":["backtests"]');
  await worker.kill();
});
