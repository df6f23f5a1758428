import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { ConfigError, readConfig, VARIABLES } from './config.ts';

test('without any variable a worker does everything, with the simulated feed and what the package ships', () => {
  const config = readConfig([], {});
  expect(config).toMatchObject({
    redisUrl: 'redis://127.0.0.1:6379',
    redisPrefix: 'tickcast:',
    feed: ['simulate'],
    adminPort: null,
    queueBoard: 'view',
    sampleBacktestSeconds: 0,
  });
  expect([...config.roles]).toEqual(['market', 'backtests', 'alerts']);
  expect(config.agentId).toMatch(/^worker-[A-Za-z0-9.-]+-\d+$/);
});

test('words on the command line win over TICKCAST_FEED', () => {
  const env = { TICKCAST_FEED: ' replay  ticks.csv --speed 10 ' };
  expect(readConfig([], env).feed).toEqual(['replay', 'ticks.csv', '--speed', '10']);
  expect(readConfig(['simulate', '--seed', '7'], env).feed).toEqual(['simulate', '--seed', '7']);
});

test('every bad variable is named at once', () => {
  const env = {
    TICKCAST_REDIS_URL: 'localhost',
    TICKCAST_AGENT_ID: 'coordinator',
    TICKCAST_ROLES: 'market,alarms',
    TICKCAST_BACKTEST_CONCURRENCY: '0',
    TICKCAST_PRODUCERS_ADMIN_PORT: '70000',
    TICKCAST_QUEUE_BOARD: 'edit',
  };
  const problem = (() => {
    try {
      readConfig([], env);
    } catch (error) {
      return error;
    }
  })();
  expect(problem).toBeInstanceOf(ConfigError);
  for (const name of Object.keys(env)) expect(String(problem)).toContain(name);
  expect(String(problem)).toContain('market, backtests, alerts');
});

test("the README's table of variables says what the code says", () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const rows = [...readme.matchAll(/^\| `(TICKCAST_\w+)` +\| (.*?) +\| (.*?) +\|$/gm)];
  expect(rows.map(([, name]) => name)).toEqual(Object.keys(VARIABLES));
  for (const [, name, , about] of rows) expect(about).toBe(VARIABLES[name as keyof typeof VARIABLES].about);
});
