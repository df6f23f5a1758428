/** The seed's class, used as the seed uses it: its own lines of use, against a real edge. */
import { readFileSync } from 'node:fs';
import { afterAll, expect, jest, test } from '@jest/globals';
import { eventually, mintToken } from '@tickcast/testing';
import { QuantWebSocket } from '../src/mod.ts';
import { heard, startQuantWorld } from './quant-world.ts';
import type { World } from './world.ts';

/** What stands behind the class in the seed's sample. */
const [, USE = ''] = readFileSync(
  new URL('../../../apps/edge/test/samples/quant-websocket.js.txt', import.meta.url),
  'utf8',
).split('// 使用示例');

const { world: started, connected, keep, stop } = startQuantWorld();
const world = (): Promise<World> => started;

jest.spyOn(console, 'log').mockImplementation(() => undefined);
const errors = jest.spyOn(console, 'error').mockImplementation(() => undefined);

afterAll(stop);

test.concurrent('the lines of use of the seed get the status of agents', async () => {
  const { edge, publishStatus } = await world();
  const said: unknown[][] = [];
  const ownConsole = { log: (...words: unknown[]) => said.push(words) };
  const lines = USE.replace('ws://localhost:8001/api/v1/websocket', edge.url);
  const use = new Function('QuantWebSocket', 'token', 'console', `${lines}; return ws;`) as (
    ...args: unknown[]
  ) => QuantWebSocket;
  keep(use(QuantWebSocket, await mintToken(), ownConsole));
  await publishStatus('seed-agent', 'running');
  await eventually(() => said.some(([, data]) => (data as { status: string }).status === 'running'));
  expect(said[0]?.[0]).toBe('智能体状态更新:');
});

test.concurrent('callbacks get `data`, and the last one of a type counts', async () => {
  const { publishQuote, publishAlert } = await world();
  const ws = await connected();
  const states = heard(ws, 'state');
  ws.subscribe('market_data', '700.HK');
  ws.subscribe('alerts');
  const former = heard(ws, 'market_data');
  const quotes = heard(ws, 'market_data');
  // Alerts go to all: those of the tests beside this one come as well.
  const alerts = heard(ws, 'alerts') as Array<{ message: string }>;
  const own = () => alerts.find(({ message }) => message === '内存使用率超过80%');
  await eventually(() => states.some((change) => (change as { state: string }).state === 'live'));
  await publishQuote('0700.HK', 352);
  await eventually(async () => {
    await publishAlert('内存使用率超过80%');
    return quotes.length > 0 && own() !== undefined;
  });
  expect(quotes[0]).toEqual({ timestamp: 1701234567.89, price: 352, volume: 1 });
  expect(own()).toEqual({
    level: 'warning',
    message: '内存使用率超过80%',
    timestamp: 1701234567.89,
    source: 'test',
  });
  expect(former).toEqual([]);
});

test.concurrent('a frame without data goes to its callback whole', async () => {
  const ws = await connected();
  const pongs = heard(ws, 'pong');
  const wrong = heard(ws, 'error');
  await ws.connect();
  ws.send({ type: 'ping', timestamp: 1701234567.89 });
  ws.send({ type: 'unknown_type' });
  ws.subscribe('market_data');
  await eventually(() => pongs.length > 0 && wrong.length > 1);
  expect(pongs).toEqual([{ type: 'pong', timestamp: 1701234567.89, server_time: expect.any(Number) }]);
  expect(wrong).toMatchObject([{ error: 'unsupported_message_type' }, { error: 'symbol_required' }]);
});

test.concurrent('a callback that is busy or throws holds up no other, and gets its events one at a time', async () => {
  const { publishStatus, publishAlert } = await world();
  const ws = await connected();
  let isBusy = false;
  let finish: () => void = () => undefined;
  const statuses: string[] = [];
  ws.on('agent_status', async ({ status }) => {
    if (!status.startsWith('slow')) return;
    statuses.push(status);
    isBusy = true;
    await new Promise<void>((resolve) => (finish = resolve));
    throw new RangeError('mine');
  });
  const alerts = heard(ws, 'alerts');
  await ws.connect();
  ws.subscribe('alerts');
  await publishStatus('slow-agent', 'slow-1');
  await eventually(() => isBusy);
  await publishStatus('slow-agent', 'slow-2');
  await eventually(async () => {
    await publishAlert('meanwhile');
    return alerts.length > 0;
  });
  expect(statuses).toEqual(['slow-1']);
  finish();
  await eventually(() => statuses.length === 2);
  finish();
  const reported = errors.mock.calls.map(([, error]) => error as { code?: string });
  expect(reported.some(({ code }) => code === 'handler_failed')).toBe(true);
});

test.concurrent('what the token does not allow is told to the callback for errors, and the rest goes on', async () => {
  const { publishQuote } = await world();
  const ws = await connected(['market_data:8111.HK']);
  const wrong = heard(ws, 'error');
  const quotes = heard(ws, 'market_data');
  await ws.connect().catch(() => undefined);
  ws.subscribe('market_data', '8112.HK');
  ws.subscribe('market_data', '8111.HK');
  await eventually(() => wrong.length > 1);
  expect(wrong).toMatchObject([{ error: 'forbidden' }, { error: 'forbidden' }]);
  await eventually(async () => {
    await publishQuote('8111.HK', 1);
    return quotes.length > 0;
  });
});
